"""DOIs, by the handle service of doi.org: publishers turn robots away, the registry does not.

https://www.doi.org/doi-handbook/HTML/rest-api.html: ``/api/handles/<doi>`` answers with a ``responseCode``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote, unquote

from dlatlas.links.known.link import Link, but, parts_of, told
from dlatlas.links.options import Options
from dlatlas.links.steps import Steps, ask_json, page_steps

API = "https://doi.org/api/handles/"
REGISTERED, UNKNOWN = 1, 100


def recognize(url: str) -> str | None:
    host, parts = parts_of(url)
    path = unquote(parts.path).strip("/")
    return path if host in ("doi.org", "dx.doi.org") and path.startswith("10.") else None


def steps(links: Sequence[Link], options: Options) -> Iterator[Steps]:
    for link in links:
        yield _one(link, options)


def _one(link: Link, options: Options) -> Steps:
    answer, data = yield from ask_json(API + quote(link.key, safe="/"))
    code = data.get("responseCode") if isinstance(data, dict) else None
    if code == UNKNOWN:
        return told(link, "gone", "doi-not-registered", answer.status)
    results = yield from page_steps(link.urls, options)
    if code != REGISTERED:
        return results
    blocked = [result for result in results if result.verdict == "blocked"]
    if blocked:
        return told(link, "ok", "doi-registered", answer.status, detail=f"its page: {blocked[0].reason}")
    return but(results, "doi-registered")
