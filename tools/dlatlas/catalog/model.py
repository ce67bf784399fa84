"""The catalog as frozen, typed records.

These classes are the one definition of the catalog's format: the strict loader
checks YAML against them, the JSON Schema for editors is generated from them, and
every other part of the program reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from os import PathLike
from typing import Annotated, Literal

from msgspec import Meta, Struct

Slug = Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", description="Latin kebab-case id; never changes once published")]
Date = Annotated[str, Meta(pattern=r"^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$", description='"1997", "1997-11" or "1997-11-15"')]
SourceLine = Annotated[str, Meta(pattern=r"^\d{3}:\d+$", description="source note and line, such as 003:146")]

ObjectName = Annotated[
    str, Meta(pattern=r"^refimpl(\.\w+)+:\w+$", description="module and main object, such as refimpl.training.adam:Adam")
]

EntryType = Literal["paper", "code", "article", "course", "book", "video", "slides", "dataset", "tool", "list"]
LinkKind = Literal["page", "abs", "pdf", "mirror", "html", "short"]
RelationKind = Literal["implements", "explains", "translates", "extends", "part-of", "supersedes", "see-also"]
Level = Literal["intro", "core", "advanced"]
Language = Literal["en", "zh", "zh-Hant", "ja", "de", "fr"]
Trouble = Literal["moved", "gone", "blocked", "broken-tls", "unreachable", "unknown"]
Framework = Literal[
    "pytorch", "tensorflow", "keras", "theano", "caffe", "torch7", "mxnet", "chainer",
    "numpy", "matlab", "jax", "paddle", "javascript", "cpp", "other",
]  # fmt: skip


class Record(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """Base of all catalog records: immutable, and no key is ever ignored."""


class Text(Record):
    """A text in up to several languages; ``zh`` holds Simplified or Traditional as the original has it."""

    en: str | None = None
    zh: str | None = None
    ja: str | None = None
    de: str | None = None
    fr: str | None = None

    def get(self, lang: str) -> str:
        """The text in ``lang``, or in the first language that has it."""
        return getattr(self, lang, None) or next((t for t in (self.en, self.zh, self.ja, self.de, self.fr) if t), "")


class Both(Record):
    """A text that must exist in English and in Simplified Chinese."""

    en: str
    zh: str

    def get(self, lang: str) -> str:
        return self.zh if lang == "zh" else self.en


class Ids(Record):
    """Persistent identifiers, always quoted strings; arXiv without version."""

    arxiv: str | None = None
    doi: str | None = None
    openreview: str | None = None
    github: str | None = None
    isbn: str | None = None


class Link(Record):
    """One address of an entry; ``archive`` is a stored copy, ``dead`` the date it was found gone."""

    url: str
    kind: LinkKind = "page"
    archive: str | None = None
    dead: Date | None = None


class Relation(Record):
    """A directed relation, stored once; the reverse is derived."""

    rel: RelationKind
    to: Slug
    official: bool = False


class Code(Record):
    framework: Framework
    license: str | None = None


class Entry(Record, kw_only=True):
    """One work: a paper, a repository, an article, a course and so on, with all its copies."""

    id: Slug
    type: EntryType
    title: Text
    lang: Language
    authors: tuple[str, ...] = ()
    date: Date | None = None
    venue: str | None = None
    ids: Ids = Ids()
    links: tuple[Link, ...] = ()
    topics: Annotated[tuple[Slug, ...], Meta(min_length=1)]
    level: Level | None = None
    pick: Annotated[int, Meta(ge=1)] | None = None
    note: Both | None = None
    relations: tuple[Relation, ...] = ()
    code: Code | None = None
    source: tuple[SourceLine, ...] = ()
    was: tuple[Slug, ...] = ()
    added: Date | None = None
    reviewed: Date | None = None

    @property
    def home(self) -> str:
        """The topic whose folder holds this entry."""
        return self.topics[0]

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(link.url for link in self.links)

    @property
    def untitled(self) -> bool:
        """Whether the title is only the address, because the source gave none."""
        title = self.title.get(self.lang.split("-")[0])
        return any(title == link.url.split("://", 1)[-1].rstrip("/") for link in self.links)


class Requirement(Record):
    topic: Slug
    why: Both


class Equation(Record):
    """A displayed formula; ``checked_by`` names the tests (pytest node ids) that verify the code against it."""

    id: Slug
    tex: str
    note: Both | None = None
    method: Slug | None = None
    checked_by: tuple[str, ...] = ()


class Method(Record):
    """A method of the topic. Without ``object`` it is planned: the page says that no implementation exists yet."""

    id: Slug
    title: Both
    object: ObjectName | None = None
    paper: Slug | None = None
    oracle: Both | None = None
    deviations: tuple[Both, ...] = ()

    @property
    def module(self) -> str | None:
        return self.object.split(":")[0] if self.object else None


class Expectation(Record):
    """The band in which a measured value of a claim must fall; at least one bound."""

    value: str
    min: float | None = None
    max: float | None = None


class Claim(Record):
    """A sentence that an experiment of this repository checks.

    Where what the source says is not seen here, ``reproduces`` is false, the statement says so, and ``expect`` holds what is seen.
    """

    id: Slug
    statement: Both
    source: str
    experiment: Annotated[str, Meta(pattern=r"^refimpl\.experiments(\.\w+)+:\w+$")]
    expect: tuple[Expectation, ...]
    reproduces: bool = True


class Erratum(Record):
    """Something a source prints that is wrong, what is right, and the test that proves it."""

    id: Slug
    source: str
    wrong: Both
    right: Both
    checked_by: tuple[str, ...]


class Topic(Record, kw_only=True):
    id: Slug
    title: Both
    aliases: tuple[str, ...] = ()
    requires: tuple[Requirement, ...] = ()
    summary: Both
    methods: tuple[Method, ...] = ()
    equations: tuple[Equation, ...] = ()
    claims: tuple[Claim, ...] = ()
    errata: tuple[Erratum, ...] = ()


class Area(Record):
    id: Slug
    title: Both
    summary: Both
    topics: tuple[Slug, ...]


class TermText(Record, rename={"zh_hant": "zh-Hant"}):
    en: str
    zh: str
    zh_hant: str | None = None


class Term(Record):
    """A glossary term; ``avoid`` lists renderings that lint refuses in our Chinese prose."""

    term: TermText
    aliases: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()


class IgnoredLink(Record):
    """Links whose verdicts a person has looked at: until a day, the link checker does not fail for them.

    ``match`` is an address, in which ``*`` stands for anything; ``verdicts`` says which are expected, all where it is empty.
    """

    match: str
    reason: Annotated[str, Meta(min_length=1)]
    until: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$", description='a day such as "2026-12-31"')]
    verdicts: tuple[Trouble, ...] = ()


class Catalog(Record):
    """Everything, in reading order, with the look-ups that the other parts need."""

    areas: tuple[Area, ...]
    topics: tuple[Topic, ...]
    entries: tuple[Entry, ...]
    glossary: tuple[Term, ...] = ()
    ignored: tuple[IgnoredLink, ...] = ()

    @classmethod
    def load(cls, root: str | PathLike[str] | None = None) -> Catalog:
        """The catalog of a folder that holds ``catalog/``; without one, of the checkout around the working folder or of the package.

        Raises:
            RootError: there is no catalog.
            CatalogError: it breaks the format.
        """
        from dlatlas.catalog.load import load
        from dlatlas.root import find_root

        return load(find_root(root))

    def area_of(self) -> Mapping[str, Area]:
        """Area of each topic id."""
        return {topic: area for area in self.areas for topic in area.topics}

    def topic_by_id(self) -> Mapping[str, Topic]:
        return {topic.id: topic for topic in self.topics}

    def entry_by_id(self) -> Mapping[str, Entry]:
        """Entries by id, former ids included."""
        return {key: entry for entry in self.entries for key in (*entry.was, entry.id)}

    def methods(self) -> Iterator[tuple[Topic, Method]]:
        """Every method with its topic, planned ones included."""
        return ((topic, method) for topic in self.topics for method in topic.methods)

    def entries_of(self, topic: str) -> list[Entry]:
        """Entries shown on a topic's page: those at home there first, picks first among them."""
        shown = [entry for entry in self.entries if topic in entry.topics]
        return sorted(shown, key=lambda e: (e.home != topic, e.pick is None, e.pick or 0))

    def incoming(self) -> Mapping[str, list[tuple[str, Entry]]]:
        """For each entry id, the (relation, entry) pairs that point to it."""
        reverse: dict[str, list[tuple[str, Entry]]] = {}
        for entry in self.entries:
            for relation in entry.relations:
                reverse.setdefault(relation.to, []).append((relation.rel, entry))
        return reverse
