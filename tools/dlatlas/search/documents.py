"""The catalog as documents to search."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dlatlas.catalog.keys import canonical
from dlatlas.catalog.model import Area, Catalog, Entry, Method, Topic
from dlatlas.search.names import Namer, titles

ABOUT = ("explains", "implements", "translates", "part-of")
"""Relations of a work to the one that it is about."""


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
    keys: tuple[str, ...] = ()
    facets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # values of the filters
    prior: float = 0.0  # points before any word is compared; higher is more essential
    kin: tuple[str, ...] = ()  # ids of the works that it is about, and of its method or paper


def documents(catalog: Catalog) -> Iterator[Document]:
    """Topics, methods and entries, in reading order."""
    context = _Context(catalog)
    for topic in catalog.topics:
        yield context.topic(topic)
        yield from (context.method(topic, method) for method in topic.methods)
    yield from map(context.entry, catalog.entries)


class _Context:
    """What documents need of the rest of the catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.areas = catalog.area_of()
        self.topics = catalog.topic_by_id()
        self.entries = catalog.entry_by_id()
        self.namer = Namer(catalog)
        self.incoming = catalog.incoming()

    def topic(self, topic: Topic) -> Document:
        title = {"en": topic.title.en, "zh": topic.title.zh}
        return Document(
            id=topic.id,
            type="topic",
            lang="",
            title=title,
            topics=(topic.id,),
            urls=(),
            fields={
                "title": _join(*title.values()),
                "aliases": _join(*topic.aliases),
                "topics": self._area(topic.id),
                "note": _join(topic.summary.en, topic.summary.zh),
                "address": topic.id,
            },
            names=self.namer.topic(topic),
            facets=self._facets("topic", (topic.id,), has=("note", "chinese", "english")),
            prior=3.0,
        )

    def method(self, topic: Topic, method: Method) -> Document:
        title = {"en": method.title.en, "zh": method.title.zh}
        paper = self.entries.get(method.paper or "")
        has = ("chinese", "english", *(("code",) if method.object else ()))
        return Document(
            id=method.id,
            type="method",
            lang="",
            title=title,
            topics=(topic.id,),
            urls=(),
            fields={
                "title": _join(*title.values()),
                "topics": self._titles((topic.id,)),
                "related": _title(paper) if paper else "",
                "address": _join(method.id, _words(method.object or "")),
            },
            names=self.namer.method(topic, method),
            facets=self._facets("method", (topic.id,), has=has),
            prior=1.5 if method.object else 1.0,
            kin=(paper.id,) if paper else (),
        )

    def entry(self, entry: Entry) -> Document:
        title = {name: text for name in entry.title.__struct_fields__ if (text := getattr(entry.title, name))}
        ids = {name: value for name in entry.ids.__struct_fields__ if (value := getattr(entry.ids, name))}
        framework = (entry.code.framework,) if entry.code else ()
        return Document(
            id=entry.id,
            type=entry.type,
            lang=entry.lang,
            title=title,
            topics=entry.topics,
            urls=entry.urls,
            fields={
                "title": _join(*title.values()),
                "authors": _join(*entry.authors),
                "venue": _join(entry.venue or "", entry.date or "", *framework),
                "topics": self._titles(entry.topics),
                "related": self._related(entry),
                "note": _join(entry.note.en, entry.note.zh) if entry.note else "",
                "address": _join(entry.id, *entry.was, *ids.values(), *map(_words, entry.urls)),
            },
            names=self.namer.entry(entry),
            keys=tuple({canonical(text) for text in (*(f"{name}:{value}" for name, value in ids.items()), *entry.urls)}),
            facets=self._facets(
                entry.type,
                entry.topics,
                lang=(entry.lang, entry.lang.split("-")[0]),
                level=(entry.level,) if entry.level else (),
                year=(entry.date[:4],) if entry.date else (),
                framework=framework,
                has=self._has(entry),
            ),
            prior=self._prior(entry),
            kin=tuple(relation.to for relation in entry.relations if relation.rel in ABOUT),
        )

    def _prior(self, entry: Entry) -> float:
        """Essential readings first, then primary works, then what explains or implements them."""
        explained = sum(rel in ("explains", "implements", "translates") for rel, _ in self.incoming.get(entry.id, ()))
        about = any(relation.rel in ("explains", "translates") for relation in entry.relations)
        picked = 1.0 - 0.1 * min(entry.pick - 1, 5) if entry.pick else 0.0
        return 0.4 + picked + (0.5 if entry.type in ("paper", "book") else 0.0) + 0.1 * min(explained, 5) - (0.3 if about else 0.0)

    def _has(self, entry: Entry) -> tuple[str, ...]:
        incoming = {rel for rel, _ in self.incoming.get(entry.id, ())}
        chinese = entry.lang.startswith("zh") or any(
            rel in ("translates", "explains") and other.lang.startswith("zh") for rel, other in self.incoming.get(entry.id, ())
        )
        code = entry.type == "code" or "implements" in incoming or any(method.object for method in self.namer.introduced[entry.id])
        found = {
            "code": code,
            "note": entry.note is not None,
            "chinese": chinese,
            "english": entry.lang == "en",
            "pdf": any(link.kind == "pdf" for link in entry.links),
            "archive": any(link.archive for link in entry.links),
            "pick": entry.pick is not None,
        }
        return tuple(name for name, holds in found.items() if holds)

    def _related(self, entry: Entry) -> str:
        """Titles of the works that it is about, of its translations, and of the methods that it introduces."""
        targets = [self.entries[relation.to] for relation in entry.relations if relation.rel in ABOUT and relation.to in self.entries]
        translations = [other for rel, other in self.incoming.get(entry.id, ()) if rel == "translates"]
        methods = [text for method in self.namer.introduced[entry.id] for text in (method.title.en, method.title.zh)]
        return _join(*map(_title, targets), *map(_title, translations), *methods)

    def _titles(self, topics: tuple[str, ...]) -> str:
        known = [self.topics[slug] for slug in topics if slug in self.topics]
        return _join(*(f"{topic.title.en} {topic.title.zh}" for topic in known), *map(self._area, topics[:1]))

    def _area(self, topic: str) -> str:
        area = self.areas.get(topic)
        return f"{area.title.en} {area.title.zh}" if area else ""

    def _facets(self, type: str, topics: tuple[str, ...], **more: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        areas = dict.fromkeys(area.id for slug in topics if isinstance(area := self.areas.get(slug), Area))
        others = {name: tuple(dict.fromkeys(values)) for name, values in more.items()}
        return {"type": (type,), "topic": topics, "area": tuple(areas), **others}


def _title(entry: Entry) -> str:
    return _join(*titles(entry))


def _join(*texts: str) -> str:
    return "\n".join(filter(None, texts))


def _words(url: str) -> str:
    """The words of an address, without scheme and encoded bytes."""
    return re.sub(r"%[0-9a-fA-F]{2}|[/?&=_.:-]+", " ", url.split("://", 1)[-1].removeprefix("www."))
