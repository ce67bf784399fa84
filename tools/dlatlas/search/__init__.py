"""Search in entries, topics and methods, in English and Chinese at once.

answer = search(root, "剪枝", filters={"type": "paper,code", "year": "2016..2019"}, limit=5)
answer.hits        # [{id, type, title, topics, urls, score}], best first
answer.corrected   # {"dropuot": "dropout"}: words that were replaced to find them
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from dlatlas.search import index
from dlatlas.search.query import FILTERS, Answer, UnknownValue, run, suggestions, valid

__all__ = ["FILTERS", "Answer", "UnknownValue", "search", "values"]


def search(root: Path, text: str, *, filters: Mapping[str, str | None] | None = None, limit: int = 20, explain: bool = False) -> Answer:
    """The best documents for a query, and names that come near when there are none.

    Raises:
        UnknownValue: a filter has a value that no document has.
        CatalogError: the index had to be built and the catalog does not load.
    """
    given = {name: value for name, value in (filters or {}).items() if value}
    try:
        return _answer(index.connect(root), text, given, limit)
    except sqlite3.DatabaseError:  # damaged in a part that the first look did not read
        return _answer(index.rebuild(root), text, given, limit)


def values(root: Path, field: str) -> list[str]:
    """The values that a filter takes, for completion."""
    with closing(index.connect(root)) as database:
        return valid(database, field)


def _answer(database: sqlite3.Connection, text: str, filters: Mapping[str, str], limit: int) -> Answer:
    with closing(database):
        answer = run(database, text, filters=filters, limit=limit)
        return answer if answer.hits else Answer([], suggestions=suggestions(database, text))
