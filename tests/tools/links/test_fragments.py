"""The part after ``#``."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tools.links.conftest import OPEN, Site, one, verdicts

ASKED = replace(OPEN, fragments=True)
PAGE = (
    "<h1 id=top-of-it>x</h1><a name='named'>x</a><p id='Über &amp; mehr'>x</p><h2 id='user-content-usage'>x</h2>"
    "<!-- <p id=commented> --><script>'<p id=scripted>'</script>" + "<p>many words here " * 100
)


@pytest.mark.parametrize(
    ("fragment", "verdict"),
    [
        ("top-of-it", "ok"),
        ("named", "ok"),
        ("%C3%9Cber%20&amp; mehr".replace("&amp;", "&"), "ok"),
        ("usage", "ok"),
        ("top", "ok"),
        ("", "ok"),
        ("L10-L20", "ok"),
        ("/route", "ok"),
        (":~:text=words", "ok"),
        ("commented", "gone"),
        ("scripted", "gone"),
        ("nothing", "gone"),
        ("Named", "gone"),
    ],
)
def test_fragments(site: Site, fragment: str, verdict: str) -> None:
    site.routes["/page"] = (200, PAGE, {})
    result = one(site(f"page#{fragment}"), ASKED)
    assert (result.verdict, result.reason) == (verdict, "no-fragment" if verdict == "gone" else "http-200")
    assert one(site(f"page#{fragment}")).verdict == "ok"


def test_several_fragments_of_one_page(site: Site) -> None:
    site.routes["/page"] = (200, PAGE, {})
    found = verdicts(site("page#named"), site("page#nothing"), site("page"), options=ASKED)
    assert [result.verdict for result in found.values()] == ["ok", "gone", "ok"]
    assert site.hits == {"GET /page": 1}


def test_a_page_too_long_to_be_read_is_not_gone(site: Site) -> None:
    site.routes["/long"] = (200, "<p>words" * 400_000 + "<p id=end>", {})
    result = one(site("long#end"), ASKED)
    assert (result.verdict, result.reason) == ("unknown", "fragment-unread")


def test_reading_stops_where_the_fragment_is(site: Site) -> None:
    site.routes["/long"] = (200, "<p id=start>" + "<p>words" * 4_000_000, {})
    assert one(site("long#start"), ASKED).verdict == "ok"


def test_only_html_has_ids(site: Site) -> None:
    site.routes["/text"] = (200, "plain", {"Content_Type": "text/plain"})
    assert one(site("text#page=3"), ASKED).verdict == one(site("text#x"), ASKED).verdict == one(site("paper.pdf#x"), ASKED).verdict == "ok"


def test_the_fragment_moves_along(site: Site) -> None:
    site.routes["/page"] = (200, PAGE, {})
    site.routes["/old"] = (301, "", {"Location": "/page"})
    result = one(site("old#named"), ASKED)
    assert (result.verdict, result.final_url) == ("moved", site("page#named"))
    assert one(site("old#nothing"), ASKED).verdict == "gone"
