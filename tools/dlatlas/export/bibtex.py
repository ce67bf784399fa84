"""Entries as BibTeX, for classic BibTeX and biber alike: letters stay as they are in UTF-8."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dlatlas.catalog.model import Entry

SPECIAL = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {
    c: "\\" + c for c in "&%$#_"
}
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
CAPITALS = re.compile(r"\b\w*[^\W\d_a-z]\w*[A-Z]\w*\b|\b[A-Z]\w*\d\w*\b")
"""Words such as LSTM or ReLU, whose capitals a style must keep."""


def bibtex(entries: Iterable[Entry]) -> str:
    """All entries as one BibTeX text, in order."""
    return "\n".join(map(record, entries))


def record(entry: Entry) -> str:
    """One entry as a BibTeX record; its key is the entry's id."""
    kind, fields = _kind(entry), _fields(entry)
    body = "".join(f"  {name} = {value},\n" for name, value in fields.items() if value)
    return f"@{kind}{{{entry.id},\n{body}}}\n"


def _kind(entry: Entry) -> str:
    if entry.type == "book":
        return "book"
    if entry.type != "paper":
        return "misc"
    return "article" if _is_journal(entry.venue) else "inproceedings" if entry.venue else "misc"


def _is_journal(venue: str | None) -> bool:
    """Whether a venue is a journal: it has a volume, or its name says so."""
    return bool(
        venue and re.search(r"\d+\s*\(|\b(?:journal|transactions|letters|nature|science|neural computation|review)\b|JMLR", venue, re.I)
    )


def _fields(entry: Entry) -> dict[str, str]:
    year, _, month = (entry.date or "").partition("-")
    venue = {"article": "journal", "inproceedings": "booktitle", "book": "publisher"}.get(_kind(entry), "howpublished")
    return {
        "title": "{" + CAPITALS.sub(lambda m: "{" + m[0] + "}", escape(entry.title.get(entry.lang.split("-")[0]))) + "}",
        "author": "{" + " and ".join(_author(name) for name in entry.authors) + "}" if entry.authors else "",
        venue: "{" + escape(entry.venue) + "}" if entry.venue else "",
        "year": year,
        "month": MONTHS[int(month[:2]) - 1] if month else "",
        "doi": "{" + entry.ids.doi + "}" if entry.ids.doi else "",
        "isbn": "{" + entry.ids.isbn + "}" if entry.ids.isbn else "",
        "eprint": "{" + entry.ids.arxiv + "}" if entry.ids.arxiv else "",
        "archiveprefix": "{arXiv}" if entry.ids.arxiv else "",
        "url": "{" + _url(entry.urls[0]) + "}" if entry.urls else "",
        "language": {"zh": "{Chinese}", "ja": "{Japanese}", "de": "{German}", "fr": "{French}"}.get(entry.lang.split("-")[0], ""),
    }


def _author(name: str) -> str:
    """A name; one that is an organization's, or holds the word that parts names, is kept whole by braces."""
    return "{" + escape(name) + "}" if " " not in name or re.search(r"\band\b", name) else escape(name)


def _url(url: str) -> str:
    return url.replace("{", "%7B").replace("}", "%7D").replace("\\", "%5C")


def escape(text: str) -> str:
    """Text with every character that means something to TeX made literal."""
    return "".join(SPECIAL.get(c, c) for c in " ".join(text.split()))
