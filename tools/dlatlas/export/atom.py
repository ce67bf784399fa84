"""Entries as an Atom feed (RFC 4287), the newest addition first."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree as ET

from dlatlas.catalog.model import Entry
from dlatlas.export.work import address, original_title

NAMESPACE = "http://www.w3.org/2005/Atom"
TITLE = "Deep Learning Atlas"


def atom(entries: Iterable[Entry], *, address: str | None = None, site: str | None = None) -> str:
    """The dated entries by `added`, newest first, those of one day in the catalog's order.

    ``address`` is where the feed itself will be found, ``site`` the page that it belongs to; both where they are known.
    """
    dated = sorted((entry for entry in entries if entry.added), key=lambda entry: entry.added or "", reverse=True)
    ET.register_namespace("", NAMESPACE)
    feed = ET.Element(f"{{{NAMESPACE}}}feed")
    _add(feed, "id", _urn("feed"))
    _add(feed, "title", TITLE)
    if address:
        _add(feed, "link", href=address, rel="self", type="application/atom+xml")
    if site:
        _add(feed, "link", href=site, rel="alternate", type="text/html")
    _add(feed, "updated", max((_changed(entry) for entry in dated), default="1970-01-01T00:00:00Z"))
    _add(_add(feed, "author"), "name", TITLE)
    for entry in dated:
        _entry(feed, entry)
    ET.indent(feed)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(feed, encoding="unicode") + "\n"


def _entry(feed: ET.Element, entry: Entry) -> None:
    element = _add(feed, "entry")
    _add(element, "id", _urn(f"entry:{entry.id}"))
    _add(element, "title", original_title(entry))
    _add(element, "published", _time(entry.added or ""))
    _add(element, "updated", _changed(entry))
    for author in entry.authors:
        _add(_add(element, "author"), "name", author)
    if url := address(entry):
        _add(element, "link", href=url, rel="alternate", hreflang=entry.lang)
    for topic in entry.topics:
        _add(element, "category", term=topic)
    _add(element, "summary", f"{entry.note.en}\n{entry.note.zh}" if entry.note else entry.title.get("en"))


def _add(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, f"{{{NAMESPACE}}}{name}", attributes)
    element.text = None if text is None else "".join(c for c in text if _allowed(c))
    return element


def _allowed(character: str) -> bool:
    """Whether XML can hold a character."""
    code = ord(character)
    return code in (9, 10, 13) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000


def _urn(name: str) -> str:
    return uuid5(NAMESPACE_URL, f"dlatlas:{name}").urn


def _changed(entry: Entry) -> str:
    return _time(max(entry.added or "", entry.reviewed or ""))


def _time(date: str) -> str:
    """Midnight UTC of a date; of its first day where only the year or month is known."""
    return f"{date}{'-01-01'[len(date) - 4 :] if len(date) < 10 else ''}T00:00:00Z"
