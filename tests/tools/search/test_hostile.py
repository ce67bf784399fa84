"""Whatever is typed, there is an answer, and soon."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from dlatlas.search import UnknownValue, search
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SECONDS = 2.0
"""Of processor time; a query of this small catalog takes some thousandths."""

SYNTAX = st.text("\"'()*:^-+NEAR AND OR NOT{}[]\\|.?$%_;\0\n\t adam剪枝.．：“”", max_size=120)
FIELDS = st.sampled_from(["type:", "-type:", "title:", "author:", "year:", "topic:", "has:", "note:", "site:"])
ANY = st.text(st.characters(), max_size=120)  # lone surrogates too


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ANY | SYNTAX | st.builds(str.__add__, FIELDS, ANY), max_size=4).map(" ".join))
def test_any_text_is_a_query(tree: Path, query: str) -> None:
    start = time.process_time()
    try:
        answer = search(tree, query, explain=True)
    except UnknownValue as error:
        assert error.field in str(error) and len(str(error)) < 1000
    else:
        assert len(answer.hits) <= 20 and answer.total >= len(answer.hits)
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize(
    "query",
    [
        "\ud800",
        "a" * 10_000,
        "剪" * 10_000,
        "剪枝 " * 3_000,
        "a b " * 5_000,
        " ".join(f"word{i}" for i in range(3_000)),
        " ".join(chr(0x4E00 + i) for i in range(5_000)),
        '"' * 999,
        '"a" ' * 2_000,
        "-a " * 3_000,
        "\0",
        "https://" + "x" * 9_000,
        "https://arxiv.org/abs/" + "1" * 9_000,
        "http://" + "a." * 3_000,
        "a/" * 5_000,
        "10." + "1" * 5_000 + "/x",
        "1-" * 5_000,
        "-" * 5_000,
        "title:" * 500,
        "(" * 5_000 + ")" * 5_000,
        "%ff%fe",
        "ﷺ" * 400,
        "e\u0301\u0302" * 3_000,
        "' OR 1=1; DROP TABLE docs; --",
        "adam* NEAR(adam, 5) ^adam {title} : adam",
    ],
)
def test_hostile_queries(tree: Path, query: str) -> None:
    search(tree, "adam")  # builds the index
    start = time.process_time()
    search(tree, query, explain=True)
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize("value", ["\ud800", "x" * 10_000, "paper,", ",", '"', "%", "a=b", "2016....", "\0", "9999..0000"])
@pytest.mark.parametrize("field", ["type", "topic", "lang", "year", "has"])
def test_hostile_values(tree: Path, field: str, value: str) -> None:
    try:
        search(tree, "adam", filters={field: value})
    except UnknownValue as error:
        assert error.field == field and len(str(error)) < 1000


def test_nothing_is_changed_by_a_query(tree: Path) -> None:
    before = search(tree, "adam").hits
    search(tree, "'; DELETE FROM docs; --")
    assert search(tree, "adam").hits == before
