"""The tables of the page about the link checker come from what was measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from dlatlas.evidence.store import write_json
from dlatlas.site.context import Context
from dlatlas.site.link_tables import BENCH, TABLES
from dlatlas.site.measured import fill

PAGES = Path(__file__).resolve().parents[3] / "docs"
MARKS = [f"<!-- table: {name} -->" for name in TABLES]

RUN = {"profile": "main", "seed": 1, "links": 2000, "wall": 5.25, "memory": 34.6, "requests": 2600, "inside": 0}
RUN |= {"wrong": {}, "live_called_gone": 0, "gone_called_live": 0}
PEER = {"peer": "other", "profile": "main", "seed": 1, "ended": True, "wall": 60.0, "memory": 51}
PEER |= {"live_called_broken": 130, "gone_passed": 60, "unsaid": 2}


def filled(context: Context) -> str:
    page = context.root / "page.md"
    page.write_text("\n\n".join(MARKS), "utf-8")
    fill(context, page, TABLES)
    return page.read_text("utf-8")


def row(*cells: str) -> str:
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def test_webs_show_the_median_time_and_the_range_of_the_rest(english: Context) -> None:
    runs = [RUN, RUN | {"wall": 4.0, "requests": 2650, "memory": 35.6}, RUN | {"wall": 9.0, "wrong": {"x": 2, "y": 1}}]
    write_json(english.root / BENCH, {"rows": runs, "machine": {"cores": 2}})
    text = filled(english)
    assert row("<code>main</code>", "2,000", "5.2 s", "36 MiB", "2,600–2,650", "0", "0–3") in text and "cores 2" in text
    assert english.say("not-run") in text


def test_programs_stand_beside_the_checker_on_the_seeds_that_they_were_tried_on(english: Context, chinese: Context) -> None:
    runs = [RUN, RUN | {"seed": 2, "wall": 4.0}, RUN | {"profile": "tls"}]
    write_json(
        english.root / BENCH, {"rows": runs, "peers": [PEER, PEER | {"peer": "endless", "ended": False, "wall": 170.0, "memory": None}]}
    )
    text = filled(english).split("</table>")[1]
    mine = row("<code>main</code>", "<code>dlatlas links</code>", "5.2 s", "35 MiB", "0", "0", "0")
    theirs = row("<code>main</code>", "<code>other</code>", "60.0 s", "51 MiB", "130", "60", "2")
    endless = row("<code>main</code>", "<code>endless</code>", "stopped after 170 s", *"————")
    assert text.index(mine) < text.index(endless) < text.index(theirs) and "tls" not in text
    assert "170 秒后中止" in filled(chinese)


def test_without_a_run_the_page_says_so(english: Context) -> None:
    assert filled(english).count(english.say("not-run")) == 2


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_both_pages_have_the_places_and_the_same_parts(lang: str) -> None:
    text, other = ((PAGES / name / "links.md").read_text("utf-8") for name in (lang, {"en": "zh", "zh": "en"}[lang]))
    assert all(mark in text for mark in MARKS)
    for pattern in (r"\{#([\w-]+)\}", r"```(\w+)", r"`([^`\n]+)`"):
        assert sorted(re.findall(pattern, text)) == sorted(re.findall(pattern, other)), pattern
