"""Rules on ids, titles and keys: one work, one entry; one id, one thing."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dlatlas.catalog.keys import ARXIV_ID, DOI, canonical, isbn13
from dlatlas.catalog.lint.registry import Finding, rule
from dlatlas.catalog.load import Loaded
from dlatlas.catalog.model import Entry

ARXIV_NEW = re.compile(r"(\d\d)(0[1-9]|1[0-2])\.(\d{4,5})")
GITHUB = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/(?!.*\.git$)[\w.-]{1,100}")
OPENREVIEW = re.compile(r"[\w-]{6,20}")


@rule("id-clash")
def id_clash(loaded: Loaded) -> Iterable[Finding]:
    """One id names two things.

    Entries share a namespace with topics, methods and former ids; methods and claims are unique
    over all topics; equations and errata within their topic.
    """
    catalog = loaded.catalog
    topics = {topic.id for topic in catalog.topics}
    methods = {method.id for _, method in catalog.methods()}
    entries: dict[str, str] = {}
    for entry in catalog.entries:
        if entry.id in topics or entry.id in methods:
            yield Finding("entry", entry.id, f"entry id is also a {'topic' if entry.id in topics else 'method'} id", ("id",))
        for former in (entry.id, *entry.was):
            if former in entries and entries[former] != entry.id:
                yield Finding(
                    "entry",
                    entry.id,
                    f"id {former!r} also belongs to entry {entries[former]!r}",
                    ("was",) if former != entry.id else ("id",),
                )
            entries.setdefault(former, entry.id)
    yield from _repeated(loaded, "methods", across=True)
    yield from _repeated(loaded, "claims", across=True)
    yield from _repeated(loaded, "equations", across=False)
    yield from _repeated(loaded, "errata", across=False)


def _repeated(loaded: Loaded, part: str, *, across: bool) -> Iterable[Finding]:
    first: dict[str, str] = {}
    for topic in loaded.catalog.topics:
        if not across:
            first = {}
        for i, record in enumerate(getattr(topic, part)):
            if record.id in first:
                yield Finding(
                    "topic", topic.id, f"{part}: id {record.id!r} stands twice: first in topic {first[record.id]!r}", (part, i, "id")
                )
            first.setdefault(record.id, topic.id)


@rule("wrong-folder")
def wrong_folder(loaded: Loaded) -> Iterable[Finding]:
    """An entry stands in the folder of its home topic (the first of `topics`), and a topic in the folder of its own id."""
    for kind, records in (("entry", loaded.catalog.entries), ("topic", loaded.catalog.topics)):
        for record in records:
            home = record.home if isinstance(record, Entry) else record.id
            folder = loaded.origins[kind, record.id].file.split("/")[-2]
            if home != folder:
                yield Finding(
                    kind, record.id, f"stands in folder {folder!r} but belongs to {home!r}", ("topics",) if kind == "entry" else ("id",)
                )
    listed: dict[str, str] = {}
    for area in loaded.catalog.areas:
        for i, slug in enumerate(area.topics):
            if slug in listed:
                yield Finding("area", area.id, f"topic {slug!r} is listed in area {listed[slug]!r} as well", ("topics", i))
            listed.setdefault(slug, area.id)


@rule("duplicate-key")
def duplicate_key(loaded: Loaded) -> Iterable[Finding]:
    """Two entries hold the same address or identifier in whatever form. One work is one entry, however many copies it has."""
    holder: dict[str, str] = {}
    for entry in loaded.catalog.entries:
        for key, (below, shown) in keys_of(entry).items():
            if key in holder:
                origin = loaded.origins["entry", holder[key]]
                message = f"{shown} ({key}) also belongs to {holder[key]!r} at {origin.file}:{origin.line()}"
                yield Finding("entry", entry.id, message, below)
            holder.setdefault(key, entry.id)


def keys_of(entry: Entry) -> dict[str, tuple[tuple[str | int, ...], str]]:
    """Canonical keys of an entry's ids and links, each with its path in the record and as it is written."""
    keys: dict[str, tuple[tuple[str | int, ...], str]] = {}
    for name in entry.ids.__struct_fields__:
        if value := getattr(entry.ids, name):
            keys.setdefault(canonical(f"{name}:{value}"), (("ids", name), value))
    for i, link in enumerate(entry.links):
        keys.setdefault(canonical(link.url), (("links", i, "url"), link.url))
    return keys


@rule("duplicate-title", "warning")
def duplicate_title(loaded: Loaded) -> Iterable[Finding]:
    """Two entries of one type have the same title: probably one work entered twice. If they are two, relate them (see-also)."""
    first: dict[tuple[str, str], str] = {}
    related = {frozenset((entry.id, relation.to)) for entry in loaded.catalog.entries for relation in entry.relations}
    for entry in loaded.catalog.entries:
        key = (entry.type, plain(entry.title.get(entry.lang.split("-")[0])))
        if key in first and {entry.id, first[key]} not in related:
            yield Finding("entry", entry.id, f"same type and title as {first[key]!r}", ("title",))
        first.setdefault(key, entry.id)


@rule("title-languages", "warning")
def title_languages(loaded: Loaded) -> Iterable[Finding]:
    """A paper, book or course has its title in one language only; readers of the other need a translation."""
    for entry in loaded.catalog.entries:
        missing = [language for language in ("en", "zh") if not getattr(entry.title, language)]
        if entry.type in ("paper", "book", "course") and missing:
            yield Finding("entry", entry.id, f"title lacks {' and '.join(missing)}", ("title",))


def plain(text: str) -> str:
    """Letters and digits only, in lower case."""
    return re.sub(r"[\W_]+", "", text).casefold()


@rule("original-title")
def original_title(loaded: Loaded) -> Iterable[Finding]:
    """The title in the language of the resource is missing or empty; the original title is what a reader can look up."""
    for entry in loaded.catalog.entries:
        language = entry.lang.split("-")[0]
        if not (getattr(entry.title, language) or "").strip():
            yield Finding("entry", entry.id, f"no title in {language!r}, the language of the resource", ("title",))


@rule("id-syntax")
def id_syntax(loaded: Loaded) -> Iterable[Finding]:
    """An identifier is malformed: arXiv without version, DOI from its `10.`, `owner/repo`, ISBN with a right check digit."""
    expected = {
        "arxiv": (_is_arxiv, "an arXiv id without version, such as 1412.6980 or cond-mat/9901212"),
        "doi": (DOI.fullmatch, "a DOI such as 10.1162/neco.1997.9.8.1735"),
        "openreview": (OPENREVIEW.fullmatch, "an OpenReview forum id such as HkghWScuoQ"),
        "github": (GITHUB.fullmatch, "owner/repo without .git"),
        "isbn": (isbn13, "an ISBN-10 or ISBN-13 with a right check digit"),
    }
    for entry in loaded.catalog.entries:
        for name, (valid, wanted) in expected.items():
            value = getattr(entry.ids, name)
            if value is not None and not valid(value):
                yield Finding("entry", entry.id, f"ids.{name}: expected {wanted}, got {value!r}", ("ids", name))


def _is_arxiv(text: str) -> bool:
    if new := ARXIV_NEW.fullmatch(text):
        digits = 5 if int(new[1]) >= 15 else 4
        return len(new[3]) == digits and new[1] + new[2] >= "0704"
    return bool((old := ARXIV_ID.fullmatch(text)) and old["archive"] and not re.search(r"v\d+$", text))
