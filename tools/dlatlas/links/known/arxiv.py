"""arXiv, by its API: 50 papers in one request; withdrawn papers, newer versions, mirrors that are no more.

https://info.arxiv.org/help/api/user-manual.html: ``query?id_list=…`` answers with an Atom feed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree

from dlatlas.catalog.keys import ARXIV_PATH, canonical
from dlatlas.links.fetch import Request
from dlatlas.links.known.link import Link, batches, by_page, parts_of, told
from dlatlas.links.options import Options
from dlatlas.links.result import Result
from dlatlas.links.steps import SERVICE, Steps

API = "https://export.arxiv.org/api/query"
BATCH = 50

OWN = {"arxiv.org", "export.arxiv.org", "browse.arxiv.org"}
MIRROR = re.compile(r"(?:[a-z]{2}|aps|lanl|xxx)\.arxiv\.org|xxx\.(?:lanl\.gov|itp\.ac\.cn|tau\.ac\.il)")
"""Mirrors, which have been closed one after the other; arxiv.org has what they had."""

WITHDRAWN = re.compile(r"\bwithdrawn\b(?! from (?:the )?(?:conference|journal))", re.I)
ATOM, OWN_TAGS = "{http://www.w3.org/2005/Atom}", "{http://arxiv.org/schemas/atom}"


def recognize(url: str) -> str | None:
    host, parts = parts_of(url)
    if host not in OWN and not MIRROR.fullmatch(host):
        return None
    key = canonical(url)
    return key.removeprefix("arxiv:") if key.startswith("arxiv:") and ARXIV_PATH.fullmatch(parts.path) else None


def steps(links: Sequence[Link], options: Options) -> Iterator[Steps]:
    for batch in batches(links, BATCH):
        yield _batch(batch, options)


def _batch(links: Sequence[Link], options: Options) -> Steps:
    ids = ",".join(dict.fromkeys(link.key for link in links))
    answer = yield Request(f"{API}?id_list={ids}&max_results={len(links)}", most=SERVICE, service=True)
    papers = _papers(answer.text) if answer.status == 200 else {}
    results: list[Result] = []
    for link in links:
        if link.key in papers:
            results += _judged(link, *papers[link.key], answer.status)
        else:
            results += yield from by_page([link], options)
    return results


def _papers(feed: str) -> dict[str, tuple[int, bool, str]]:
    """Newest version, whether it is withdrawn, and the authors' comment, by id."""
    try:
        root = ElementTree.fromstring(feed)
    except ElementTree.ParseError:
        return {}
    found = {}
    for entry in root.iter(f"{ATOM}entry"):
        place = re.search(r"arxiv\.org/abs/(.+?)v(\d+)$", entry.findtext(f"{ATOM}id", "").strip())
        if place:
            comment = " ".join(entry.findtext(f"{OWN_TAGS}comment", "").split())
            summary = " ".join(entry.findtext(f"{ATOM}summary", "").split())
            withdrawn = WITHDRAWN.search(comment) or re.match(r"(?:this|the) \w+ (?:has been|is|was) withdrawn", summary, re.I)
            key = canonical(f"https://arxiv.org/abs/{place[1]}").removeprefix("arxiv:")
            found[key] = int(place[2]), bool(withdrawn), comment
    return found


def _judged(link: Link, newest: int, withdrawn: bool, comment: str, status: int | None) -> list[Result]:
    host, parts = parts_of(link.urls[0])
    if MIRROR.fullmatch(host):
        return told(link, "moved", "arxiv-mirror", status, f"https://arxiv.org{parts.path}")
    if withdrawn:
        return told(link, "ok", "withdrawn", status, detail=comment[:200])
    version = re.search(r"v(\d+)(?:\.pdf)?/?$", parts.path)
    if version and int(version[1]) < newest:
        return told(link, "ok", "newer-version", status, detail=f"v{newest}")
    return told(link, "ok", "arxiv", status)
