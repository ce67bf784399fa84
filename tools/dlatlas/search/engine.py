"""Find and rank the documents for a query in an open index.

FTS5 gives the documents that have all groups of the query, in the order of their row numbers,
which is that of their importance; Python scores them (``rank``). Where more than ``EXACT`` match,
it scores the first ``FIRST`` of them and the first whose titles, aliases or authors have all groups:
reading stops there, so that a word of half a million documents costs no more than one of some
thousand. Up to that number the ranking is exact. Where few match, documents that lack a group
join, and then the kin of the best ones, such as the paper of a repository, and their topic.
"""

from __future__ import annotations

import difflib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dlatlas.search.groups import Group, Understood
from dlatlas.search.match import understand
from dlatlas.search.query import Query, keys, parse
from dlatlas.search.rank import Ranker, Row
from dlatlas.search.reader import Reader
from dlatlas.search.text import squash

EXACT = 1500
"""Up to that many matches all are scored."""

FIRST = 400
"""Of more matches, how many are scored of all and of those by name."""

COUNTED = 10_000
"""Matches that are counted; more are told as this many."""

FEW = 20
"""With fewer matches, those that lack a part of the query are scored too, however many are to be shown."""

ENOUGH = 5
"""With fewer documents that have all words, those that lack more are told too."""

SHARE = 0.35
"""The share of the query, by weight, that such a document must have."""

SURE = 0.7
"""The share that is as good as all: such documents stand beside those that have all words, and lead to their kin where these are few."""

KIN, NEIGHBOR, KINSHIP = 0.2, 0.15, 15.0
"""The share of the best score, at most of ``KINSHIP``, for its kin and for others of its topic."""

WHOLE, NAMED = 85.0, 20.0
"""Points for its name of a topic that the whole query names, not only a part of it, and of a document whose kin is moved up."""

NEIGHBORS = 60
"""Documents of a topic that are looked at."""

KEY = 200.0
"""Points of a document whose address or identifier the query is."""

BEGUN = 0.15
"""Share of a name's points for a topic or method whose name begins with the query, times the part of the name that the query is."""


