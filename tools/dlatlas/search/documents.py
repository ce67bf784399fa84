"""The catalog as documents to search, and the groups of words that mean the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from dlatlas.catalog.keys import canonical
from dlatlas.catalog.model import Catalog, Entry, Method, Topic


@dataclass(frozen=True)
class Document:
    """One thing that can be found: what is printed of it, and the text of each field."""

    id: str
    type: str
    lang: str
    title: dict[str, str]
    topics: tuple[str, ...]
    urls: tuple[str, ...]
    fields: dict[str, str]
    names: tuple[tuple[str, float], ...] = ()  # whole names, each with the bonus of a query that equals it
    keys: tuple[str, ...] = field(default=())


def documents(catalog: Catalog) -> Iterator[Document]:
    """Topics, methods and entries, in reading order."""
    for topic in catalog.topics:
        yield _topic(topic)
        yield from (_method(topic, method) for method in topic.methods)
    titles = {topic.id: f"{topic.title.en} {topic.title.zh}" for topic in catalog.topics}
    yield from (_entry(entry, titles) for entry in catalog.entries)


def synonyms(catalog: Catalog) -> Iterator[tuple[str, ...]]:
    """Groups of expressions that mean the same: glossary terms, and the two titles of each topic and method."""
    for term in catalog.glossary:
        yield tuple(filter(None, (term.term.en, term.term.zh, term.term.zh_hant, *term.aliases)))
    for topic in catalog.topics:
        yield (topic.title.en, topic.title.zh)
        yield from ((method.title.en, method.title.zh) for method in topic.methods)


def _topic(topic: Topic) -> Document:
    title = {"en": topic.title.en, "zh": topic.title.zh}
    return Document(
        id=topic.id,
        type="topic",
        lang="",
        title=title,
        topics=(topic.id,),
        urls=(),
        fields={
            "title": _join(topic.id, *title.values()),
            "aliases": _join(*topic.aliases),
            "note": _join(topic.summary.en, topic.summary.zh),
        },
        names=(*((name, 100.0) for name in (topic.id, *title.values())), *((alias, 70.0) for alias in topic.aliases)),
    )


def _method(topic: Topic, method: Method) -> Document:
    title = {"en": method.title.en, "zh": method.title.zh}
    return Document(
        id=method.id,
        type="method",
        lang="",
        title=title,
        topics=(topic.id,),
        urls=(),
        fields={"title": _join(method.id, *title.values()), "topics": _join(topic.title.en, topic.title.zh)},
        names=tuple((name, 90.0) for name in (method.id, *title.values())),
    )


def _entry(entry: Entry, titles: dict[str, str]) -> Document:
    title = {name: text for name in entry.title.__struct_fields__ if (text := getattr(entry.title, name))}
    ids = {name: value for name in entry.ids.__struct_fields__ if (value := getattr(entry.ids, name))}
    note = (entry.note.en, entry.note.zh) if entry.note else ()
    return Document(
        id=entry.id,
        type=entry.type,
        lang=entry.lang,
        title=title,
        topics=entry.topics,
        urls=entry.urls,
        fields={
            "title": _join(*title.values()),
            "aliases": _join(entry.id, *ids.values()),
            "authors": _join(*entry.authors),
            "topics": _join(*(titles.get(topic, "") for topic in entry.topics)),
            "note": _join(*note),
            "other": _join(
                entry.venue or "", entry.date or "", entry.code.framework if entry.code else "", *(_words(url) for url in entry.urls)
            ),
        },
        names=tuple((name, 80.0) for name in (entry.id, *title.values())),
        keys=tuple({canonical(text) for text in (*(f"{name}:{value}" for name, value in ids.items()), *entry.urls)}),
    )


def _join(*texts: str) -> str:
    return "\n".join(texts)


def _words(url: str) -> str:
    """The words of an address, without scheme and encoded bytes."""
    return re.sub(r"%[0-9a-fA-F]{2}|[/?&=_.-]+", " ", url.split("://", 1)[-1].removeprefix("www."))
