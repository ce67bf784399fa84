"""The tables of the page about the search come from what was measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from dlatlas.evidence.store import write_json
from dlatlas.search.evaluate import GOAL, Judged, Outcome, summary
from dlatlas.site.context import Context
from dlatlas.site.measured import fill
from dlatlas.site.search_tables import QUALITY, SPEED, TABLES, WORDS

PAGES = Path(__file__).resolve().parents[3] / "docs"
MARKS = ["<!-- table: quality -->", "<!-- table: speed -->"]


def filled(context: Context) -> str:
    page = context.root / "page.md"
    page.write_text("\n\n".join(["before", *MARKS, "after"]), "utf-8")
    fill(context, page, TABLES)
    return page.read_text("utf-8")


def test_the_tables_hold_what_was_measured(english: Context, chinese: Context) -> None:
    outcomes = [Outcome(Judged("q", "typo"), (), 0.25, 0.5), Outcome(Judged("q", "id"), (), 1.0, 1.0)]
    halves = {"dev": summary(outcomes), "final": summary(outcomes[:1])}
    halves["final"]["kinds"]["id"] = summary(outcomes[1:])
    write_json(english.root / QUALITY, {"date": "2026-01-02", "entries": 1234, "goal": GOAL, "halves": halves})
    row = {"documents": 1_000_000, "engine": "tantivy", "build_s": 61.5, "peak_mib": 1024, "file_mib": 512.25}
    write_json(english.root / SPEED, {"environment": {"cores": "2"}, "scale": [{**row, "cold_ms": {"p50": 12.4, "max": 345.6}}]})
    text = filled(english)
    assert text.startswith("before") and text.endswith("after") and "<!--" not in text
    assert "<tr><td>misspellings</td><td>1 + 1</td><td>0.250</td><td>0.500</td><td>0.250</td><td>0.500</td></tr>" in text
    assert "<tr><td>all</td><td>2 + 1</td><td>0.625</td><td>0.750</td>" in text and "1,234 entries" in text
    cells = ["1,000,000", "tantivy", "12 ms", "346 ms", "61.5 s", "1,024 MiB", "512.2 MiB"]
    assert f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>" in text and "cores 2" in text
    assert f"a recall of {GOAL['overall']} over all queries" in text
    assert "Not reached yet, development: all, misspellings. Not reached yet, held out: all, misspellings.</p>" in text
    assert "拼写错误" in filled(chinese) and "测量于 2026-01-02" in filled(chinese)


def test_a_goal_that_is_reached_is_called_so(english: Context) -> None:
    half = summary([Outcome(Judged("q", "typo"), (), 1.0, 1.0)])
    write_json(english.root / QUALITY, {"date": "2026-01-02", "entries": 1, "goal": GOAL, "halves": {"dev": half, "final": half}})
    assert "Both halves reach it." in filled(english)


def test_without_a_run_the_page_says_so(english: Context) -> None:
    assert filled(english).count(english.say("not-run")) == 2


def test_a_page_that_is_missing_is_not_made(english: Context) -> None:
    fill(english, english.root / "none.md", TABLES)
    assert not (english.root / "none.md").exists()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_both_pages_have_the_places_and_the_same_parts(lang: str) -> None:
    text = (PAGES / lang / "search.md").read_text("utf-8")
    assert [mark in text for mark in MARKS] == [True, True]
    other = (PAGES / {"en": "zh", "zh": "en"}[lang] / "search.md").read_text("utf-8")
    for pattern in (r"\{#([\w-]+)\}", r"```(\w+)", r"`([^`\n]+)`"):
        assert sorted(re.findall(pattern, text)) == sorted(re.findall(pattern, other)), pattern


def test_every_kind_of_the_judged_queries_has_a_name() -> None:
    found = {kind for half in ("dev", "final") for kind in re.findall(r"kind: (\w+)", _judged(half))}
    assert found <= WORDS.keys() and len(found) == 16


def _judged(half: str) -> str:
    return (PAGES.parent / f"tests/tools/search/judged/{half}.yml").read_text("utf-8")
