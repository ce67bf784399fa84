"""Copies in the Wayback Machine, by its availability service, which is kinder to ask than the copies themselves.

https://archive.org/help/wayback_api.php
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from dlatlas.links.known.link import Link, by_page, told
from dlatlas.links.options import Options
from dlatlas.links.steps import Steps, ask_json

API = "https://archive.org/wayback/available"
COPY = re.compile(r"https?://web\.archive\.org/web/(\d{4,14})(?:[a-z]{2}_)?/(.+)", re.I | re.S)


def recognize(url: str) -> str | None:
    return f"{found[1]} {found[2]}" if (found := COPY.fullmatch(url)) else None


def steps(links: Sequence[Link], options: Options) -> Iterator[Steps]:
    for link in links:
        yield _one(link, options)


def _one(link: Link, options: Options) -> Steps:
    time, _, original = link.key.partition(" ")
    answer, data = yield from ask_json(f"{API}?url={quote(original, safe='')}&timestamp={time}")
    try:
        closest = data["archived_snapshots"]["closest"]
        there = bool(closest["available"]) and str(closest["status"]).startswith("2")
    except (KeyError, TypeError):
        there = False
    if not there:  # the service forgets copies now and then
        return (yield from by_page([link], options))
    same = str(closest.get("timestamp", "")).startswith(time)
    return told(link, "ok", "archived" if same else "archived-near", answer.status, detail=str(closest.get("url", ""))[:200])
