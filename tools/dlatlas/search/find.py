"""Find and rank the documents for a query in an open index."""

from __future__ import annotations

import difflib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dlatlas.search import facets
from dlatlas.search.match import Group, Matcher, Understood
from dlatlas.search.query import Query, clean, keys, parse
from dlatlas.search.rank import Ranker, Row
from dlatlas.search.tables import EVERY, FIELDS
from dlatlas.search.text import squash

CANDIDATES = 1500
"""Rows that are scored for each expression; up to that many matches the ranking is exact."""

COUNTED = 10_000
"""Matches that are counted; more are told as this many."""

ENOUGH = 5
"""With fewer documents that have all words, those that lack one or more are looked at too."""

SHARE = 0.35
"""The share of the query, by weight, that such a document must have."""

KEY = 200.0
"""Points of a document whose address or identifier the query is."""

COLUMNS = ", ".join(("doc", "docs.prior", "docs.tags", *(f"docs.{name}" for name in FIELDS)))

BEGUN = 0.1
"""Share of a name's points for a topic or method whose name begins with the query."""


@dataclass(frozen=True)
class Answer:
    """Hits, best first, and what is to be told beside them."""

    hits: list[dict[str, Any]]
    total: int = 0  # documents found, counted up to COUNTED
    corrected: dict[str, str] = field(default_factory=dict)  # words that were replaced to find them
    suggestions: list[str] = field(default_factory=list)  # names that come near, when there are no hits
    terms: list[str] = field(default_factory=list)  # units (words by their stems, Chinese runs) that may be highlighted


def find(database: sqlite3.Connection, text: str, filters: Mapping[str, str], limit: int, explain: bool) -> Answer:
    """The best documents for a query.

    Raises:
        UnknownValue: a filter has a value that it does not take.
    """
    return _Search(database, parse(text), filters, limit, explain).answer(text)


