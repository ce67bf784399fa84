"""Search in entries, topics and methods, in English and Chinese at once.

answer = search(root, "剪枝", limit=5)
answer.hits        # [{id, type, title, topics, urls, score}], best first
answer.corrected   # {"dropuot": "dropout"}: words that were replaced to find them
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from dlatlas.search import index
from dlatlas.search.query import Answer, run, suggestions

__all__ = ["Answer", "search"]


def search(root: Path, text: str, *, type: str | None = None, topic: str | None = None, lang: str | None = None, limit: int = 20) -> Answer:
    """The best documents for a query, and names that come near when there are none.

    Raises:
        CatalogError: the index had to be built and the catalog does not load.
    """
    filters = {"type": type, "topic": topic, "lang": lang}
    try:
        return _answer(index.connect(root), text, filters, limit)
    except sqlite3.DatabaseError:  # damaged in a part that the first look did not read
        return _answer(index.rebuild(root), text, filters, limit)


def _answer(database: sqlite3.Connection, text: str, filters: dict[str, str | None], limit: int) -> Answer:
    with closing(database):
        answer = run(database, text, filters=filters, limit=limit)
        return answer if answer.hits else Answer([], {}, suggestions(database, text))
