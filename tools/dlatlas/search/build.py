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
from itertools import islice
from pathlib import Path
from typing import get_args

from dlatlas.catalog.model import Catalog, EntryType, Framework, Language, Level
from dlatlas.search.documents import Document, documents
from dlatlas.search.facets import meanings, worded
from dlatlas.search.names import shared, subjects, synonyms, unique
from dlatlas.search.spelling import correctable, grams
from dlatlas.search.stems import stem
from dlatlas.search.tables import FIELDS, INDEXES, TABLES, TOLD
from dlatlas.search.text import atoms, prepare, squash, unit_tokens, units

SPELLED = ("title", "aliases", "authors", "venue", "topics", "note")
"""Fields whose words correct a misspelled query."""

BATCH = 2000

LAST = 1 << 10
"""Above every prior in steps of a tenth."""


@dataclass
class Source:
    """What an index is made of: documents, groups of expressions that mean the same, names of filter values, and their full lists."""

    documents: Iterable[Document]
    synonyms: Iterable[tuple[str, ...]] = ()
    subjects: Iterable[tuple[str, str, float]] = ()
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


def common() -> Iterator[tuple[int, tuple[str, ...]]]:
    """Groups of everyday words that mean the same in both languages, with their numbers: first those of how things are asked."""
    asking, about = (
        [tuple(line.split(", ")) for line in part.splitlines() if line and not line.startswith("#")]
        for part in Path(__file__).with_name("common.txt").read_text("utf-8").split("\n\n")
    )
    yield from ((-number, family) for number, family in enumerate(asking, 1))
    yield from ((TOLD - number, family) for number, family in enumerate((*about, *meanings()), 1))


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
    seen = _Seen()
    _add_documents(database, source.documents, seen)
    _add_facets(database, seen.facets, source.choices)
    terms = list(source.synonyms)
    _add_families(database, enumerate(terms), shared(terms))
    _add_families(database, common(), set())
    _add_subjects(database, source.subjects)
    database.execute("INSERT INTO words(words) VALUES ('rebuild')")
    database.execute("INSERT INTO words(words) VALUES ('optimize')")
    _add_spellings(database, seen.spelled)
    lengths = {name: seen.lengths[name] / max(seen.documents, 1) for name in FIELDS}
    stored = {**meta, "documents": str(seen.documents), "lengths": json.dumps(lengths)}
    database.executemany("INSERT INTO meta VALUES (?, ?)", stored.items())
    database.execute("COMMIT")
    database.executescript(INDEXES)
    database.execute("ANALYZE")


@dataclass
class _Seen:
    """What the rows were counted for while they were written."""

    documents: int = 0
    lengths: Counter[str] = field(default_factory=Counter)
    facets: Counter[tuple[str, str]] = field(default_factory=Counter)
    spelled: set[str] = field(default_factory=set)


def _add_documents(database: sqlite3.Connection, documents: Iterable[Document], seen: _Seen) -> None:
    """Write documents with their names and keys, some thousand at a time."""
    numbered = enumerate(documents)
    marks = ", ".join("?" * (len(FIELDS) + 5))
    while batch := list(islice(numbered, BATCH)):
        rows = [(_place(document, number), document) for number, document in batch]
        database.executemany(f"INSERT INTO docs VALUES ({marks})", [_row(doc, document, seen) for doc, document in rows])
        database.executemany("INSERT INTO names VALUES (?, ?, ?, ?)", (row for doc, document in rows for row in _names(doc, document)))
        database.executemany("INSERT INTO keys VALUES (?, ?)", ((key, doc) for doc, document in rows for key in document.keys))
        database.executemany("INSERT INTO kin VALUES (?, ?)", ((doc, id) for doc, document in rows for id in document.kin))


def _place(document: Document, number: int) -> int:
    """The row number: by prior, then in the order of coming."""
    return (LAST - round(10 * document.prior) << 40) + number


def _row(doc: int, document: Document, seen: _Seen) -> tuple[object, ...]:
    columns = []
    for name in FIELDS:
        found, spelled = prepare(document.fields.get(name, ""))
        seen.lengths[name] += len(found)
        columns.append(f" {' '.join(found)} ")
        if name in SPELLED:
            seen.spelled.update(spelled)
    seen.documents += 1
    facets = [(name, value) for name, values in document.facets.items() for value in values]
    seen.facets.update(facets)
    home = f" home={document.topics[0]}" if document.topics else ""
    tags = f" every {' '.join([f'{name}={value}' for name, value in facets])}{home} "
    shown = {"id": document.id, "type": document.type, "title": document.title, "topics": document.topics, "urls": document.urls}
    return (doc, *columns, tags, document.prior, document.id, json.dumps(shown, ensure_ascii=False, separators=(",", ":")))


def _names(doc: int, document: Document) -> Iterator[tuple[str, int, float, bool]]:
    return ((name, doc, points, document.type in ("topic", "method")) for name, points in unique(document.names).items())


def _add_facets(database: sqlite3.Connection, counted: Counter[tuple[str, str]], choices: dict[str, tuple[str, ...]]) -> None:
    rows = Counter({(name, value): 0 for name, values in choices.items() for value in values})
    rows.update(counted)
    database.executemany("INSERT INTO facets VALUES (?, ?, ?)", ((name, value, count) for (name, value), count in rows.items()))


def _add_families(database: sqlite3.Connection, families: Iterable[tuple[int, tuple[str, ...]]], among: set[tuple[int, str]]) -> None:
    for number, family in families:
        phrases = {" ".join(atoms(text)): text for text in reversed(family)}
        phrases.pop("", None)
        if len(phrases) > 1:
            database.executemany("INSERT INTO synonyms VALUES (?, ?)", ((phrase, number) for phrase in phrases))
            named = {(phrase_tokens(text), " ".join(units(text)), squash(text)) for text in phrases.values()}
            members = ((number, *member, (number, member[-1]) in among) for member in sorted(named))
            database.executemany("INSERT INTO members VALUES (?, ?, ?, ?, ?)", members)


def _add_subjects(database: sqlite3.Connection, subjects: Iterable[tuple[str, str, float]]) -> None:
    rows: dict[tuple[str, str, str], float] = {}
    for name, tag, quality in (*subjects, *worded()):
        row = squash(name), " ".join(atoms(name)), tag
        rows[row] = max(rows.get(row, 0.0), quality)
    database.executemany("INSERT INTO subjects VALUES (?, ?, ?, ?)", ((*row, quality) for row, quality in rows.items()))


def phrase_tokens(text: str) -> str:
    """The tokens of a text that stand next to each other where the text is a phrase of a document."""
    return " ".join(token for unit in units(text) for token in unit_tokens(unit))


def _add_spellings(database: sqlite3.Connection, spelled: Iterable[str]) -> None:
    """Words of four letters or more, as frequent as their stems, and the triples of letters to find them by."""
    known = sorted(word for word in spelled if len(word) > 3 and correctable(word))
    database.execute("INSERT INTO terms SELECT term, doc FROM vocabulary")
    database.create_function("stem", 1, stem, deterministic=True)
    database.executemany("INSERT INTO spelled VALUES (?)", ((word,) for word in known))
    database.execute("INSERT INTO spellings SELECT word, documents FROM spelled JOIN terms ON term = stem(word)")
    database.executemany("INSERT INTO loose_grams VALUES (?, ?, ?)", ((gram, len(word), word) for word in known for gram in grams(word)))
    database.execute("INSERT INTO grams SELECT * FROM loose_grams ORDER BY gram, length, word")
