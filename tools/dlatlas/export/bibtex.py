"""Entries as BibTeX, for classic BibTeX and biber alike: letters stay as they are in UTF-8."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dlatlas.catalog.model import Entry
from dlatlas.export.work import address, is_journal, original_title

SPECIAL = {c: "\\" + c for c in "&%$#_"} | {
    "\\": r"\textbackslash{}",
    "{": r"\textbraceleft{}",  # BibTeX counts the brace of \{ too
    "}": r"\textbraceright{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
CAPITALS = re.compile(r"(\b\w*[^\W\d_a-z]\w*[A-Z]\w*\b|\b[A-Z]\w*\d\w*\b)")
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
    return "article" if is_journal(entry.venue) else "inproceedings" if entry.venue else "misc"


def _fields(entry: Entry) -> dict[str, str]:
    year, _, month = (entry.date or "").partition("-")
    venue = {"article": "journal", "inproceedings": "booktitle", "book": "publisher"}.get(_kind(entry), "howpublished")
    return {
        "title": "{" + _title(original_title(entry)) + "}",
        "author": "{" + " and ".join(_author(name) for name in entry.authors) + "}" if entry.authors else "",
        venue: "{" + escape(entry.venue) + "}" if entry.venue else "",
        "year": year,
        "month": MONTHS[int(month[:2]) - 1] if month else "",
        "doi": "{" + _url(entry.ids.doi) + "}" if entry.ids.doi else "",
        "isbn": "{" + entry.ids.isbn + "}" if entry.ids.isbn else "",
        "eprint": "{" + entry.ids.arxiv + "}" if entry.ids.arxiv else "",
        "archiveprefix": "{arXiv}" if entry.ids.arxiv else "",
        "url": "{" + _url(url) + "}" if (url := address(entry)) else "",
        "language": {"zh": "{Chinese}", "ja": "{Japanese}", "de": "{German}", "fr": "{French}"}.get(entry.lang.split("-")[0], ""),
    }


def _title(title: str) -> str:
    """A title whose words in capitals are kept as they are."""
    parts = CAPITALS.split(_one_line(title))  # every second part is such a word
    return "".join(f"{{{_literal(part)}}}" if i % 2 else _literal(part) for i, part in enumerate(parts))


def _author(name: str) -> str:
    """A name; one that is an organization's, or holds what parts names, is kept whole by braces."""
    return "{" + escape(name) + "}" if " " not in name or re.search(r"\band\b|,", name, re.I) else escape(name)


def _url(url: str) -> str:
    return url.replace("{", "%7B").replace("}", "%7D").replace("\\", "%5C")


def escape(text: str) -> str:
    """One line of text with every character that means something to TeX made literal."""
    return _literal(_one_line(text))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _literal(text: str) -> str:
    return "".join(SPECIAL.get(c, c) for c in text)
