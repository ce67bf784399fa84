"""The nearest words of the index to a word that is not in it."""

from __future__ import annotations

import sqlite3

from dlatlas.search.index import grams


def nearest(database: sqlite3.Connection, word: str, count: int = 3) -> list[str]:
    """Up to ``count`` indexed words within one or two edits, the nearest and most frequent first."""
    if not 4 <= len(word) <= 40:
        return []
    marks = sorted(grams(word))
    limit = 1 if len(word) < 6 else 2
    rows = database.execute(
        f"SELECT term, count(*) AS shared FROM grams WHERE gram IN ({', '.join('?' * len(marks))}) AND length(term) BETWEEN ? AND ?"
        " GROUP BY term ORDER BY shared DESC LIMIT 50",
        (*marks, len(word) - limit, len(word) + limit),
    ).fetchall()
    near = [(distance(word, term), term) for term, _ in rows]
    near = [(d, -_frequency(database, term), term) for d, term in near if d <= limit]
    return [term for _, _, term in sorted(near)[:count]]


def _frequency(database: sqlite3.Connection, term: str) -> int:
    row = database.execute("SELECT doc FROM vocabulary WHERE term = ?", (term,)).fetchone()
    return int(row[0]) if row else 0


def distance(a: str, b: str) -> int:
    """Insertions, deletions, substitutions and swaps of neighbors that turn ``a`` into ``b``."""
    before, row = [], list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        earlier, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
    return row[-1]
