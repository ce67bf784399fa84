"""Parse a query, widen it by synonyms and spelling, and rank what it finds.

A query is words, "phrases", -words that must not occur, and ``field:value`` with a field of
``FILTERS`` or ``COLUMNS``. All words must occur; where no document has them all, words that
the index does not know are replaced by near ones, then one may be missing, and at last any
word is enough.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dlatlas.search.index import FIELDS, phrase
from dlatlas.search.spelling import nearest
from dlatlas.search.text import is_han, pairs, squash, units

FILTERS = ("type", "topic", "lang")
COLUMNS = {"title": "title", "author": "authors", "authors": "authors", "note": "note"}
LONGEST = 400
"""Characters of a query that are looked at."""

CANDIDATES = 200
"""Documents by words that names can move up among."""

LONGEST_TERM = 8
"""Words of the longest synonym that is recognized."""

FUNCTION_WORDS = frozenset(
    "a an and are by do doe did for from how i in is it of on or the to use was what when which why with work".split()  # noqa: SIM905
)
"""Words (by their stems) that are dropped from a query that has others."""

PART = re.compile(r'(?P<minus>-)?(?:(?P<field>[a-z]+):)?(?:"(?P<phrase>[^"]*)"?|(?P<word>\S+))', re.I)


@dataclass
class Query:
    """A parsed query: expressions that must match, those that must not, and filters."""

    words: list[str] = field(default_factory=list)  # words and Chinese runs, in order
    phrases: list[str] = field(default_factory=list)  # FTS5 expressions
    excluded: list[str] = field(default_factory=list)
    filters: dict[str, str] = field(default_factory=dict)
    plain: str = ""  # what is compared with whole names


@dataclass(frozen=True)
class Answer:
    """Hits, best first; words that were replaced by near ones to find them; near names when there are no hits."""

    hits: list[dict[str, Any]]
    corrected: dict[str, str] = field(default_factory=dict)
    suggestions: list[str] = field(default_factory=list)
    total: int = 0
    terms: list[str] = field(default_factory=list)


class UnknownValue(ValueError):
    """A filter was given a value that it does not take; ``nearest`` holds those that come near."""

    def __init__(self, field: str, value: str, nearest: list[str]) -> None:
        self.field, self.value, self.nearest = field, value, nearest
        hint = f"; did you mean {' or '.join(nearest)}?" if nearest else ""
        super().__init__(f"{field}: unknown value {value!r}{hint}")


def valid(database: sqlite3.Connection, field: str) -> list[str]:
    """The values that a filter takes, most frequent first."""
    column = {"type": "type", "lang": "lang"}.get(field)
    if column:
        rows = database.execute(f"SELECT {column} FROM docs WHERE {column} <> '' GROUP BY 1 ORDER BY count(*) DESC")
        return [value for (value,) in rows]
    return [id for (id,) in database.execute("SELECT id FROM docs WHERE type = 'topic' ORDER BY doc")] if field == "topic" else []


def parse(text: str, filters: Mapping[str, str]) -> Query:
    """The query of a text; anything that is not understood is taken as words."""
    text = text[:LONGEST].encode("utf-8", "replace").decode().replace("\0", " ")
    query = Query(filters={name: value for name, value in filters.items() if value})
    plain: list[str] = []
    for m in PART.finditer(text):
        name = (m["field"] or "").lower()
        body = m["phrase"] if m["phrase"] is not None else m["word"]
        if name in FILTERS:
            query.filters[name] = body
            continue
        if name and name not in COLUMNS:
            body, name = f"{m['field']} {body}", ""
        expression = phrase(body)
        if not expression:
            continue
        if m["minus"]:
            query.excluded.append(expression)
        elif name:
            query.phrases.append(f"{COLUMNS[name]} : {expression}")
        else:
            plain.append(body)
            if m["phrase"] is not None:
                query.phrases.append(expression)
            else:
                query.words += units(body)
    query.plain = squash(" ".join(plain))
    query.words = [word for word in query.words if word not in FUNCTION_WORDS] or query.words
    return query


def run(database: sqlite3.Connection, text: str, *, filters: Mapping[str, str], limit: int) -> Answer:
    """The best documents for a query; never an error, whatever the text."""
    query = parse(text, filters)
    if (key := _key(text)) and (found := _select(database, query, limit, "JOIN keys USING (doc)", "key = ?", key)):
        return Answer(found, total=len(found))
    if not query.words and not query.phrases:
        return Answer(_select(database, query, limit) if query.filters else [])
    groups = _widened(database, query.words)
    hits = _match(database, query, " AND ".join([*groups, *query.phrases]), limit)
    if hits or not groups:
        return Answer(hits, total=len(hits), terms=query.words)
    groups, corrected = _corrected(database, query.words, groups)
    query.plain = "".join(corrected.get(word, word) for word in query.words)
    hits = _match(database, query, " AND ".join([*groups, *query.phrases]), limit) if corrected else []
    for weaker in _weaker(groups):
        hits = hits or _match(database, query, " AND ".join([f"({weaker})", *query.phrases]), limit)
    return Answer(hits, corrected if hits else {}, total=len(hits), terms=query.words)


def suggestions(database: sqlite3.Connection, text: str) -> list[str]:
    """Topics and methods whose names come near to a query that found nothing."""
    import difflib

    wanted = squash(text[:LONGEST].encode("utf-8", "replace").decode())
    rows = database.execute("SELECT name, id FROM names JOIN docs USING (doc) WHERE type IN ('topic', 'method')").fetchall()
    names = dict(rows)
    return list(dict.fromkeys(names[name] for name in difflib.get_close_matches(wanted[:60], names, 3, 0.6)))


def _key(text: str) -> str | None:
    """The canonical key when the query is an address or identifier; a bare host is taken as words."""
    if len(text) > LONGEST * 5 or not re.search(r"[\d:/]", text):
        return None
    from dlatlas.catalog.keys import identify

    return identify(text.encode("utf-8", "replace").decode())


def _widened(database: sqlite3.Connection, words: list[str]) -> list[str]:
    """An FTS5 expression for each part of the query, with what means the same; the longest known terms first."""
    groups, i = [], 0
    while i < len(words):
        for j in range(min(len(words), i + LONGEST_TERM), i, -1):
            if found := _family(database, " ".join(words[i:j])):
                groups.append(f"({' OR '.join(dict.fromkeys([_expression(words[i:j]), *found]))})")
                break
        else:
            j = i + 1
            groups += _split(database, words[i]) if is_han(words[i]) else [_word(words[i])]
        i = j
    return groups


def _split(database: sqlite3.Connection, run: str) -> list[str]:
    """The parts of a Chinese run: known terms, longest first, and what stands between them."""
    groups, i, start = [], 0, 0
    while i < len(run):
        for j in range(min(len(run), i + 12), i + 1, -1):
            if found := _family(database, run[i:j]):
                if start < i:
                    groups.append(_expression([run[start:i]]))
                groups.append(f"({' OR '.join(dict.fromkeys([_expression([run[i:j]]), *found]))})")
                i = start = j
                break
        else:
            i += 1
    if start < len(run):
        groups.append(_expression([run[start:]]))
    return groups


def _family(database: sqlite3.Connection, phrase: str) -> list[str]:
    rows = database.execute("SELECT DISTINCT match FROM members WHERE family IN (SELECT family FROM synonyms WHERE phrase = ?)", (phrase,))
    return [match for (match,) in rows]


def _expression(words: list[str]) -> str:
    return '"' + " ".join(token for word in words for token in (pairs(word) if is_han(word) else [word])) + '"'


def _word(word: str) -> str:
    """A word, or from four letters on the beginning of one."""
    return f'("{word}" OR "{word}"*)' if len(word) > 3 else f'"{word}"'


def _corrected(database: sqlite3.Connection, words: list[str], groups: list[str]) -> tuple[list[str], dict[str, str]]:
    """The groups with every unknown word replaced by the nearest known ones."""
    corrected: dict[str, str] = {}
    replaced = list(groups)
    for word in words:
        if not is_han(word) and (group := _word(word)) in replaced and not _occurs(database, group) and (near := nearest(database, word)):
            replaced[replaced.index(group)] = f"({' OR '.join(_expression([term]) for term in near)})"
            corrected[word] = near[0]
    return replaced, corrected


def _weaker(groups: list[str]) -> list[str]:
    """Expressions that ask for less: all groups but one, then any one."""
    but_one = " OR ".join(f"({' AND '.join(groups[:i] + groups[i + 1 :])})" for i in range(len(groups)))
    return ([but_one] if 2 < len(groups) <= 12 else []) + ([" OR ".join(groups)] if len(groups) > 1 else [])


def _occurs(database: sqlite3.Connection, expression: str) -> bool:
    return database.execute("SELECT 1 FROM words WHERE words MATCH ? LIMIT 1", (expression,)).fetchone() is not None


def _match(database: sqlite3.Connection, query: Query, expression: str, limit: int) -> list[dict[str, Any]]:
    """Documents that match, and those whose whole name is the query; the latter first."""
    if query.excluded:
        expression = f"({expression}) NOT ({' OR '.join(query.excluded)})"
    where, values = _where(query.filters)
    weights = ", ".join(map(str, FIELDS.values()))
    matched = database.execute(
        f"SELECT doc, shown, -bm25(words, {weights}) AS score FROM words JOIN docs ON doc = words.rowid"
        f" WHERE words MATCH ?{where} ORDER BY score DESC, doc LIMIT ?",
        (expression, *values, max(limit, CANDIDATES)),
    )
    found = {doc: (shown, score) for doc, shown, score in matched}
    if query.plain and not query.excluded and not query.phrases:
        for doc, shown, bonus in _named(database, query, limit):
            found[doc] = (shown, bonus + found.get(doc, ("", 0.0))[1])
    ranked = sorted(found.items(), key=lambda item: (-item[1][1], item[0]))
    return [_hit(shown, score) for _, (shown, score) in ranked[:limit]]


def _named(database: sqlite3.Connection, query: Query, limit: int) -> list[tuple[int, str, float]]:
    """Documents whose name is the query with their bonus, and topics and methods whose name begins so with a tenth of it."""
    where, values = _where(query.filters)
    whole = f"SELECT doc, shown, bonus FROM names JOIN docs USING (doc) WHERE name = ?{where} LIMIT ?"
    begun = (
        "SELECT doc, shown, max(bonus) / 10 FROM names JOIN docs USING (doc)"
        f" WHERE name > ? AND name < ? AND type IN ('topic', 'method'){where} GROUP BY doc LIMIT ?"
    )
    found = {
        doc: (doc, shown, bonus) for doc, shown, bonus in database.execute(begun, (query.plain, query.plain + "\U0010ffff", *values, limit))
    }
    return list(
        (found | {doc: (doc, shown, bonus) for doc, shown, bonus in database.execute(whole, (query.plain, *values, limit))}).values()
    )


def _select(
    database: sqlite3.Connection, query: Query, limit: int, join: str = "", condition: str = "1", *values: str
) -> list[dict[str, Any]]:
    """Documents by a condition on the tables alone, in reading order."""
    where, more = _where(query.filters)
    rows = database.execute(
        f"SELECT DISTINCT shown FROM docs {join} WHERE {condition}{where} ORDER BY doc LIMIT ?", (*values, *more, limit)
    )
    return [_hit(shown, 0.0) for (shown,) in rows]


def _where(filters: dict[str, str]) -> tuple[str, list[str]]:
    where, values = "", []
    if "type" in filters:
        where += " AND docs.type = ?"
        values.append(filters["type"].lower())
    if "topic" in filters:
        where += " AND instr(docs.topics, ' ' || ? || ' ') > 0"
        values.append(filters["topic"])
    if "lang" in filters:
        where += " AND (docs.lang = ? OR docs.lang LIKE ? || '-%')"
        values += [filters["lang"]] * 2
    return where, values


def _hit(shown: str, score: float) -> dict[str, Any]:
    return {**json.loads(shown), "score": round(score, 4)}
