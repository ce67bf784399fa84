"""What the reference formats ask of an entry: its own title, its kind of venue, the address to cite."""

from __future__ import annotations

import re

from dlatlas.catalog.model import Entry

JOURNAL = re.compile(r"\d+\s*\(|\b(?:journal|transactions|letters|nature|science|neural computation|review)\b|JMLR", re.I)


def original_title(entry: Entry) -> str:
    """The title in the language of the work."""
    return entry.title.get(entry.lang.split("-")[0])


def is_journal(venue: str | None) -> bool:
    """Whether a venue is a journal: it has a volume, or its name says so."""
    return bool(venue and JOURNAL.search(venue))


def date_parts(date: str | None) -> list[int]:
    """Year, month and day, as far as they are known."""
    return [int(part) for part in date.split("-")] if date else []


def address(entry: Entry) -> str | None:
    """The first address of an entry that is not known to be gone, else the archived copy of one that is, else that one itself."""
    alive = [link.url for link in entry.links if not link.dead]
    archived = [link.archive for link in entry.links if link.archive]
    return next(iter([*alive, *archived, *entry.urls]), None)
