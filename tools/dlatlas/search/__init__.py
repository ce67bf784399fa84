"""Search in entries, topics and methods, in English and Chinese at once.

answer = search(root, "剪枝", filters={"type": "paper,code", "year": "2016..2019"}, limit=5)
answer.hits        # [{id, type, title, topics, urls, score}], best first
answer.total       # how many there are
answer.corrected   # {"dropuot": "dropout"}: words that were replaced to find them
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from dlatlas.search import facets, index
from dlatlas.search.engine import Answer, find
from dlatlas.search.facets import FILTERS, UnknownValue

__all__ = ["FILTERS", "Answer", "UnknownValue", "search", "values"]

T = TypeVar("T")


def search(root: Path, text: str, *, filters: Mapping[str, str | None] | None = None, limit: int = 20, explain: bool = False) -> Answer:
    """The best documents for a query (see ``query`` for its grammar), or names that come near when there are none.

    Args:
        root: the folder that holds ``catalog/``.
        text: any text.
        filters: fields of ``FILTERS`` and their values, as in ``field:value`` of the query; both must hold.
        limit: how many hits at most.
        explain: whether each hit tells in ``explain`` where its score comes from.

    Raises:
        UnknownValue: a filter has a value that it does not take, or there is no such filter.
        CatalogError: the index had to be built and the catalog does not load.
    """
    given = {name: value for name, value in (filters or {}).items() if value}
    return _ask(root, lambda database: find(database, text, given, limit, explain))


def values(root: Path, field: str) -> list[str]:
    """The values that a filter takes, for completion; none for what is not a filter."""
    return _ask(root, lambda database: facets.values(database, field))


def _ask(root: Path, question: Callable[[sqlite3.Connection], T]) -> T:
    try:
        with closing(index.connect(root)) as database:
            return question(database)
    except sqlite3.DatabaseError:  # damaged in a part that the first look did not read
        with closing(index.rebuild(root)) as database:
            return question(database)
