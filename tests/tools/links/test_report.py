"""What people and other programs are told, and what has changed between two runs."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import date
from xml.etree import ElementTree as ET

import pytest
from dlatlas.catalog.model import IgnoredLink
from dlatlas.links import changes
from dlatlas.links.health import Health
from dlatlas.links.ignore import Ignored
from dlatlas.links.machine_reports import annotations, junit
from dlatlas.links.progress import Progress, span
from dlatlas.links.report import Place, Report, markdown, verdict
from dlatlas.links.result import VERDICTS, Result

GONE = Result("https://a.example/gone", "gone", "http-404", 404, confirmed=True)
ONCE = Result("https://a.example/a-once", "gone", "http-410", 410)
NEW = "https://a.example/new"
MOVED = Result("https://a.example/old?a=1|b&c", "moved", "permanent-redirect", 200, NEW, (("https://a.example/old", 301),))
TLS = Result("https://b.example/", "broken-tls", "tls-expired")
WALL = Result("https://c.example/", "blocked", "forbidden", 403)
SHORT = Result("https://t.co/x", "opaque", "short-link")
FINE = Result("https://d.example/", "ok", "http-200", 200, elapsed=0.25)
ALL = [FINE, SHORT, WALL, TLS, MOVED, ONCE, GONE]
PLACES = {GONE.url: Place("catalog/x/y/entries.yml", 12, "some-work")}
EXPECTED = Ignored([IgnoredLink("https://a.example/*", "looked", "2026-12-31", ("gone",))], date(2026, 1, 31))


def test_what_fails() -> None:
    assert Report(ALL).failed == [GONE]
    assert Report(ALL, strict=True).failed == [TLS, MOVED, ONCE, GONE]
    assert Report(ALL, ignored=EXPECTED).failed == []
    assert Report(ALL, strict=True, ignored=EXPECTED).failed == [TLS, MOVED]
    assert Report([replace(GONE, verdict=name) for name in VERDICTS if name != "gone"]).failed == []


def test_rows_the_worst_first() -> None:
    report = Report(ALL, places=PLACES)
    assert [row[2] for row in report.rows()] == [GONE.url, ONCE.url, TLS.url, MOVED.url, WALL.url]
    assert next(report.rows()) == ("gone (twice)", "http-404", GONE.url, "", "some-work")
    assert verdict(ONCE) == "gone (once)"
    assert report.summary() == "1 ok, 1 opaque, 1 blocked, 1 moved, 1 broken-tls, 2 gone (1 twice)"
    assert Report(ALL, ignored=EXPECTED).summary().endswith(", 2 of them expected")
    assert [row[2] for row in Report(ALL, ignored=EXPECTED).rows()] == [TLS.url, MOVED.url, WALL.url]
    assert Report([]).summary() == "no links"


def test_what_is_noted_of_links_that_work() -> None:
    reasons = ("archived", "withdrawn", "newer-version", "http-200")
    noted = [replace(FINE, url=f"https://e.example/{reason}", reason=reason) for reason in reasons]
    report = Report(noted)
    assert report.summary() == "4 ok, 1 withdrawn, 1 archived, 1 newer-version"
    assert [row[1] for row in report.rows()] == ["withdrawn"]
    assert len(list(Report(noted, every=True).rows())) == 4
    assert list(annotations(Report(noted, every=True, strict=True))) == [] and not Report(noted, strict=True).failed


def test_markdown() -> None:
    lines = markdown(Report(ALL, places=PLACES)).splitlines()
    assert lines[0] == "1 ok, 1 opaque, 1 blocked, 1 moved, 1 broken-tls, 2 gone (1 twice)."
    assert lines[2:7] == [
        "## gone (twice): 1",
        "",
        "| reason | link | leads to | entry |",
        "| --- | --- | --- | --- |",
        "| http-404 | <https://a.example/gone> |  | some-work |",
    ]
    assert "| permanent-redirect | <https://a.example/old?a=1%7Cb&c> | <https://a.example/new> |  |" in lines
    evil = Result("x", "unknown", "scheme-a|<b>\n`c`@d*", final_url="https://a.example/<x>|`\n")
    assert "| scheme-a\\|&lt;b&gt; \\`c\\`\\@d\\* | x | <https://a.example/%3Cx%3E%7C%60%0A> |  |" in markdown(Report([evil]))


def test_junit() -> None:
    control = Result("https://a.example/\x00\x1b", "unknown", "bad-address", elapsed=0.5)
    text = junit(Report([*ALL, control], ignored=EXPECTED, places=PLACES, strict=True))
    root = ET.fromstring(text)
    (suite,) = root
    assert {name: suite.get(name) for name in ("tests", "failures", "skipped", "errors", "time")} == {
        "tests": "8", "failures": "3", "skipped": "4", "errors": "0", "time": "0.750",
    }  # fmt: skip
    cases = {case.get("name"): case for case in suite}
    assert [child.tag for child in cases[FINE.url]] == []
    assert cases[GONE.url].get("classname") == "some-work" and cases[GONE.url].get("line") == "12"
    assert cases[GONE.url][0].attrib == {"message": "gone (twice): http-404; expected: looked"}
    failure = cases[MOVED.url][0]
    assert failure.tag == "failure" and failure.get("message") == "moved: permanent-redirect, leads to https://a.example/new"
    assert failure.text == "301 https://a.example/old\n200 https://a.example/new"
    assert cases["https://a.example/\ufffd\ufffd"].get("classname") == "a.example"


def test_annotations() -> None:
    lines = list(annotations(Report(ALL, places=PLACES)))
    where = "file=catalog/x/y/entries.yml,line=12,title=link gone (twice)"
    assert lines[0] == f"::error {where}::https://a.example/gone: gone (twice): http-404"
    assert [line.split(" ")[0] for line in lines] == ["::error", "::warning", "::warning", "::warning"]
    evil = replace(TLS, url="https://a.example/%0A\n::error::x")
    assert list(annotations(Report([evil]))) == [
        "::warning title=link broken-tls::https://a.example/%250A%0A::error::x: broken-tls: tls-expired"
    ]


def test_progress_on_a_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream, now = Terminal(), [0.0]
    progress = Progress(100, stream, lambda: now[0])
    for _ in range(50):
        now[0] += 0.0625
        progress.add("ok")
    progress.add("gone")
    assert re.match(r"(49|50) of 100 links, 16/s, 0:03 left *$", stream.getvalue().split("\r")[-1])
    assert 20 <= stream.getvalue().count("\r") <= 32  # ten lines a second at most
    for _ in range(49):
        now[0] += 0.0625
        progress.add("moved")
    assert re.search(r"\r100 of 100 links, 0:06 \(49 moved, 1 gone\) *\n$", stream.getvalue())


def test_progress_in_a_file() -> None:
    stream, now = io.StringIO(), [0.0]
    progress = Progress(100, stream, lambda: now[0])
    for _ in range(100):
        now[0] += 0.25
        progress.add("ok")
    assert stream.getvalue().splitlines() == [
        "20 of 100 links, 4.0/s, 0:20 left",
        "40 of 100 links, 4.0/s, 0:15 left",
        "60 of 100 links, 4.0/s, 0:10 left",
        "80 of 100 links, 4.0/s, 0:05 left",
        "100 of 100 links, 0:25",
    ]


def test_the_rate_is_that_of_the_last_seconds() -> None:
    stream, now = io.StringIO(), [0.0]
    progress = Progress(2000, stream, lambda: now[0])
    for i in range(1100):
        now[0] += 0.01 if i < 1000 else 1.0
        progress.add("ok")
    assert re.fullmatch(r"1,\d\d\d of 2,000 links, 1\.0/s, 15:0\d left", stream.getvalue().splitlines()[-1])


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (59.7, "1:00"), (3599, "59:59"), (3661, "1:01:01")])
def test_spans(seconds: float, text: str) -> None:
    assert span(seconds) == text


# What has changed between two runs.


def health(url: str, verdict: str, *, confirmed: bool = False, since: str = "2026-01-01", final_url: str | None = None) -> Health:
    return Health(f"https://{url}.example/", verdict, "why", 200, final_url, None, since, "2026-01-08", confirmed)


def known(*links: Health) -> dict[str, Health]:
    return {link.url: link for link in links}


FIRST = known(
    health("stays", "ok"),
    health("still-gone", "gone", confirmed=True),
    health("goes", "ok"),
    health("goes-once", "ok"),
    health("returns", "gone", confirmed=True),
    health("gone-then-blocked", "gone", confirmed=True),
    health("moves", "ok"),
    health("flaps", "ok"),
    health("falls", "ok"),
    health("was-blocked", "blocked"),
    health("leaves", "ok"),
)
SECOND = known(
    health("stays", "ok"),
    health("still-gone", "gone", confirmed=True),
    health("goes", "gone", confirmed=True),
    health("goes-once", "gone"),
    health("returns", "ok"),
    health("gone-then-blocked", "blocked"),
    health("moves", "moved", final_url="https://new.example/"),
    health("flaps", "unreachable", since="2026-01-08"),
    health("falls", "unreachable"),
    health("was-blocked", "ok"),
    health("new-and-fine", "ok"),
    health("new-and-gone", "gone", confirmed=True),
)


def test_only_what_changed_is_told() -> None:
    found = changes.changes(FIRST, SECOND)
    assert {(change.now.url.split("/")[2].removesuffix(".example"), change.before, change.standing) for change in found} == {
        ("goes", "fine", "gone"),
        ("returns", "gone", "fine"),
        ("moves", "fine", "moved"),
        ("falls", "fine", "unreachable"),
        ("new-and-gone", "fine", "gone"),
    }
    text = changes.markdown(found, len(SECOND))
    head, _, rest = text.partition("\n\n")
    assert head == "Of 12 links, 5 stand differently than at the last report."
    assert rest.startswith("## Gone: 2\n\n| link | what | stored copy | since |\n")
    assert "| <https://moves.example/> | why | <https://new.example/> | 2026-01-01 |" in text
    assert "| <https://returns.example/> | was gone |  | 2026-01-01 |" in text
    assert "stays" not in text and "still-gone" not in text


def test_no_news_is_no_report() -> None:
    assert changes.changes(SECOND, SECOND) == []
    assert changes.markdown([], 3) == ""


def test_what_was_reported_holds_until_it_is_contradicted() -> None:
    """A link reported gone, then refused to us, then gone again, is no news; nor is one that was away for a day."""
    reported = changes.carried(FIRST, SECOND)
    assert reported["https://gone-then-blocked.example/"].verdict == "gone"
    assert reported["https://goes.example/"].verdict == "gone"
    assert reported["https://flaps.example/"].verdict == "ok"
    assert "https://leaves.example/" not in reported
    third = known(health("gone-then-blocked", "gone", confirmed=True), health("flaps", "ok"), health("returns", "gone", confirmed=True))
    assert [change.now.url for change in changes.changes(reported, third)] == ["https://returns.example/"]


def test_a_long_report_is_cut() -> None:
    many = known(*(health(f"n{i}", "gone", confirmed=True) for i in range(changes.MOST + 7)))
    text = changes.markdown(changes.changes({}, many), len(many))
    assert text.count("<https://") == changes.MOST and "And 7 more: `dlatlas links report`." in text
