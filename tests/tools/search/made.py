"""Indexes of made-up documents, in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from dlatlas.search.build import Source, build
from dlatlas.search.documents import Document
from dlatlas.search.engine import Answer, find


def document(
    id: str, title: str, *, type: str = "paper", prior: float = 0.0, lang: str = "en", kin: tuple[str, ...] = (), **fields: str
) -> Document:
    topics = tuple(fields.pop("topics", "").split())
    year = fields.pop("year", "")
    facets = {"type": (type,), "topic": topics, "lang": (lang,), "year": (year,) if year else ()}
    keys = tuple(fields.pop("keys", "").split())
    return Document(
        id=id,
        type=type,
        lang=lang,
        title={"en": title},
        topics=topics,
        urls=(),
        fields={"title": title, **fields},
        names=((id, 80.0), (title, 100.0 if type == "topic" else 80.0)),
        keys=keys,
        facets=facets,
        prior=prior,
        kin=kin,
    )


def index_of(
    *documents: Document, synonyms: Iterable[tuple[str, ...]] = (), subjects: Iterable[tuple[str, str, float]] = ()
) -> sqlite3.Connection:
    database = sqlite3.connect(":memory:", isolation_level=None)
    build(database, Source(documents, tuple(synonyms), tuple(subjects)), {})
    return database


def ask(database: sqlite3.Connection, text: str, limit: int = 20, explain: bool = False, **filters: str) -> Answer:
    return find(database, text, filters, limit, explain)


def ids(answer: Answer) -> list[str]:
    return [hit["id"] for hit in answer.hits]
