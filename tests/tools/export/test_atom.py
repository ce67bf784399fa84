"""The Atom feed against the demands of RFC 4287."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

from dlatlas.catalog.load import load
from dlatlas.catalog.model import Both, Entry, Link, Text
from dlatlas.export.atom import NAMESPACE, atom

ROOT = Path(__file__).resolve().parents[3]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def entry(id: str, added: str | None, **more: object) -> Entry:
    fields = {"type": "article", "title": Text(en=f"Title of {id}"), "lang": "en", "topics": ("t",)} | more
    return Entry(id=id, added=added, **fields)  # type: ignore[arg-type]


def children(element: ET.Element, name: str) -> list[ET.Element]:
    return element.findall(f"{{{NAMESPACE}}}{name}")


def texts(element: ET.Element, name: str) -> list[str]:
    return [child.text or "" for child in children(element, name)]


def check(feed: ET.Element) -> None:
    """Elements that RFC 4287 requires in sections 4.1.1 and 4.1.2, and the forms of their values."""
    for element in (feed, *children(feed, "entry")):
        for name in ("id", "title", "updated"):
            assert len(children(element, name)) == 1, name
        assert texts(element, "id")[0].startswith("urn:uuid:")
        assert TIME.fullmatch(texts(element, "updated")[0])
        assert all(texts(author, "name")[0] for author in children(element, "author"))
    assert children(feed, "author")  # serves the entries that have none of their own
    for element in children(feed, "entry"):
        links = [link for link in children(element, "link") if link.get("rel") == "alternate"]
        assert len(links) == 1 or texts(element, "summary")[0]
    ids = [id for element in (feed, *children(feed, "entry")) for id in texts(element, "id")]
    assert len(ids) == len(set(ids))


def test_order_and_fields() -> None:
    feed = ET.fromstring(
        atom(
            [
                entry("old", "2020-02-01", reviewed="2021-01-01"),
                entry("never", None),
                entry("first", "2020-03"),
                entry("second", "2020-03", links=(Link("https://example.org/?a=1&b=<2>"),), note=Both("Why & how.", "为何。")),
            ]
        ).encode()
    )
    check(feed)
    entries = children(feed, "entry")
    assert [texts(one, "title")[0] for one in entries] == ["Title of first", "Title of second", "Title of old"]
    assert texts(feed, "updated") == texts(entries[2], "updated") == ["2021-01-01T00:00:00Z"]
    assert texts(entries[2], "published") == ["2020-02-01T00:00:00Z"] and texts(entries[0], "published") == ["2020-03-01T00:00:00Z"]
    assert children(entries[1], "link")[0].get("href") == "https://example.org/?a=1&b=<2>"
    assert texts(entries[1], "summary") == ["Why & how.\n为何。"]


def test_characters_that_xml_cannot_hold_are_dropped() -> None:
    feed = ET.fromstring(atom([entry("x", "2020", title=Text(en="a\x0bb\ufffe <&>"))]).encode())
    assert texts(children(feed, "entry")[0], "title") == ["ab <&>"]


def test_an_empty_feed_is_valid() -> None:
    check(ET.fromstring(atom([]).encode()))


def test_the_shipped_catalog_is_valid_and_the_same_each_time() -> None:
    entries = load(ROOT).entries
    text = atom(entries)
    feed = ET.fromstring(text.encode())
    check(feed)
    assert len(children(feed, "entry")) == sum(one.added is not None for one in entries)
    assert text == atom(entries)
