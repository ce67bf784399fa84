"""What arXiv, Crossref and GitHub say of a work, asked through the link checker's guarded connections.

One request a work: to public addresses only, ended after some seconds, cut off after a
mebibyte. What comes back is untrusted: text is made one line, and only known fields are read.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, get_args
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

from msgspec import Struct

from dlatlas.catalog.model import Code, EntryType, Framework, Ids

LIMIT = 1 << 20
REDIRECTS = 3
ATOM = "{http://www.w3.org/2005/Atom}"
ARXIV = "{http://arxiv.org/schemas/atom}"

CROSSREF_TYPES: dict[str, EntryType] = {
    "book": "book",
    "monograph": "book",
    "edited-book": "book",
    "reference-book": "book",
    "dataset": "dataset",
}
"""Crossref's types that are not papers."""


class LookupFailed(Exception):
    """A service could not be asked, knows nothing of the work, or answered with something else."""


@dataclass(frozen=True)
class Services:
    """Base addresses of the services, and how they are asked."""

    arxiv: str = "https://export.arxiv.org/api/query"
    crossref: str = "https://api.crossref.org/works"
    github: str = "https://api.github.com/repos"
    timeout: float = 20.0
    allow_private: bool = False


SERVICES = Services()


class Facts(Struct, frozen=True):
    """What a service says of a work; empty where it says nothing."""

    type: EntryType = "paper"
    title: str = ""
    authors: tuple[str, ...] = ()
    date: str | None = None
    venue: str | None = None
    ids: Ids = Ids()
    code: Code | None = None


def look_up(key: str, services: Services | None = None) -> Facts | None:
    """Facts of a work by its canonical key; None for a key that no service knows how to answer.

    Raises:
        LookupFailed: with the reason in words.
    """
    services = services or SERVICES
    kind, _, name = key.partition(":")
    if kind == "arxiv":
        return _arxiv(name, services)
    if kind == "doi":
        return _crossref(name, services)
    if kind == "github" and name.count("/") == 1:
        return _github(name, services)
    return None


def _arxiv(name: str, services: Services) -> Facts:
    body = _get(f"{services.arxiv}?id_list={quote(name)}&max_results=1", services)
    if "<!DOCTYPE" in body or "<!ENTITY" in body:
        raise LookupFailed("arXiv answered with something else than a feed")
    try:
        entry = ET.fromstring(body).find(f"{ATOM}entry")
    except ET.ParseError as error:
        raise LookupFailed(f"arXiv answered with something else than a feed: {error}") from error
    if entry is None or "/api/errors" in (entry.findtext(f"{ATOM}id") or "") or not entry.findtext(f"{ATOM}title"):
        raise LookupFailed(f"arXiv has no paper {name}")
    return Facts(
        title=_line(entry.findtext(f"{ATOM}title")),
        authors=tuple(filter(None, (_line(author.findtext(f"{ATOM}name")) for author in entry.findall(f"{ATOM}author")))),
        date=_date(entry.findtext(f"{ATOM}published")),
        venue=_line(entry.findtext(f"{ARXIV}journal_ref")) or None,
        ids=Ids(arxiv=name, doi=_line(entry.findtext(f"{ARXIV}doi")) or None),
    )


def _crossref(name: str, services: Services) -> Facts:
    found = _json(f"{services.crossref}/{quote(name, safe='')}", "Crossref", services)
    work = found.get("message")
    if not isinstance(work, dict):
        raise LookupFailed("Crossref answered without a message")
    kind = CROSSREF_TYPES.get(str(work.get("type")), "paper")
    venue = _first(work.get("container-title")) or (_line(work.get("publisher")) if kind == "book" else "")
    return Facts(
        type=kind,
        title=_first(work.get("title")),
        authors=tuple(filter(None, map(_crossref_name, _list(work.get("author"))))),
        date=_crossref_date(work.get("issued")),
        venue=venue or None,
        ids=Ids(doi=name),
    )


def _crossref_name(author: Any) -> str:
    if not isinstance(author, dict):
        return ""
    return _line(f"{_line(author.get('given'))} {_line(author.get('family'))}") or _line(author.get("name"))


def _crossref_date(issued: Any) -> str | None:
    parts = _list((_list(issued.get("date-parts")) or [None])[0]) if isinstance(issued, dict) else []
    numbers = [part for part in parts[:3] if isinstance(part, int)]
    return _date("-".join(f"{number:04}" if i == 0 else f"{number:02}" for i, number in enumerate(numbers)))


def _github(name: str, services: Services) -> Facts:
    found = _json(f"{services.github}/{quote(name)}", "GitHub", services)
    full = _line(found.get("full_name")) or name
    license = found.get("license")
    spdx = _line(license.get("spdx_id")) if isinstance(license, dict) else ""
    words = re.findall(r"[a-z0-9]+", f"{found.get('description')} {found.get('topics')} {full}".lower())
    framework: Framework = next((one for one in get_args(Framework) if one in words), "other")
    return Facts(
        type="code",
        title=full,
        date=_date(found.get("created_at")),
        ids=Ids(github=full),
        code=Code(framework=framework, license=spdx if spdx not in ("", "NOASSERTION") else None),
    )


def _json(url: str, service: str, services: Services) -> dict[str, Any]:
    try:
        found = json.loads(_get(url, services))
    except (ValueError, RecursionError) as error:
        raise LookupFailed(f"{service} answered with something else than JSON") from error
    if not isinstance(found, dict):
        raise LookupFailed(f"{service} answered with something else than an object")
    return found


def _get(url: str, services: Services) -> str:
    from dlatlas.links.fetch import Request, ask
    from dlatlas.links.options import Options
    from dlatlas.links.transport import Client

    host = urlsplit(url).hostname
    client = Client(Options(allow_private=services.allow_private))
    try:
        for _ in range(REDIRECTS + 1):
            answer = ask(client, Request(url, most=LIMIT + 1), services.timeout)
            if answer.location is None:
                break
            url = answer.location
        else:
            raise LookupFailed(f"cannot ask {host}: more than {REDIRECTS} redirects")
    finally:
        client.close()
    if answer.error is not None:
        raise LookupFailed(f"cannot ask {host}: {f'no answer in {services.timeout:g} s' if answer.error == 'timeout' else answer.error}")
    if answer.status != 200:
        raise LookupFailed(f"{url} answered {answer.status}{_meaning(answer.status or 0)}")
    if len(answer.text) > LIMIT:
        raise LookupFailed(f"{url}: the answer is longer than {LIMIT} bytes")
    if not answer.whole:
        raise LookupFailed(f"cannot ask {host}: the answer was cut off")
    return answer.text


def _meaning(status: int) -> str:
    return {403: ": refused, perhaps for too many requests", 404: ": not found", 429: ": too many requests"}.get(status, "")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _first(value: Any) -> str:
    return next(filter(None, map(_line, _list(value))), "")


def _line(value: Any) -> str:
    """Text as one line without control characters and markup; empty for anything that is no text."""
    if not isinstance(value, str):
        return ""
    text = re.sub(r"</?[a-zA-Z][^<>]{0,100}>", "", value)
    return " ".join("".join(c if c.isprintable() or c.isspace() else "" for c in text).split())


def _date(value: Any) -> str | None:
    """A date of the catalog's form at the beginning of a text."""
    found = re.match(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?", value) if isinstance(value, str) else None
    return found[0] if found else None