@dataclass(frozen=True)
class Answer:
    """Hits, best first, and what is to be told beside them."""

    hits: list[dict[str, Any]]
    total: int = 0  # documents found, counted up to COUNTED
    corrected: dict[str, str] = field(default_factory=dict)  # words that were replaced to find them
    unknown: list[str] = field(default_factory=list)  # words that no document has
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
        self.reader = Reader(database, query, filters)
        self.lexicon = self.reader.lexicon
        self.query = query
        self.limit = limit
        self.explain = explain

    def answer(self, text: str) -> Answer:
        whole, inside = keys(text)
        if whole and (docs := self.reader.keyed(whole)):
            return self._told(Ranker(Understood(), self.lexicon.lengths, dict.fromkeys(docs, KEY)), self.reader.of(docs), len(docs))
        if not self.query.words:
            return self._told(Ranker(Understood(), self.lexicon.lengths), *(self._matching([]) if self.reader.bound else ([], 0)))
        understood = understand(self.lexicon, self.query.words)
        names = self._named(understood.names, understood.titles)
        names.update(dict.fromkeys(self.reader.keyed(inside), KEY))
        named = self.reader.of(names)
        ranker = Ranker(understood, self.lexicon.lengths, names, self._topics(understood.names))
        rows, total = self._matching(understood.groups)
        rows += named
        self._kin_of(ranker, [row for row in named if names[row.doc] >= NAMED])
        if total < ENOUGH:
            rows += self._near(ranker, rows)
        return self._told(ranker, rows, total)

    def _told(self, ranker: Ranker, rows: list[Row], total: int) -> Answer:
        """Score the rows and tell the best of them."""
        least = SHARE if total < ENOUGH else SURE
        unique = {row.doc: row for row in rows}.values()
        scored = sorted(((-ranker.score(row), row.doc, row) for row in unique), key=lambda entry: entry[:2])
        has = [entry[1] in ranker.names or ranker.share(entry[2]) >= least for entry in scored]
        room = ENOUGH - sum(has)
        kept = []
        for entry, good in zip(scored, has, strict=True):
            if good or (room > 0 and entry[1] in ranker.kin):
                kept.append(entry)
                room -= not good
        hits = []
        for points, doc, row in kept[: self.limit]:
            hit = {**json.loads(self.reader.shown(doc)), "score": round(-points, 4)}
            hits.append({**hit, "explain": ranker.explain(row)} if self.explain else hit)
        terms = [unit for group in ranker.understood.groups for unit in group.terms] + self.query.terms
        unknown = [group.label for group in ranker.understood.groups if group.unknown]
        if not hits:
            return Answer([], unknown=unknown, suggestions=self._suggestions())
        return Answer(hits, max(total, len(kept)), ranker.understood.corrected, unknown, terms=list(dict.fromkeys(terms)))

    # Rows

    def _matching(self, groups: list[Group]) -> tuple[list[Row], int]:
        """Rows that have all groups, and how many there are.

        Where they are too many, the first of them and the first that have all in their names; where they are too few,
        those that lack one group or more as well.
        """
        most = max(EXACT, self.limit)
        needed = [group for group in groups if group.needed]
        if not needed and any(group.unknown for group in groups):
            return [], 0
        every = " AND ".join(group.match for group in needed or groups)
        if self.reader.count(every, most + 1) > most:
            first = max(FIRST, self.limit)
            named = self.reader.matching(f"{{title aliases authors}} : ({every})", first) if groups else []
            return self.reader.matching(every, first) + named, self.reader.count(every, COUNTED)
        rows = self.reader.matching(every, most)
        total = len(rows)
        if total < max(FEW, self.limit):
            rows += (row for weaker in _weaker(groups) for row in self.reader.matching(weaker, most))
        return rows, total

    def _near(self, ranker: Ranker, rows: list[Row]) -> list[Row]:
        """Rows that are kin to the best ones, or of the same topic; the ranker is told."""
        best = sorted({row.doc: row for row in rows if ranker.share(row) > SURE}.values(), key=ranker.score, reverse=True)[:ENOUGH]
        if not best:
            return []
        top = min(ranker.score(best[0]), KINSHIP)
        near = self.reader.of(self._kin_of(ranker, best, KIN * top))
        homes = Counter(tag for row in best for tag in row.tags.split() if tag.startswith("home="))
        shared = [tag for tag, count in homes.items() if 2 * count >= len(best)]
        for tag in shared:
            found = self.reader.matching(f'tags : "{tag}"', NEIGHBORS)
            near += found
            for row in found:
                ranker.kin[row.doc] = ranker.kin.get(row.doc, 0.0) + NEIGHBOR * top
        for row in best:
            ranker.kin.pop(row.doc, None)
        return near

    def _kin_of(self, ranker: Ranker, rows: list[Row], points: float = KIN * NAMED) -> list[int]:
        """Documents that are about the rows, or that these are about; the ranker is told."""
        docs = [row.doc for row in rows]
        kin = self.lexicon.rows("SELECT docs.doc FROM kin JOIN docs USING (id) WHERE kin.doc IN", docs)
        kin += self.lexicon.rows("SELECT doc FROM kin WHERE id IN", [row.id for row in rows], f"ORDER BY doc LIMIT {EXACT}")
        found = self.reader.passing({doc for (doc,) in kin}.difference(docs))
        for doc in found:
            ranker.kin.setdefault(doc, points)
        return found

    def _named(self, names: Mapping[str, float], titles: Mapping[str, float]) -> dict[int, float]:
        """Documents of which a whole name is asked for with their points, works whose title is, and what has a name that begins so."""
        points: dict[int, float] = {}
        whole = "SELECT doc, name, bonus FROM names WHERE name IN"
        for doc, name, bonus in self.lexicon.rows(whole, names, f"ORDER BY doc LIMIT {EXACT}"):
            points[doc] = max(points.get(doc, 0.0), bonus * names[name])
        sql = "SELECT doc, name, bonus FROM names WHERE NOT major AND name IN"
        for doc, name, bonus in self.lexicon.rows(sql, titles, f"ORDER BY doc LIMIT {EXACT}"):
            points[doc] = max(points.get(doc, 0.0), bonus * titles[name])
        for plain in list(names)[:1]:
            begun = "SELECT doc, bonus * ? / length(name) FROM names WHERE major AND name > ? AND name < ? ORDER BY length(name) LIMIT 50"
            for doc, bonus in self.lexicon.database.execute(begun, (len(plain), plain, plain + "\U0010ffff")):
                points.setdefault(doc, BEGUN * bonus * names[plain])
        return {doc: points[doc] for doc in self.reader.passing(points)}

    def _topics(self, names: Mapping[str, float]) -> dict[str, float]:
        """The topics that the whole query names, as tags of the works at home there, and how well it does."""
        worth: dict[str, float] = {}
        for name, tag, quality in self.lexicon.rows("SELECT name, tag, quality FROM subjects WHERE name IN", names):
            kind, value = tag.split("=", 1)
            if kind == "topic":
                worth[f"home={value}"] = max(worth.get(f"home={value}", 0.0), quality * names[name] ** 0.5)
        return worth

    def _suggestions(self) -> list[str]:
        """Topics and methods whose names come near to a query that found nothing."""
        names = dict(self.lexicon.database.execute("SELECT name, id FROM names JOIN docs USING (doc) WHERE major"))
        wanted = squash(" ".join([*self.query.words, *self.query.terms]))[:60]
        return list(dict.fromkeys(names[name] for name in difflib.get_close_matches(wanted, names, 3, 0.6)))


def _weaker(groups: list[Group]) -> Iterator[str]:
    """Expressions that ask for less: all groups but one, and any one."""
    if 2 < len(groups) <= 12:
        yield " OR ".join(f"({' AND '.join(group.match for group in groups[:i] + groups[i + 1 :])})" for i in range(len(groups)))
    if len(groups) > 1:
        yield " OR ".join(group.match for group in groups)
