"""Read documents from an open index, bounded by the filters, phrases and exclusions of one query."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from dlatlas.search import facets
from dlatlas.search.lexicon import Lexicon
from dlatlas.search.query import Query
from dlatlas.search.rank import Row
from dlatlas.search.tables import EVERY, FIELDS

COLUMNS = ", ".join(("docs.doc", "docs.id", "docs.prior", "docs.tags", *(f"docs.{name}" for name in FIELDS)))


class Reader:
    """Rows of the documents that a query does not rule out.

    Raises:
        UnknownValue: a filter has a value that it does not take.
    """

    def __init__(self, database: sqlite3.Connection, query: Query, filters: Mapping[str, str]) -> None:
        self.database = database
        self.lexicon = Lexicon(database)
        self.required = [facets.tags(database, name, value) for name, value in (*filters.items(), *query.filters)]
        self.phrases = [phrase.match for phrase in query.phrases]
        self.excluded = [phrase.match for phrase in query.excluded]
        self.excluded += [f'tags : "{tag}"' for name, value in query.excluded_filters for tag in facets.tags(database, name, value)]

    @property
    def bound(self) -> bool:
        """Whether something is asked for beside words."""
        return bool(self.required or self.phrases)

    def matching(self, expression: str, most: int) -> list[Row]:
        """The first documents, by their rank before any word is compared, that match."""
        sql = f"SELECT {COLUMNS} FROM words JOIN docs ON doc = words.rowid WHERE words MATCH ? ORDER BY words.rowid LIMIT ?"
        return [_row(row) for row in self.database.execute(sql, (self._bounded(expression), most))]

    def of(self, docs: Iterable[int]) -> list[Row]:
        """The rows of these documents."""
        return [_row(row) for row in self.lexicon.rows(f"SELECT {COLUMNS} FROM docs WHERE doc IN", docs)]

    def shown(self, doc: int) -> str:
        """What is printed of a document, as JSON."""
        return str(self.database.execute("SELECT shown FROM docs WHERE doc = ?", (doc,)).fetchone()[0])

    def keyed(self, found: list[str]) -> list[int]:
        """Documents with one of these keys that the filters let pass."""
        return self.passing(doc for (doc,) in self.lexicon.rows("SELECT DISTINCT doc FROM keys WHERE key IN", found))

    def count(self, expression: str, most: int) -> int:
        """How many documents match, counted up to ``most``."""
        sql = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"
        return int(self.database.execute(sql, (self._bounded(expression), most)).fetchone()[0])

    def passing(self, docs: Iterable[int]) -> list[int]:
        """Those that filters, phrases and exclusions let pass, in order."""
        listed = sorted(docs)
        condition = self._bounded("")
        if not condition:
            return listed
        sql = "SELECT 1 FROM words WHERE words MATCH ? AND rowid = ?"
        return [doc for doc in listed if self.database.execute(sql, (condition, doc)).fetchone()]

    def _bounded(self, expression: str) -> str:
        """The FTS5 expression together with the filters, phrases and exclusions; empty where there is none at all."""
        parts = [f"({expression})"] if expression else []
        parts += ["(" + " OR ".join(f'tags : "{tag}"' for tag in tags) + ")" for tags in self.required]
        parts += self.phrases
        if self.excluded:
            return f"({' AND '.join(parts) or EVERY}) NOT ({' OR '.join(self.excluded)})"
        return " AND ".join(parts)


def _row(row: tuple[Any, ...]) -> Row:
    doc, id, prior, tags, *fields = row
    return Row(doc, id, prior, tags, fields)
