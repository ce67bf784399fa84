"""What every page generator needs: the catalog, the evidence, one language, and the addresses of pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

from dlatlas.catalog.keys import canonical
from dlatlas.catalog.model import Area, Both, Catalog, Entry, Method, Text, Topic
from dlatlas.evidence.planted import Planted, read_planted
from dlatlas.evidence.store import Evidence
from dlatlas.links import health
from dlatlas.site.markup import inline, tag
from dlatlas.site.strings import say


@dataclass(frozen=True)
class Page:
    """One generated page. ``address`` is its folder below the language's root, such as ``"training/adam/"``."""

    address: str
    title: str
    body: str
    kind: str
    description: str = ""
    crumbs: tuple[tuple[str, str], ...] = ()  # (title, address)
    meta: Mapping[str, Any] = field(default_factory=dict)

    def url(self, address: str) -> str:
        return relative(self.address, address)


def relative(here: str, there: str) -> str:
    """The address of page ``there`` as seen from page ``here``; both as below the language's root."""
    page, mark, anchor = there.partition("#")
    if page == here and mark:
        return mark + anchor
    return ("../" * here.count("/") + page or "./") + mark + anchor


@dataclass(frozen=True)
class Context:
    """The data behind the pages of one language."""

    root: Path
    catalog: Catalog
    evidence: Evidence
    bench: Mapping[str, Any]
    lang: str

    @cached_property
    def areas(self) -> Mapping[str, Area]:
        return self.catalog.area_of()

    @cached_property
    def topics(self) -> Mapping[str, Topic]:
        return self.catalog.topic_by_id()

    @cached_property
    def entries(self) -> Mapping[str, Entry]:
        return self.catalog.entry_by_id()

    @cached_property
    def cited(self) -> Mapping[str, Entry]:
        """The entries by the canonical keys of their arXiv ids and DOIs."""
        numbers = ((f"{kind}:{getattr(e.ids, kind)}", e) for e in self.catalog.entries for kind in ("arxiv", "doi") if getattr(e.ids, kind))
        return {canonical(number): entry for number, entry in numbers}

    @cached_property
    def incoming(self) -> Mapping[str, list[tuple[str, Entry]]]:
        return self.catalog.incoming()

    @cached_property
    def shown(self) -> Mapping[str, list[Entry]]:
        """The entries on each topic's page, in order."""
        found: dict[str, list[Entry]] = {topic.id: [] for topic in self.catalog.topics}
        for entry in self.catalog.entries:
            for topic in dict.fromkeys(entry.topics):
                if topic in found:
                    found[topic].append(entry)
        return {topic: sorted(entries, key=lambda e: (e.home != topic, e.pick is None, e.pick or 0)) for topic, entries in found.items()}

    @cached_property
    def next_topics(self) -> Mapping[str, list[Topic]]:
        """For each topic, those that name it as a prerequisite."""
        found: dict[str, list[Topic]] = {}
        for topic in self.catalog.topics:
            for requirement in topic.requires:
                found.setdefault(requirement.topic, []).append(topic)
        return found

    @cached_property
    def owners(self) -> Mapping[str, Topic]:
        """The first topic that has a method in each module."""
        return {method.module: topic for topic, method in reversed(list(self.catalog.methods())) if method.module}

    @cached_property
    def statuses(self) -> Mapping[str, str]:
        """``planned``, ``unverified``, ``stale`` or ``verified`` by method id."""
        return {method.id: self.evidence.status(method) if method.object else "planned" for _, method in self.catalog.methods()}

    @cached_property
    def planted(self) -> Mapping[str, Planted]:
        """What became of the faults planted in each module."""
        return read_planted(self.root)

    @cached_property
    def health(self) -> Mapping[str, health.Health]:
        """What the last checks found about each link, by address."""
        return health.read(self.root)

    @cached_property
    def other(self) -> str:
        return "zh" if self.lang == "en" else "en"

    def say(self, key: str, **values: object) -> str:
        return say(self.lang, key, **values)

    def count(self, key: str, number: int) -> str:
        """A number with its noun, such as ``1 topic`` or ``7 topics``."""
        return self.say(f"{key}-one") if number == 1 and key != "verified" else self.say(f"{key}-count", n=number)

    def html(self, text: Both | Text) -> str:
        """A text of the catalog in the page's language, as HTML."""
        return inline(text.get(self.lang))

    def both(self, text: Both) -> str:
        """A title in the page's language with the other language's beside it, as HTML."""
        here, there = text.get(self.lang), text.get(self.other)
        second = tag("span", escape(there), lang=self.other, class_="title-other")
        return escape(here) if here == there else f"{escape(here)} {second}"

    def topic_link(self, page: Page, topic: Topic, anchor: str = "") -> str:
        """A link from ``page`` to a topic's page."""
        return tag("a", escape(topic.title.get(self.lang)), href=page.url(self.topic_address(topic) + anchor))

    def topics_of(self, area: Area) -> list[Topic]:
        return [self.topics[topic] for topic in area.topics if topic in self.topics]

    def topic_address(self, topic: Topic) -> str:
        return f"{self.areas[topic.id].id}/{topic.id}/"

    def entry_address(self, entry: Entry) -> str:
        return f"{self.topic_address(self.topics[entry.home])}#entry-{entry.id}"

    def source_address(self, module: str) -> str:
        return f"source/{module}/"

    def implemented(self, topic: Topic) -> list[Method]:
        return [method for method in topic.methods if method.object]


def load_bench(root: Path) -> Mapping[str, Any]:
    """The stored benchmark, or an empty one where none has been recorded."""
    path = root / "evidence" / "bench.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else {"environment": {}, "rows": []}
