"""What an index knows about words: how frequent they are, what means the same, which filters they stand for."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any


class Lexicon:
    """Look-ups in the tables of one open index."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        meta = dict(database.execute("SELECT name, value FROM meta"))
        self.documents = int(meta["documents"])
        self.lengths: dict[str, float] = json.loads(meta["lengths"])

    def rows(self, sql: str, found: Iterable[Any], rest: str = "") -> list[Any]:
        """The rows of a query whose last condition is a list of values."""
        return self.database.execute(f"{sql} (SELECT value FROM json_each(?)) {rest}", (json.dumps(list(found)),)).fetchall()

    def counts(self, terms: Iterable[str]) -> dict[str, int]:
        """Known terms and in how many documents they are."""
        return dict(self.rows("SELECT term, documents FROM terms WHERE term IN", terms))

    def tagged(self, tags: Iterable[str]) -> dict[str, int]:
        """Tags and how many documents have them."""
        return dict(self.rows("SELECT field || '=' || value AS tag, documents FROM facets WHERE tag IN", tags))

    def named(self, phrases: Iterable[str]) -> set[str]:
        """Those phrases (atoms with spaces between) that are a name or have others of the same meaning."""
        listed = list(phrases)
        tables = ("synonyms", "subjects")
        return {phrase for table in tables for (phrase,) in self.rows(f"SELECT phrase FROM {table} WHERE phrase IN", listed)}

    def families(self, phrases: Iterable[str]) -> list[int]:
        """The groups of expressions that mean the same as one of the phrases (see ``tables.TOLD``)."""
        return [family for (family,) in self.rows("SELECT DISTINCT family FROM synonyms WHERE phrase IN", phrases)]

    def members(self, families: Iterable[int]) -> list[tuple[str, str, str, int]]:
        """The expressions of families, each as (tokens, units, squashed name, whether it may mean another term)."""
        sql = "SELECT tokens, units, name, min(shared) FROM members WHERE family IN"
        return self.rows(sql, families, "GROUP BY tokens, units, name ORDER BY name, tokens")

    def subjects(self, names: Iterable[str]) -> dict[str, float]:
        """The tags that squashed names stand for, and how well."""
        return dict(self.rows("SELECT tag, max(quality) FROM subjects WHERE name IN", names, "GROUP BY tag"))

    def beginning(self, word: str, count: int = 12) -> list[str]:
        """The most frequent longer words that begin so."""
        sql = "SELECT word FROM spellings WHERE word > ? AND word < ? ORDER BY documents DESC, word LIMIT ?"
        return [found for (found,) in self.database.execute(sql, (word, word + "\U0010ffff", count))]

    def pairs_with(self, character: str, count: int = 60) -> list[str]:
        """The most frequent pairs of Chinese characters with this one."""
        sql = (
            "SELECT term FROM terms WHERE term BETWEEN '㐀' AND '鿿鿿' AND length(term) = 2 AND instr(term, ?)"
            " ORDER BY documents DESC, term LIMIT ?"
        )
        return [term for (term,) in self.database.execute(sql, (character, count))]

    def occurs(self, expression: str) -> bool:
        """Whether a document matches an FTS5 expression."""
        return self.database.execute("SELECT 1 FROM words WHERE words MATCH ? LIMIT 1", (expression,)).fetchone() is not None