class _Search:
    def __init__(self, database: sqlite3.Connection, query: Query, filters: Mapping[str, str], limit: int, explain: bool) -> None:
        self.database = database
        self.query = query
        self.limit = limit
        self.explain = explain
        self.lengths: dict[str, float] = json.loads(database.execute("SELECT value FROM meta WHERE name = 'lengths'").fetchone()[0])
        self.required = [facets.tags(database, name, value) for name, value in (*filters.items(), *query.filters)]
        self.forbidden = [tag for name, value in query.excluded_filters for tag in facets.tags(database, name, value)]

    def answer(self, text: str) -> Answer:
        whole, inside = keys(text)
        if whole and (docs := self._keyed(whole)):
            return self._told(Understood([], {}, {}), dict.fromkeys(docs, KEY), self._rows_of(docs), len(docs))
        if not self.query.words:
            asked = self.required or self.query.phrases
            rows, total = self._matching([]) if asked else ([], 0)
            return self._told(Understood([], {}, {}), {}, rows, total)
        understood = Matcher(self.database).understand(self.query.words)
        names = self._named(understood.names)
        names.update(dict.fromkeys(self._keyed(inside), KEY))
        rows, total = self._matching(understood.groups)
        answer = self._told(understood, names, [*self._rows_of(names), *rows], total)
        return answer if answer.hits else Answer([], suggestions=self._suggestions(text))

    def _told(self, understood: Understood, names: dict[int, float], rows: list[Row], total: int) -> Answer:
        """Score the rows and tell the best of them."""
        ranker = Ranker(understood.groups, self.lengths, names)
        scored = {row.doc: (*ranker.score(row), row) for row in rows}
        found = [entry for doc, entry in scored.items() if entry[1] >= SHARE or doc in names]
        found.sort(key=lambda entry: (-entry[0], entry[2].doc))
        hits = []
        for score, _, row in found[: self.limit]:
            hit = {**json.loads(self._shown(row.doc)), "score": round(score, 4)}
            hits.append({**hit, "explain": ranker.explain(row)} if self.explain else hit)
        terms = [unit for group in understood.groups for unit in group.terms] + self.query.terms
        return Answer(hits, max(total, len(found)), understood.corrected if hits else {}, terms=list(dict.fromkeys(terms)))

    # Rows

    def _matching(self, groups: list[Group]) -> tuple[list[Row], int]:
        """Rows that have all groups; where they are too many, the first of them and the first that have all in their names;
        where they are too few, also those that lack one group or more. With them, how many documents have all groups."""
        most = max(CANDIDATES, self.limit)
        every = " AND ".join(group.match for group in groups)
        rows = self._rows(self._bounded(every), most)
        if len(rows) == most:
            counted = f"SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT {COUNTED})"
            (total,) = self.database.execute(counted, (self._bounded(every),)).fetchone()
            return rows + (self._rows(self._bounded(f"{{title aliases authors}} : ({every})"), most) if groups else []), total
        total = len(rows)
        if total < ENOUGH and len(groups) > 1:
            for weaker in _weaker(groups):
                rows += self._rows(self._bounded(weaker), most)
                if len(rows) >= ENOUGH:
                    break
        return rows, total

    def _rows(self, expression: str, most: int) -> list[Row]:
        """The first documents, by their rank before any word is compared, that match."""
        sql = f"SELECT {COLUMNS} FROM words JOIN docs ON doc = words.rowid WHERE words MATCH ? ORDER BY words.rowid LIMIT ?"
        return [Row(doc, prior, tags, fields) for doc, prior, tags, *fields in self.database.execute(sql, (expression, most))]

    def _rows_of(self, docs: Iterable[int]) -> list[Row]:
        rows = self._in(f"SELECT {COLUMNS} FROM docs WHERE doc IN", list(docs))
        return [Row(doc, prior, tags, fields) for doc, prior, tags, *fields in rows]

    def _shown(self, doc: int) -> str:
        return str(self.database.execute("SELECT shown FROM docs WHERE doc = ?", (doc,)).fetchone()[0])

    def _keyed(self, found: list[str]) -> list[int]:
        """Documents with one of these keys that the filters let pass."""
        return self._passing(doc for (doc,) in self._in("SELECT DISTINCT doc FROM keys WHERE key IN", found))

    def _named(self, names: Mapping[str, float]) -> dict[int, float]:
        """Documents of which a whole name is asked for with their points, and topics and methods whose name begins so."""
        points: dict[int, float] = {}
        whole = "SELECT doc, name, bonus FROM names WHERE name IN"
        for doc, name, bonus in self._in(whole, list(names), f"ORDER BY doc LIMIT {CANDIDATES}"):
            points[doc] = max(points.get(doc, 0.0), bonus * names[name])
        for plain in list(names)[:1]:
            begun = "SELECT doc, bonus FROM names WHERE major AND name > ? AND name < ? ORDER BY name LIMIT 50"
            for doc, bonus in self.database.execute(begun, (plain, plain + "\U0010ffff")):
                points.setdefault(doc, BEGUN * bonus * names[plain])
        return {doc: points[doc] for doc in self._passing(points)}

    def _passing(self, docs: Iterable[int]) -> list[int]:
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
        parts += [phrase.match for phrase in self.query.phrases]
        excluded = [phrase.match for phrase in self.query.excluded] + [f'tags : "{tag}"' for tag in self.forbidden]
        if excluded:
            return f"({' AND '.join(parts) or EVERY}) NOT ({' OR '.join(excluded)})"
        return " AND ".join(parts)

    def _in(self, sql: str, found: list[Any], rest: str = "") -> list[Any]:
        """Rows of a query whose last condition is a list of values."""
        return self.database.execute(f"{sql} (SELECT value FROM json_each(?)) {rest}", (json.dumps(found),)).fetchall()

    def _suggestions(self, text: str) -> list[str]:
        """Topics and methods whose names come near to a query that found nothing."""
        rows = self.database.execute("SELECT name, id FROM names JOIN docs USING (doc) WHERE major").fetchall()
        names = dict(rows)
        return list(dict.fromkeys(names[name] for name in difflib.get_close_matches(squash(clean(text))[:60], names, 3, 0.6)))


def _weaker(groups: list[Group]) -> Iterator[str]:
    """Expressions that ask for less: all groups but one, then any one."""
    if 2 < len(groups) <= 12:
        yield " OR ".join(f"({' AND '.join(group.match for group in groups[:i] + groups[i + 1 :])})" for i in range(len(groups)))
    yield " OR ".join(group.match for group in groups)
