"""OpenReview, by its two APIs: its pages are made by scripts and look alike, whether a paper is there or not.

https://docs.openreview.net/reference/api-v2: ``/notes?id=…`` answers with the note, 403 for one that is not public, or 404.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs, quote

from dlatlas.links.known.link import Link, by_page, parts_of, told
from dlatlas.links.options import Options
from dlatlas.links.steps import Steps, ask_json

APIS = ("https://api2.openreview.net/notes?id=", "https://api.openreview.net/notes?id=")
"""The newer one, and the one that older conferences are in."""


def recognize(url: str) -> str | None:
    host, parts = parts_of(url)
    if host != "openreview.net" or parts.path.strip("/") not in ("forum", "pdf", "attachment"):
        return None
    return next(iter(parse_qs(parts.query).get("id", [])), None)


def steps(links: Sequence[Link], options: Options) -> Iterator[Steps]:
    for link in links:
        yield _one(link, options)


def _one(link: Link, options: Options) -> Steps:
    statuses = []
    for api in APIS:
        answer, data = yield from ask_json(api + quote(link.key, safe=""))
        statuses.append(answer.status)
        notes = data.get("notes") if answer.status == 200 and isinstance(data, dict) else None
        if notes and isinstance(notes, list) and isinstance(notes[0], dict):
            return _judged(link, notes[0], answer.status)
    if all(status == 404 for status in statuses):
        return told(link, "gone", "no-such-paper", 404)
    if 403 in statuses:
        return told(link, "blocked", "not-public", 403)
    return (yield from by_page([link], options))


def _judged(link: Link, note: dict[str, Any], status: int | None) -> list[Any]:
    if note.get("ddate"):
        return told(link, "gone", "paper-deleted", status)
    content = note.get("content")
    venue = content.get("venue") if isinstance(content, dict) else None
    text = str(venue.get("value") if isinstance(venue, dict) else venue or "")
    return told(link, "ok", "withdrawn" if "withdrawn" in text.lower() else "openreview", status, detail=text[:200])
