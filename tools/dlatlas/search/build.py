"""Fill a search index: tables of documents, of whole names and keys, of words that mean the same, and the FTS5 table.

The row number of a document is its rank before any word is compared (``Document.prior``, then
reading order), so that whoever reads the first rows that match reads the most essential ones.
FTS5 indexes the columns of ``docs`` (external content); their text is tokens with spaces between,
which the ranking compares again, so that both see the same.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import get_args

from dlatlas.catalog.model import Catalog, EntryType, Framework, Language, Level
from dlatlas.search.documents import Document, documents, subjects, synonyms
from dlatlas.search.facets import WORDS
from dlatlas.search.spelling import grams
from dlatlas.search.tables import FIELDS, INDEXES, TABLES
from dlatlas.search.text import atoms, is_han, squash, tokens, unit_tokens, units, words

SPELLED = ("title", "aliases", "authors", "venue", "topics", "note")
"""Fields whose words correct a misspelled query."""

LAST = 1 << 10
"""Above every prior in steps of a tenth."""


@dataclass
class Source:
    """What an index is made of: documents, groups of expressions that mean the same, names of filter values, and their full lists."""

    documents: Iterable[Document]
    synonyms: Iterable[tuple[str, ...]] = ()
    subjects: Iterable[tuple[str, str, str]] = ()
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)


def source_of(catalog: Catalog) -> Source:
    """A catalog as the source of an index."""
    choices = {"type": EntryType, "level": Level, "lang": Language, "framework": Framework}
    return Source(
        documents=documents(catalog),
        synonyms=synonyms(catalog),
        subjects=subjects(catalog),
        choices={name: get_args(literal) for name, literal in choices.items()},
    )


def build(database: sqlite3.Connection, source: Source, meta: dict[str, str]) -> None:
    """Create all tables in an empty database and fill them; ``meta`` is stored beside.

    Nothing is safe from a crash on the way: build in a file that is renamed when it is done.
    """
    database.execute("PRAGMA journal_mode = OFF")
    database.execute("PRAGMA synchronous = OFF")
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    database.execute("PRAGMA temp_store = MEMORY")
    database.executescript(TABLES)
    database.execute("BEGIN")
    counts = _Counts()
    marks = ", ".join("?" * (len(FIELDS) + 5))
    database.executemany(f"INSERT INTO docs VALUES ({marks})", _rows(database, source.documents, counts))
    _add_facets(database, counts.facets, source.choices)
    _add_families(database, source.synonyms)
    _add_subjects(database, source.subjects)
    database.executemany("INSERT INTO terms VALUES (?, ?)", sorted(counts.terms.items()))
    database.executemany("INSERT INTO spellings VALUES (?, ?)", sorted(counts.spellings.items()))
    database.executemany("INSERT INTO loose_grams VALUES (?, ?, ?)", _all_grams(counts.spellings))
    database.execute("INSERT INTO grams SELECT DISTINCT * FROM loose_grams ORDER BY gram, length, word")
    database.execute("INSERT INTO words(words) VALUES ('rebuild')")
    database.execute("INSERT INTO words(words) VALUES ('optimize')")
    lengths = {name: counts.lengths[name] / max(counts.documents, 1) for name in FIELDS}
    stored = {**meta, "documents": str(counts.documents), "lengths": json.dumps(lengths)}
    database.executemany("INSERT INTO meta VALUES (?, ?)", stored.items())
    database.execute("COMMIT")
    database.executescript(INDEXES)
    database.execute("ANALYZE")


@dataclass
class _Counts:
    documents: int = 0
    lengths: Counter[str] = field(default_factory=Counter)
    terms: Counter[str] = field(default_factory=Counter)
    spellings: Counter[str] = field(default_factory=Counter)
    facets: Counter[tuple[str, str]] = field(default_factory=Counter)


def _rows(database: sqlite3.Connection, documents: Iterable[Document], counts: _Counts) -> Iterator[tuple[object, ...]]:
    """The rows of ``docs``; names and keys are written on the way."""
    for number, document in enumerate(documents):
        doc = (LAST - round(10 * document.prior) << 40) + number
        columns, seen = [], set()
        for name in FIELDS:
            found = tokens(document.fields.get(name, ""))
            counts.lengths[name] += len(found)
            seen.update(found)
            columns.append(f" {' '.join(found)} ")
        counts.documents += 1
        counts.terms.update(seen)
        counts.spellings.update(_spelled(document))
        facets = [(name, value) for name, values in document.facets.items() for value in values]
        counts.facets.update(facets)
        home = [f"home={document.topics[0]}"] if document.topics else []
        tags = f" every {' '.join([*(f'{name}={value}' for name, value in facets), *home])} "
        shown = {"id": document.id, "type": document.type, "title": document.title, "topics": document.topics, "urls": document.urls}
        _add_names(database, doc, document)
        yield (doc, *columns, tags, document.prior, document.id, json.dumps(shown, ensure_ascii=False, separators=(",", ":")))


def _spelled(document: Document) -> set[str]:
    """Alphabetic words of four letters or more, as they are spelled."""
    text = "\n".join(document.fields.get(name, "") for name in SPELLED)
    return {word for word in words(text) if len(word) > 3 and word.isalpha() and not is_han(word)}


def _add_names(database: sqlite3.Connection, doc: int, document: Document) -> None:
    names = {squash(name): bonus for name, bonus in reversed(document.names)}
    major = document.type in ("topic", "method")
    database.executemany("INSERT INTO names VALUES (?, ?, ?, ?)", ((name, doc, bonus, major) for name, bonus in names.items() if name))
    database.executemany("INSERT INTO keys VALUES (?, ?)", ((key, doc) for key in document.keys))


def _add_facets(database: sqlite3.Connection, counted: Counter[tuple[str, str]], choices: dict[str, tuple[str, ...]]) -> None:
    rows = Counter({(name, value): 0 for name, values in choices.items() for value in values})
    rows.update(counted)
    database.executemany("INSERT INTO facets VALUES (?, ?, ?)", ((name, value, count) for (name, value), count in rows.items()))


def _add_families(database: sqlite3.Connection, families: Iterable[tuple[str, ...]]) -> None:
    for number, family in enumerate(families):
        phrases = {" ".join(atoms(text)): text for text in reversed(family)}
        phrases.pop("", None)
        if len(phrases) > 1:
            database.executemany("INSERT INTO synonyms VALUES (?, ?)", ((phrase, number) for phrase in phrases))
            members = {(number, phrase_tokens(text), " ".join(units(text)), squash(text)) for text in phrases.values()}
            database.executemany("INSERT INTO members VALUES (?, ?, ?, ?)", sorted(members))


def _add_subjects(database: sqlite3.Connection, subjects: Iterable[tuple[str, str, str]]) -> None:
    worded = ((word, *tag.split("=")) for tag, text in WORDS.items() for word in text.split(", "))
    rows = {(squash(name), " ".join(atoms(name)), f"{filter}={value}"): None for name, filter, value in (*subjects, *worded)}
    database.executemany("INSERT INTO subjects VALUES (?, ?, ?)", rows)


def phrase_tokens(text: str) -> str:
    """The tokens of a text that stand next to each other where the text is a phrase of a document."""
    return " ".join(token for unit in units(text) for token in unit_tokens(unit))


def _all_grams(spellings: Iterable[str]) -> Iterator[tuple[str, int, str]]:
    return ((gram, len(word), word) for word in spellings for gram in grams(word))
