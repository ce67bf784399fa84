"""What topics, methods and works are called: whole names, each with the points of a query that equals it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from dlatlas.catalog.model import Catalog, Entry, Method, Topic
from dlatlas.search.text import atoms, squash

OF_TOPIC, OF_METHOD, OF_WORK = 100.0, 90.0, 80.0
"""Points for the ids and titles of topics, methods and works."""

ALIAS, PART = 90.0, 10.0
"""Points for an alias of a topic, and for one that names a part of it: what has a page, a method or a paper of its own."""

ONE_OF_SEVERAL, HEAD, CITED, INTRODUCED, INITIALS = 60.0, 40.0, 40.0, 30.0, 25.0
"""Points for one of several things in a method's title; for the head of a work's title, its first author and year, and a method in the
work that introduces it; for the initials of any title."""

LOOSELY = 0.5
"""How well an alias names a topic, which may be broader, if a title does it fully."""

SEVERAL = re.compile(r"[,、()（）]|\band\b|[与和]")
"""What stands between the things that a method's title lists."""

Names = tuple[tuple[str, float], ...]


def synonyms(catalog: Catalog) -> Iterator[tuple[str, ...]]:
    """Groups of expressions that mean the same: glossary terms, and the two titles of each topic, area and method."""
    for term in catalog.glossary:
        yield tuple(filter(None, (term.term.en, term.term.zh, term.term.zh_hant, *term.aliases)))
    yield from ((area.title.en, area.title.zh) for area in catalog.areas)
    for topic in catalog.topics:
        yield (topic.title.en, topic.title.zh)
        yield from ((method.title.en, method.title.zh) for method in topic.methods)


def shared(families: Iterable[Iterable[str]]) -> set[tuple[int, str]]:
    """The expressions that two terms share and nothing else, each as (place of a family, squashed name): they may mean the other term.

    递归神经网络 is said for recurrent and for recursive networks; who asks for 循环神经网络 does not ask for the latter.
    """
    named = [{name for text in family if (name := squash(text))} for family in families]
    places: dict[str, list[int]] = defaultdict(list)
    for place, names in enumerate(named):
        for name in names if len(names) > 2 else ():
            places[name].append(place)
    return {(one, name) for name, found in places.items() for one in found if any(named[one] & named[other] == {name} for other in found)}


def subjects(catalog: Catalog) -> Iterator[tuple[str, str, float]]:
    """Names of topics and areas, as (name, tag, how well it names the whole): a query for the name finds what belongs there."""
    for area in catalog.areas:
        yield from ((name, f"area={area.id}", 1.0) for name in (area.id, area.title.en, area.title.zh))
    for topic in catalog.topics:
        yield from ((name, f"topic={topic.id}", 1.0) for name in (topic.title.en, topic.title.zh))
        yield from ((name, f"topic={topic.id}", LOOSELY) for name in topic.aliases)


class Namer:
    """Names the documents of a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.introduced: dict[str, list[Method]] = defaultdict(list)
        for _, method in catalog.methods():
            self.introduced[method.paper or ""].append(method)
        things = (thing.title for topic in catalog.topics for thing in (topic, *topic.methods))
        self.taken = {squash(name) for title in things for name in (title.en, title.zh)}
        families = ({squash(name) for name in family} for family in synonyms(catalog))
        self.taken |= {name for family in families if family & self.taken for name in family}
        borne = [(entry, {squash(name) for title in titles(entry) for name in (title, head(title))}) for entry in catalog.entries]
        bearers = Counter(name for _, names in borne for name in names)
        self.taken |= {name for entry, names in borne if entry.type == "paper" for name in names if bearers[name] == 1}

    def topic(self, topic: Topic) -> Names:
        whole = ((name, OF_TOPIC) for name in (topic.id, topic.title.en, topic.title.zh))
        aliases = ((alias, PART if self._of_a_part(alias, topic) else ALIAS) for alias in topic.aliases)
        return (*whole, *aliases, *_initials(topic.title.en))

    def _of_a_part(self, alias: str, topic: Topic) -> bool:
        """Whether something else has this name, in any of its expressions, or a method of the topic has it in its title."""
        phrase = _phrase(alias)
        return squash(alias) in self.taken or any(phrase in _phrase(name) for m in topic.methods for name in (m.title.en, m.title.zh))

    def method(self, topic: Topic, method: Method) -> Names:
        whole = [(name, OF_METHOD) for name in (method.id, method.title.en, method.title.zh)]
        known = {squash(alias) for alias in topic.aliases}
        listed = (part for title in (method.title.en, method.title.zh) for part in SEVERAL.split(title))
        return (*whole, *((part, ONE_OF_SEVERAL) for part in listed if squash(part) in known), *_initials(method.title.en))

    def entry(self, entry: Entry) -> Names:
        whole = [(name, OF_WORK) for name in (entry.id, *entry.was, *titles(entry))]
        heads = [(head(title), HEAD) for title in titles(entry) if head(title) != title]
        cited = [(f"{entry.authors[0].split()[-1]} {entry.date[:4]}", CITED)] if entry.authors and entry.date else []
        repository = [(entry.ids.github.rpartition("/")[2], HEAD)] if entry.ids.github else []
        methods = [(name, INTRODUCED) for method in self.introduced[entry.id] for name in (method.id, method.title.en, method.title.zh)]
        return (*whole, *heads, *cited, *repository, *methods, *_initials(head(next(iter(titles(entry))))))


def titles(entry: Entry) -> list[str]:
    """The titles of a work, the English one first."""
    return [title for name in entry.title.__struct_fields__ if (title := getattr(entry.title, name))]


def head(title: str) -> str:
    """The main title, before a colon."""
    return re.split("[:：]", title)[0]


def _initials(title: str) -> Names:
    """DGC for Deep gradient compression; none where a title has not three to five words."""
    words = re.findall(r"[^\W\d_]+", title)
    return (("".join(word[0] for word in words), INITIALS),) if 3 <= len(words) <= 5 and title.isascii() else ()


def unique(names: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Squashed names with the points of the first that is so."""
    found: dict[str, float] = {}
    for name, points in names:
        found.setdefault(squash(name), points)
    found.pop("", None)
    return found


def _phrase(name: str) -> str:
    return f" {' '.join(atoms(name))} "
