"""The proceedings of NeurIPS, whose addresses have changed three times.

``books.nips.cc`` is closed, ``papers.nips.cc/paper/4824-imagenet-…`` became ``…/paper/2012/hash/…``, and that is now below
``paper_files`` at two hosts. Where an old address fails, its newer forms are tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from dlatlas.links.known.link import Link, parts_of
from dlatlas.links.options import Options
from dlatlas.links.steps import Steps, page_steps

HOSTS = ("papers.nips.cc", "proceedings.neurips.cc", "papers.neurips.cc", "nips.cc", "books.nips.cc")
NEWEST = "https://proceedings.neurips.cc/paper_files/paper/"


def recognize(url: str) -> str | None:
    host, parts = parts_of(url)
    return parts.path if host in HOSTS and re.match(r"/(?:paper|paper_files|papers)/", parts.path) else None


def steps(links: Sequence[Link], options: Options) -> Iterator[Steps]:
    for link in links:
        yield _one(link, options)


def _one(link: Link, options: Options) -> Steps:
    results = yield from page_steps(link.urls, options)
    if results[0].verdict not in ("gone", "unreachable"):
        return results
    for place in newer(link.key):
        if place == link.urls[0]:
            continue
        found = (yield from page_steps([place], options))[0]
        if found.verdict in ("ok", "moved"):
            return [replace(one, verdict="moved", reason="neurips-address", final_url=found.final_url or place) for one in results]
    return results


def newer(path: str) -> list[str]:
    """Addresses under which what was at a path may be found today."""
    if found := re.fullmatch(r"/paper(?:_files/paper)?/(\d{4}/(?:hash|file)/.+)", path):
        return [NEWEST + found[1]]
    if found := re.fullmatch(r"/paper/(\d+-[^/]+?)(?:\.pdf)?", path):
        return [f"https://papers.nips.cc/paper/{found[1]}", f"https://papers.nips.cc/paper/{found[1]}.pdf"]
    return []
