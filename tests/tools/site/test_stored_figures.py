"""Figures whose data a run has stored: every one is drawn in both languages, and what is drawn follows the data."""

import copy
import itertools
import json
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from html import unescape
from typing import Any

import pytest
from dlatlas.catalog.load import load
from dlatlas.evidence.figures import names, path_of, read
from dlatlas.site.context import Context
from dlatlas.site.figures import activations, contour, convolution, heatmap, normalization, optimizers
from dlatlas.site.figures.stored import DRAWERS, PLACES, topic_figures
from dlatlas.site.figures.svg import linear, path, simplify
from dlatlas.site.strings import LANGUAGES
from dlatlas.site.topic import topic_page

from tests.tools.site.conftest import REPOSITORY
from tests.tools.tree import write


def stored(name: str) -> Mapping[str, Any]:
    found = read(REPOSITORY, name)
    assert found is not None
    return found.data


def parse(html: str) -> ET.Element:
    """The HTML as a tree, after what XML would refuse is put right: attributes without a value, inputs without an end."""
    valued = re.sub(r" (hidden|checked)(?=[ >])", r' \1=""', html)
    return ET.fromstring("<div>" + re.sub(r"(<input\b[^>]*)>", r"\1/>", valued) + "</div>")


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", DRAWERS)
def test_every_figure_is_drawn_with_a_text_alternative(name: str, lang: str) -> None:
    html = DRAWERS[name](stored(name), lang, f"figure-{name}", "note")
    tree = parse(html)
    ids = [element.get("id") for element in tree.iter() if element.get("id")]
    assert len(ids) == len(set(ids)) and f"figure-{name}" in ids
    pictures = list(tree.iter("svg"))
    assert pictures
    for svg in pictures:
        assert svg.get("role") == "img"
        title, told = (svg.find(kind) for kind in ("title", "desc"))
        assert title is not None and told is not None and title.text and told.text
        assert svg.get("aria-labelledby") == f"{title.get('id')} {told.get('id')}"
        assert not re.search(r"\bnan\b|\binf\b|\{", ET.tostring(svg, "unicode"))
        assert (lang == "zh") == bool(re.search(r"[\u4e00-\u9fff]", told.text))
    assert "#" not in "".join(svg.get("fill", "") + svg.get("stroke", "") for svg in tree.iter())


def test_every_computed_figure_has_a_place_and_a_drawer() -> None:
    topics = {topic.id for topic in load(REPOSITORY).topics}
    assert set(names(REPOSITORY)) == set(DRAWERS) == set(itertools.chain(*PLACES.values()))
    assert set(PLACES) <= topics


def test_a_topic_page_shows_its_figures_and_says_when_they_are_stale(english: Context) -> None:
    assert topic_figures(english, "optimizers") == []
    target = path_of(english.root, "optimizer-paths")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(path_of(REPOSITORY, "optimizer-paths").read_text("utf-8"), "utf-8")
    write(english.root, {"refimpl/figures/optimizer_paths.py": "x = 1\n"})
    body = topic_page(english, english.topics["optimizers"]).body
    assert "{#figures}" in body and 'id="figure-optimizer-paths"' in body
    assert "dlatlas figures run optimizer-paths" in body
    note = body[body.index('class="f-note"') :].split("</p>")[0]
    assert "badge-stale" in note


GRID = [[math.hypot(i - 10, j - 10) for i in range(21)] for j in range(21)]
"""A cone: its level lines are circles."""


def test_level_lines_of_a_cone_are_circles() -> None:
    (line,) = contour.lines(GRID, 6.5)
    assert line[0] == line[-1] and len(set(line)) == len(line) - 1
    assert all(math.hypot(x - 10, y - 10) == pytest.approx(6.5, abs=0.05) for x, y in line)


def test_level_lines_end_at_the_edge_and_nowhere_else() -> None:
    found = contour.lines(GRID, 12.0)
    assert len(found) == 4
    for line in found:
        assert all(min(x, y, 20 - x, 20 - y) == 0 for x, y in (line[0], line[-1]))


@pytest.mark.parametrize(("corner", "joined"), [(3.0, True), (1.1, False)])
def test_at_a_saddle_the_middle_decides(corner: float, joined: bool) -> None:
    found = contour.lines([[corner, 0.0], [0.0, corner]], 1.0)
    assert len(found) == 2
    apart = all(min(abs(x - y) for x, y in line) < 0.5 for line in found)
    assert apart != joined or joined == (corner / 2 > 1.0)
    low = min(sum(line[0]) + sum(line[-1]) for line in found)
    assert (low > 0.5) if joined else (low < 1.0)


