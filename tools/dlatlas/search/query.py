"""Parse a query.

A query is words, "phrases", ``field:value`` with a filter of ``facets.FILTERS`` or a field of
``COLUMNS``, and any of these with ``-`` before it, which must not hold. All filters must hold;
inside one, values with commas between them are alternatives. What is not understood is taken
as words, so that every text is a query.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from dlatlas.search.facets import FILTERS
from dlatlas.search.text import unit_tokens, units, words

COLUMNS = {
    "title": "title",
    "author": "authors",
    "authors": "authors",
    "venue": "venue",
    "note": "note",
    "url": "address",
    "site": "address",
}
"""Fields that a phrase can be looked for in, and their column."""

LONGEST = 400
"""Characters of a query that are looked at; an address may be five times as long."""

QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "「": '"', "」": '"', "『": '"', "』": '"', "\0": " "})

PART = re.compile(r'(?P<minus>(?<!\S)[-−])?(?:(?P<field>[A-Za-z]+)[:：])?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')

ADDRESS = re.compile(
    r"https?://[^\s<>\"“”「」《》（），。；、]+"
    r"|(?:arxiv|doi|isbn|openreview|github)\s*[:：]?\s*[\w./()-]*\d[\w./()-]*"
    r"|\b(?:abs/|pdf/)?\d{4}\.\d{4,5}(?:v\d+)?(?:\.pdf)?\b|\b10\.\d{4,9}/\S+|[\w.-]+/[\w./-]+|(?:97[89][ -]?)?(?:\d[ -]?){9}[\dX]",
    re.I | re.A,
)
"""What looks like an address or an identifier inside a longer text."""


@dataclass(frozen=True)
class Phrase:
    """Tokens that must stand next to each other, in one column or anywhere."""

    tokens: str
    column: str = ""

    @property
    def match(self) -> str:
        return f'{self.column} : "{self.tokens}"' if self.column else f'"{self.tokens}"'


@dataclass
class Query:
    """A parsed query."""

    words: list[str] = field(default_factory=list)  # words and Chinese runs as spelled, in order; not those of phrases
    phrases: list[Phrase] = field(default_factory=list)
    excluded: list[Phrase] = field(default_factory=list)
    filters: list[tuple[str, str]] = field(default_factory=list)
    excluded_filters: list[tuple[str, str]] = field(default_factory=list)
    terms: list[str] = field(default_factory=list)  # units of the phrases


def clean(text: str, longest: int = LONGEST) -> str:
    """A text that can be stored and compared: no lone surrogates, no NUL, not too long."""
    return text[:longest].encode("utf-8", "replace").decode().translate(QUOTES)


def parse(text: str) -> Query:
    """The query of a text."""
    query = Query()
    for m in PART.finditer(clean(text)):
        name = (m["field"] or "").lower()
        body = m["phrase"] if m["phrase"] is not None else m["word"]
        if name in FILTERS and body.strip():
            (query.excluded_filters if m["minus"] else query.filters).append((name, body))
            continue
        column = COLUMNS.get(name, "")
        if name and not column:
            body = f"{m['field']} {body}"
        found = list(units(body))
        phrase = Phrase(" ".join(token for unit in found for token in unit_tokens(unit)), column)
        if not phrase.tokens:
            continue
        if m["minus"]:
            query.excluded.append(phrase)
        elif column or m["phrase"] is not None:
            query.phrases.append(phrase)
            query.terms += found
        else:
            query.words += words(body)
    return query


def keys(text: str) -> tuple[list[str], list[str]]:
    """Canonical keys of a text: those that it may be as a whole, and those of addresses and identifiers inside it."""
    text = clean(text, 5 * LONGEST).strip()
    if not re.search(r"[\d:/]", text):
        return [], []
    inside = [key for m in ADDRESS.finditer(text) for key in _forms(m[0])] if len(text) <= LONGEST else []
    return list(dict.fromkeys(_forms(text))), list(dict.fromkeys(inside))


def _forms(text: str) -> Iterator[str]:
    """Keys of the forms in which people write one address or identifier."""
    from dlatlas.catalog.keys import identify

    text = text.strip().strip("\"'<>()[]{}《》（）【】.,;，。；、")
    named = re.fullmatch(r"(arxiv|doi|isbn|openreview|github)\s*[:：/]?\s*(.+)", text, re.I | re.S)
    bare = re.sub(r"^(?:abs|pdf)/|\.pdf$", "", named[2] if named else text)
    bare = re.sub(r"\s*\[[\w.-]+\]?$|\s+(?=v\d+$)", "", bare)
    forms = [text, bare, *([f"{named[1]}:{bare}"] if named else [])]
    if re.fullmatch(r"[\w.-]+/[\w.-]+", bare, re.A):
        forms.append(f"github:{bare}")
    for form in forms:
        if key := identify(form):
            yield key
            if key.startswith("github:") and key.count("/") > 1:
                yield "/".join(key.split("/")[:2])
