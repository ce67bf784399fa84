"""Wikipedia and the sites that show its articles, by its API: 50 titles in one request.

https://www.mediawiki.org/wiki/API:Query: ``action=query&titles=A|B`` says which pages are missing. Wikiwand shows what
Wikipedia has, and answers alike for what is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote, unquote, urldefrag

from dlatlas.links.known.link import Link, batches, by_page, parts_of, told
from dlatlas.links.options import Options
from dlatlas.links.result import Result
from dlatlas.links.steps import Steps, ask_json

BATCH = 50
ARTICLE = re.compile(r"/(?:wiki|zh(?:-\w+)?)/([^/].*)")


def recognize(url: str) -> str | None:
    """``en:Title``."""
    host, parts = parts_of(url)
    if host == "wikiwand.com" and (found := re.fullmatch(r"/([a-z-]{2,12})/(?:articles/)?([^/].*)", parts.path)):
        return f"{found[1]}:{_title(found[2])}"
    host = re.sub(r"\.m\.wikipedia\.org$", ".wikipedia.org", host)
    if (language := re.fullmatch(r"([a-z-]{2,12})\.wikipedia\.org", host)) and (found := ARTICLE.fullmatch(parts.path)):
        return f"{language[1]}:{_title(found[1])}"
    return None


def _title(path: str) -> str:
    return unquote(path).replace("_", " ").strip()


def steps(links: Sequence[Link], options: Options) -> Iterator[Steps]:
    by_language: dict[str, list[Link]] = {}
    for link in links:
        language, _, title = link.key.partition(":")
        if "|" in title or (options.fragments and any(urldefrag(url).fragment for url in link.urls)):
            yield by_page([link], options)
        else:
            by_language.setdefault(language, []).append(link)
    for language, found in by_language.items():
        for batch in batches(found, BATCH):
            yield _batch(language, batch, options)


def _batch(language: str, links: Sequence[Link], options: Options) -> Steps:
    titles = quote("|".join(dict.fromkeys(link.key.partition(":")[2] for link in links)), safe="")
    api = f"https://{language}.wikipedia.org/w/api.php?action=query&format=json&formatversion=2&redirects=1&titles={titles}"
    answer, data = yield from ask_json(api)
    query = data.get("query") if answer.status == 200 and isinstance(data, dict) else None
    results: list[Result] = []
    for link in links:
        page = _page(query, link.key.partition(":")[2])
        if page is None:
            results += yield from by_page([link], options)
        elif page.get("missing") or page.get("invalid"):
            results += told(link, "gone", "no-such-article", answer.status)
        else:
            results += told(link, "ok", "article", answer.status, detail=str(page.get("title", ""))[:200])
    return results


def _page(query: Any, title: str) -> dict[str, Any] | None:
    """What the answer says about a title, through its notes on spelling and redirects."""
    if not isinstance(query, dict):
        return None
    for name in ("normalized", "converted", "redirects"):
        title = {one.get("from"): one.get("to") for one in query.get(name, [])}.get(title, title)
    return next((page for page in query.get("pages", []) if page.get("title") == title), None)