def test_higher_bands_are_darker() -> None:
    html = contour.surface(GRID, [3.0, 6.0], linear(0, 20, 0, 100), linear(0, 20, 100, 0))
    shades = [float(v) for v in re.findall(r'fill-opacity="([\d.]+)"', html)]
    assert shades == sorted(shades) and len(shades) == 2


def test_a_simplified_line_stays_near_and_keeps_its_corners() -> None:
    line = [(float(x), 0.0 if x < 50 else float(x - 50)) for x in range(101)]
    assert simplify(line, 0.1) == [(0.0, 0.0), (50.0, 0.0), (100.0, 50.0)]
    wave = [(x / 10, math.sin(x / 10)) for x in range(200)]
    kept = simplify(wave, 0.01)
    assert len(kept) < len(wave) / 2 and set(kept) <= set(wave)
    for (x0, y0), (x1, y1) in itertools.pairwise(kept):
        assert all(abs(y0 + (x - x0) / (x1 - x0) * (y1 - y0) - y) < 0.02 for x, y in wave if x0 <= x <= x1)


def test_a_path_gives_back_its_points() -> None:
    numbers = [float(v) for v in re.findall(r"-?[\d.]+", path([(1.04, 2.0), (3.06, -1.0), (3.06, -1.0), (0.0, 5.5)]))]
    assert numbers == [1.0, 2.0, 2.1, -3.0, -3.1, 6.5]


def test_a_jump_is_not_drawn_as_a_line() -> None:
    grid = [-1.0, -0.1, 0.0, 1.0]
    assert len(activations._pieces(grid, [0.0, 0.0, 1.0, 1.0])) == 2
    assert len(activations._pieces(grid, [-1.0, -0.1, 0.0, 0.5])) == 1


def test_a_curve_that_leaves_the_drawing_ends_at_its_edge() -> None:
    (piece,) = activations._pieces([0.0, 1.0, 2.0, 3.0], [3.0, 3.2, 3.6, 4.0])
    assert piece[-1] == (pytest.approx(1.5), activations.TOP)


def test_cells_are_filled_by_value_and_sign() -> None:
    tree = parse(heatmap.cells([[0.5, -1.0, 0.001]], 0, 0, 10, 10))
    shown = [(r.get("class"), r.get("fill-opacity")) for r in tree.iter("rect")]
    assert shown == [(None, "0.5"), ("f-1", "1"), ("f-frame", None)]


def test_blocks_mark_the_faces_of_averaged_cells() -> None:
    html = normalization._block((2, 2, 2), {(0, 1, 0)}, "en")
    on = re.search(r'class="f-cell f-on" d="([^"]*)"', html)
    assert on and on[1].count("M") == 3  # its front, its top and its right


def test_the_first_step_of_a_convolution_is_shown_without_script() -> None:
    data = stored("convolution-arithmetic")
    tree = parse(convolution.draw(data, "en", "f", ""))
    panels = [element for element in tree.iter("div") if element.get("class") == "f-conv"]
    assert len(panels) == len(data["cases"])
    for panel, case in zip(panels, data["cases"], strict=True):
        inputs = [r for r in panel.iter("rect") if "f-in" in r.get("class", "")]
        assert len(inputs) == (case["input"] + 2 * case["padding"]) ** 2
        assert {i for i, r in enumerate(inputs) if "f-on" in r.get("class", "")} == set(case["reads"][0])
        assert json.loads(unescape(panel.get("data-reads", ""))) == case["reads"]
        assert sum("f-pad" not in r.get("class", "") for r in inputs) == case["input"] ** 2


def test_paths_begin_at_the_start_and_end_where_the_data_ends() -> None:
    data = copy.deepcopy(stored("optimizer-paths"))
    surface = data["surfaces"][2]
    data["surfaces"] = [surface]
    tree = parse(optimizers.draw(data, "en", "f", ""))
    lines = [line.get("points", "").split() for line in tree.iter("polyline")]
    assert len(lines) == len(surface["paths"]) == 7
    assert len({line[0] for line in lines}) == 1 and all(len(line) == data["steps"] + 1 for line in lines)
    x = linear(*surface["x"], 0, optimizers.SIDE)
    for line, each in zip(lines, surface["paths"], strict=True):
        assert float(line[-1].split(",")[0]) == pytest.approx(x(each["path"][-1][0]), abs=0.06)
    rates = [cell.text for cell in tree.iter("td")][::2]
    assert rates == [f"{each['rate']:g}" for each in surface["paths"]]
