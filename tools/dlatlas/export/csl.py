"""Entries as CSL-JSON, which reference managers and citation processors read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from dlatlas.catalog.model import Entry
from dlatlas.export.work import address, date_parts, is_journal, original_title

TYPES = {
    "code": "software",
    "tool": "software",
    "article": "post-weblog",
    "book": "book",
    "course": "webpage",
    "list": "webpage",
    "video": "motion_picture",
    "slides": "speech",
    "dataset": "dataset",
}
"""CSL types of the entry types; a paper's depends on its venue."""

LATIN = re.compile(r"[\W\d_A-Za-z\u00c0-\u024f]+")
PARTICLES = {"van", "von", "der", "den", "de", "del", "della", "di", "da", "dos", "du", "la", "le", "ten", "ter", "zu"}


def csl(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """One CSL item for each entry, in order."""
    return [item(entry) for entry in entries]


def item(entry: Entry) -> dict[str, Any]:
    """One entry as a CSL item; its id is the entry's."""
    kind = _type(entry)
    fields: dict[str, Any] = {
        "id": entry.id,
        "type": kind,
        "title": original_title(entry),
        "author": [name(author) for author in entry.authors],
        "issued": {"date-parts": [parts]} if (parts := date_parts(entry.date)) else None,
        "publisher" if kind in ("book", "software", "dataset") else "container-title": entry.venue,
        "number": f"arXiv:{entry.ids.arxiv}" if kind == "article" else None,
        "DOI": entry.ids.doi,
        "ISBN": entry.ids.isbn,
        "URL": address(entry),
        "language": entry.lang,
    }
    return {key: value for key, value in fields.items() if value}


def _type(entry: Entry) -> str:
    if entry.type != "paper":
        return TYPES[entry.type]
    if entry.venue:
        return "article-journal" if is_journal(entry.venue) else "paper-conference"
    return "article" if entry.ids.arxiv else "document"


def name(author: str) -> dict[str, str]:
    """A name in parts where it is Latin and has several words; any other name as it stands."""
    words = author.split()
    if len(words) < 2 or "," in author or not LATIN.fullmatch(author):
        return {"literal": author}
    start = next((i for i, word in enumerate(words[1:-1], 1) if word in PARTICLES), len(words) - 1)
    particle, family = words[start:-1], words[-1]
    parts = {"family": family, "given": " ".join(words[:start]), "non-dropping-particle": " ".join(particle)}
    return {key: value for key, value in parts.items() if value}
