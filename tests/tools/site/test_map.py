import re

import pytest
from dlatlas.catalog.load import load
from dlatlas.evidence.store import Evidence
from dlatlas.site.context import Context
from dlatlas.site.home import home_page
from dlatlas.site.map import LARGEST, TALLEST, Node, _width, columns, draw, implied_lines, wrapped
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.site.conftest import REPOSITORY


def nodes(*edges: str) -> list[Node]:
    """Nodes from lines such as ``c<ab``: c builds on a and b."""
    pairs = [edge.partition("<") for edge in edges]
    return [Node(name, name.upper(), f"{name}/", tuple(before), False) for name, _, before in pairs]


def test_each_node_stands_right_of_what_it_builds_on() -> None:
    assert columns(nodes("d<bc", "b<a", "c<a", "a", "e")) == [["a", "e"], ["b", "c"], ["d"]]


@given(st.lists(st.sets(st.integers(0, 29)), max_size=30))
def test_columns_of_any_graph_hold_every_node_once(needed: list[set[int]]) -> None:
    graph = [Node(str(i), "t", "t/", tuple(str(n) for n in sorted(below) if n < i), False) for i, below in enumerate(needed)]
    found = columns(graph)
    place = {name: number for number, column in enumerate(found) for name in column}
    assert sorted(place) == sorted(node.id for node in graph) and sum(map(len, found)) == len(graph)
    assert all(place[before] < place[node.id] for node in graph for before in node.before)
    assert max(map(len, found), default=0) <= TALLEST


def test_the_columns_are_ordered_so_that_lines_do_not_cross() -> None:
    assert columns(nodes("a", "b", "x<b", "y<a")) in ([["a", "b"], ["y", "x"]], [["b", "a"], ["x", "y"]])


def test_a_cycle_is_named() -> None:
    with pytest.raises(ValueError, match="require each other: a, b"):
        columns(nodes("a<b", "b<a"))


def test_a_line_that_a_longer_way_tells_of_is_implied() -> None:
    before = {"a": (), "b": ("a",), "c": ("a", "b"), "d": ("c", "a")}
    assert implied_lines(before) == {("a", "c"), ("a", "d")}


def test_the_drawing_links_every_topic_and_takes_titles_literally() -> None:
    svg = draw([Node("a", "<b> & c", "a/", (), True), Node("d", "D", "d/", ("a",), False)], "Map")
    assert re.findall(r'<a href="([^"]+)" data-id="(\w)"', svg) == [("a/", "a"), ("d/", "d")]
    assert "&lt;b&gt; &amp; c" in svg and "<b>" not in svg
    assert len(re.findall(r"<path [^>]*data-from=\"a\" data-to=\"d\"", svg)) == 1


@pytest.mark.parametrize(
    ("title", "lines"),
    [
        ("LSTM", ["LSTM"]),
        ("Pruning, quantization and architecture search", ["Pruning, quantization", "and architecture search"]),
        ("马尔可夫决策过程与规划", ["马尔可夫决", "策过程与规划"]),
    ],
)
def test_titles_take_two_lines(title: str, lines: list[str]) -> None:
    assert wrapped(title) == lines


@given(st.text(alphabet="abc 中文", min_size=1, max_size=80))
def test_no_line_of_a_title_is_wider_than_its_box(title: str) -> None:
    lines = wrapped(title)
    assert 1 <= len(lines) <= 2 and all(_width(line) <= 24 for line in lines)


def test_the_home_page_has_the_map_of_all_topics(english: Context) -> None:
    body = home_page(english).body
    found = dict(re.findall(r'<a href="([^"]+)" data-id="([\w-]+)"', body))
    assert found == {"training/optimizers/": "optimizers", "compression/pruning/": "pruning", "training/lstm/": "lstm"}
    assert 'data-from="optimizers" data-to="lstm"' in body


def test_the_map_of_the_real_catalog_can_be_drawn() -> None:
    catalog = load(REPOSITORY)
    assert 1 < len(catalog.topics) <= LARGEST
    body = home_page(Context(REPOSITORY, catalog, Evidence(REPOSITORY, strict=False), {}, "zh")).body
    assert len(re.findall(r"<a [^>]*data-id=", body)) == len(catalog.topics)
