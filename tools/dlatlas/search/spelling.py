"""The nearest words of the index to a word that is not in it."""

from __future__ import annotations

import sqlite3

CANDIDATES = 60
"""Words with the most letter triples in common whose distance is computed."""


def nearest(database: sqlite3.Connection, word: str, count: int = 3) -> list[str]:
    """Up to ``count`` indexed words within one or two edits, the nearest and most frequent first."""
    if not (4 <= len(word) <= 40 and correctable(word)):
        return []
    marks = sorted(grams(word))
    limit = 1 if len(word) < 6 else 2
    rows = database.execute(
        f"SELECT word, count(*) AS shared FROM grams WHERE gram IN ({', '.join('?' * len(marks))}) AND length BETWEEN ? AND ?"
        f" GROUP BY word ORDER BY shared DESC, word LIMIT {CANDIDATES}",
        (*marks, len(word) - limit, len(word) + limit),
    ).fetchall()
    near = {known: d for known, _ in rows if (d := distance(word, known)) <= limit and _plausible(word, known, d)}
    found = database.execute(f"SELECT word, documents FROM spellings WHERE word IN ({', '.join('?' * len(near))})", tuple(near)).fetchall()
    return [known for known, _ in sorted(found, key=lambda row: (near[row[0]], row[0][0] != word[0], -row[1], row[0]))[:count]]


def _plausible(word: str, known: str, far: int) -> bool:
    """Two edits keep the first letter, and a word of four letters is only another with two of them swapped: lsmt, not shot for show."""
    if len(word) == 4:
        return sorted(known) == sorted(word)
    return far < 2 or known[0] == word[0]


def correctable(word: str) -> bool:
    """Whether it is a word and no number: letters, which digits may follow, as in word2vec."""
    return word[:3].isalpha() and word.isalnum()


def grams(word: str) -> set[str]:
    """Runs of three letters of a word with its ends marked."""
    marked = f"^{word}$"
    return {marked[i : i + 3] for i in range(len(marked) - 2)}


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
