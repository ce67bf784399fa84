"""Links for which a check does not fail."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import get_args

import pytest
from dlatlas.catalog.load import load
from dlatlas.catalog.model import IgnoredLink, Trouble
from dlatlas.links.ignore import Ignored, matches
from dlatlas.links.result import VERDICTS, Result

TODAY = date(2026, 1, 31)


@pytest.mark.parametrize(
    ("match", "url", "expected"),
    [
        ("https://a.example/x", "https://a.example/x", True),
        ("https://a.example/x", "https://a.example/xy", False),
        ("https://a.example/*", "https://a.example/b/c?d", True),
        ("https://a.example/*.pdf", "https://a.example/b/c.pdf", True),
        ("https://a.example/*.pdf", "https://a.example/b/cxpdf", False),
        ("https://*.example/?", "https://a.example/?", True),
        ("https://*.example/?", "https://a.example/x", False),
    ],
)
def test_matches(match: str, url: str, expected: bool) -> None:
    assert matches(IgnoredLink(match, "r", "2026-12-31"), url) is expected


def test_until_and_verdicts() -> None:
    rule = IgnoredLink("https://a.example/*", "looked", "2026-01-31", ("gone",))
    gone, tls, fine = (Result("https://a.example/x", verdict, "r") for verdict in ("gone", "broken-tls", "ok"))
    assert Ignored([rule], TODAY).rule(gone) is rule
    assert Ignored([rule], date(2026, 2, 1)).rule(gone) is None
    assert Ignored([rule], TODAY).rule(tls) is None
    anything = IgnoredLink("https://a.example/*", "looked", "2026-01-31")
    assert Ignored([anything], TODAY).rule(tls) is anything
    assert Ignored([anything], TODAY).rule(fine) is None


def test_every_trouble_can_be_expected() -> None:
    assert {*get_args(Trouble), "ok", "opaque"} == set(VERDICTS)


def test_the_catalog_holds_the_rules(tree: Path) -> None:
    assert load(tree).ignored == ()
    text = '- match: "https://a.example/*"\n  reason: "x"\n  until: "2026-12-31"\n  verdicts: [gone]\n'
    (tree / "catalog/ignore-links.yml").write_text(text)
    assert load(tree).ignored == (IgnoredLink("https://a.example/*", "x", "2026-12-31", ("gone",)),)
