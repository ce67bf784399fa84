"""How well the search finds, on the shipped catalog, and how that is measured."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from dlatlas.catalog.load import load
from dlatlas.catalog.model import Catalog
from dlatlas.search import evaluate
from dlatlas.search.evaluate import GOAL, HALVES, Judged, judged, run, score, summary

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load(ROOT)


@pytest.mark.parametrize(
    ("must", "fine", "found", "recall", "reciprocal"),
    [
        ("a", "", "a", 1.0, 1.0),
        ("a", "", "x y a", 1.0, 1 / 3),
        ("a", "", "v w x y z a", 0.0, 0.0),
        ("a b", "", "a x", 0.5, 1.0),
        ("a", "b c", "b a", 2 / 3, 0.5),
        ("", "a b c d e f g", "g f e d c", 1.0, 1.0),
        ("", "a b c d e f g", "x a y b z", 2 / 5, 0.5),
        ("a b", "c d e f", "c d e f a", 4 / 5, 0.2),
        ("a", "b", "", 0.0, 0.0),
    ],
)
def test_scores(must: str, fine: str, found: str, recall: float, reciprocal: float) -> None:
    query = Judged("q", "k", frozenset(must.split()), frozenset(fine.split()))
    assert score(query, found.split()) == pytest.approx((recall, reciprocal))


def test_the_judged_queries_are_spread_and_their_answers_exist(catalog: Catalog) -> None:
    halves = {half: judged(ROOT, half, catalog) for half in HALVES}
    assert all(len(queries) >= 150 for queries in halves.values())
    kinds = [Counter(query.kind for query in queries) for queries in halves.values()]
    assert kinds[0].keys() == kinds[1].keys() and min(min(counted.values()) for counted in kinds) >= 8
    for queries in halves.values():
        assert all(query.must or query.fine for query in queries) and all(len(query.must) <= 5 for query in queries)
    asked = [(query.query, tuple(query.filters.items())) for queries in halves.values() for query in queries]
    assert len(set(asked)) == len(asked)


def test_an_answer_that_does_not_exist_is_named(tmp_path: Path, catalog: Catalog) -> None:
    file = tmp_path / "tests/tools/search/judged/dev.yml"
    file.parent.mkdir(parents=True)
    file.write_text("- {query: q, kind: k, must: [nowhere]}\n", "utf-8")
    with pytest.raises(ValueError, match="'q': not in the catalog: nowhere"):
        judged(tmp_path, "dev", catalog)


def test_whatever_belongs_to_a_topic(catalog: Catalog) -> None:
    query = next(query for query in judged(ROOT, "dev", catalog) if query.query == "強化學習")
    assert {"method:dqn", "topic:alphazero", "sutton-2018-reinforcement-learning"} <= query.fine and "topic:lstm" not in query.fine


def test_what_is_found_stays_found(catalog: Catalog) -> None:
    """The goal is reached in each half, and by each kind of both together: one query more or less does not decide."""
    halves = {half: run(ROOT, judged(ROOT, half, catalog)) for half in HALVES}
    assert {half: recall for half, found in halves.items() if (recall := summary(found)["recall"]) < GOAL["overall"]} == {}
    kinds = summary([one for found in halves.values() for one in found])["kinds"]
    assert {kind: means for kind, means in kinds.items() if means["recall"] < GOAL["kind"]} == {}


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main(["--root", str(ROOT), "--half", "dev", "--missed"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("dev ") and "\nall  " in out and "\ntypo " in out
