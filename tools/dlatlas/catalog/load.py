"""Load the catalog folder into a :class:`Catalog`, collecting every problem on the way.

``load(root)`` raises :class:`CatalogError` with all problems of the format; ``read(root)``
returns what could be read together with the problems, for the lint.
"""

from __future__ import annotations

import contextlib
import gc
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec

from dlatlas.catalog import cache
from dlatlas.catalog.model import Area, Catalog, Entry, IgnoredLink, Record, Term, Topic
from dlatlas.catalog.yamlread import Document, Path_, read_yaml

TOP = ("areas.yml", "glossary.yml", "ignore-links.yml")
"""The files of the catalog that lie in no topic's folder."""


@dataclass(frozen=True, order=True)
class Problem:
    """One finding: where, about what, by which rule."""

    file: str
    line: int
    id: str
    message: str
    rule: str
    severity: str = "error"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.id}: {self.message} [{self.rule}]"


class CatalogError(ValueError):
    """The catalog's files do not follow the format; ``problems`` holds every finding."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass
class Origin:
    """Where a record stands: its file, its path inside the document, and the document."""

    file: str
    path: Path_
    document: Document

    def line(self, *below: str | int) -> int:
        return self.document.line((*self.path, *below))


@dataclass
class Loaded:
    """What was read: the catalog, the origin of each record by (kind, id), and the problems."""

    root: Path
    catalog: Catalog
    origins: dict[tuple[str, str], Origin]
    problems: list[Problem] = field(default_factory=list)

    def report(self, kind: str, id: str, rule: str, message: str, *below: str | int, severity: str = "error") -> Problem:
        """A problem of a record, with its file and line looked up."""
        origin = self.origins.get((kind, id))
        file, line = (origin.file, origin.line(*below)) if origin else ("catalog", 1)
        return Problem(file, line, id, message, rule, severity)


def load(root: Path) -> Catalog:
    """The catalog under ``root`` (the folder that holds ``catalog/``).

    Raises:
        CatalogError: a file is missing or breaks the format.
    """
    key = cache.key_of(root)
    if (catalog := cache.stored(root, key)) is not None:
        return catalog
    loaded = read(root, lines=False)
    if loaded.problems:
        raise CatalogError(loaded.problems)
    if cache.key_of(root) == key:  # nobody wrote to the files meanwhile
        cache.store(root, key, loaded.catalog)
    return loaded.catalog


def read(root: Path, *, lines: bool = True) -> Loaded:
    """Read all files; records that break the format are left out and reported.

    Without ``lines`` the line of each value is forgotten once its file is read, which saves most of the memory.
    """
    with _no_collection():
        return _read(root, lines)


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Without the collector of cyclic garbage: there is none, and looking for it among millions of nodes takes most of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _read(root: Path, lines: bool) -> Loaded:
    reader = _Reader(root, lines)
    areas = reader.records("area", root / "catalog" / "areas.yml", Area)
    glossary = reader.records("term", root / "catalog" / "glossary.yml", Term, optional=True)
    ignored = reader.records("ignored link", root / "catalog" / "ignore-links.yml", IgnoredLink, optional=True)
    topics: list[Topic] = []
    entries: list[Entry] = []
    for area in areas:
        for slug in area.topics:
            folder = root / "catalog" / area.id / slug
            if (topic := reader.topic(folder / "topic.yml")) is not None:
                topics.append(topic)
            entries += reader.records("entry", folder / "entries.yml", Entry, optional=True)
    reader.strays(areas)
    catalog = Catalog(areas=tuple(areas), topics=tuple(topics), entries=tuple(entries), glossary=tuple(glossary), ignored=tuple(ignored))
    return Loaded(root, catalog, reader.origins, reader.problems)


class _Reader:
    def __init__(self, root: Path, lines: bool) -> None:
        self.root = root
        self.lines = lines
        self.origins: dict[tuple[str, str], Origin] = {}
        self.problems: list[Problem] = []

    def records(self, kind: str, path: Path, record: type[Record], *, optional: bool = False) -> list[Any]:
        """The records of a file that is one YAML list."""
        if optional and not path.exists():
            return []
        file, document = self._document(path)
        if document.data is None:
            return []
        if not isinstance(document.data, list):
            self.problems.append(Problem(file, 1, path.stem, f"expected a list of records, got {_name(document.data)}", "schema"))
            return []
        found = []
        for i, data in enumerate(document.data):
            if (value := self._record(kind, Origin(file, (i,), document), data, record)) is not None:
                found.append(value)
        self._done(document)
        return found

    def topic(self, path: Path) -> Topic | None:
        file, document = self._document(path)
        topic = None if document.data is None else self._record("topic", Origin(file, (), document), document.data, Topic)
        self._done(document)
        return topic

    def _done(self, document: Document) -> None:
        document.data = None
        if not self.lines:
            document.lines = {path: line for path, line in document.lines.items() if len(path) < 2}

    def strays(self, areas: list[Area]) -> None:
        """Report files that nothing leads to: their content would be invisible."""
        folder = self.root / "catalog"
        listed = {folder / area.id / slug / name for area in areas for slug in area.topics for name in ("topic.yml", "entries.yml")}
        message = "no area lists this file: areas.yml does not name its topic, or it is not topic.yml or entries.yml"
        for path in sorted({*folder.rglob("*.yml"), *folder.rglob("*.yaml")} - listed - {folder / name for name in TOP}):
            self.problems.append(Problem(self._name(path), 1, path.parent.name, message, "stray-file"))

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _document(self, path: Path) -> tuple[str, Document]:
        file = self._name(path)
        if not path.is_file():
            self.problems.append(Problem(file, 1, path.parent.name, "the file is missing", "missing-file"))
            return file, Document()
        document = read_yaml(path)
        self.problems += [Problem(file, line, path.parent.name, message, rule) for line, rule, message in document.errors]
        return file, document

    def _record(self, kind: str, origin: Origin, data: Any, record: type[Record]) -> Any:
        name = _record_name(data)
        value, errors = _converted(data, record)
        for below, message in errors:
            self.problems.append(Problem(origin.file, origin.line(*below), name, message, "schema"))
        if (kind, name) in self.origins:
            first = self.origins[kind, name]
            message = f"{kind} id stands twice: first at {first.file}:{first.line()}"
            self.problems.append(Problem(origin.file, origin.line(), name, message, "duplicate-id"))
            return None
        self.origins[kind, name] = origin
        return value


def _converted(data: Any, record: type[Record]) -> tuple[Any, list[tuple[Path_, str]]]:
    """The record, or None with everything that is wrong."""
    try:
        return msgspec.convert(data, record, strict=True), []
    except msgspec.ValidationError as error:
        return None, list(check(data, record)) or [((), _plain(error))]


def check(data: Any, kind: Any, path: Path_ = ()) -> Iterator[tuple[Path_, str]]:
    """Every way in which ``data`` is not a ``kind``, as (path, message); msgspec alone stops at the first."""
    origin = get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        options = [option for option in get_args(kind) if option is not type(None)]
        if data is not None or type(None) not in get_args(kind):
            yield from check(data, options[0], path)
        return
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if not isinstance(data, dict):
            yield path, f"{_where(path)}: expected a mapping, got {_name(data)}"
            return
        fields = {f.encode_name: f for f in _fields(kind)}
        for key in data.keys() - fields.keys():
            yield (*path, key), f"unknown key {key!r}; expected one of {', '.join(fields)}"
        for name, f in fields.items():
            if name in data:
                yield from check(data[name], f.type, (*path, name))
            elif f.required:
                yield path, f"{_where((*path, name))} is missing"
        return
    item = _tuple_item(kind)
    if item is not None and isinstance(data, list):
        for i, value in enumerate(data):
            yield from check(value, item, (*path, i))
        if typing.get_origin(kind) is tuple:
            return
        data, kind = [None] * len(data), typing.Annotated[(tuple[None, ...], *kind.__metadata__)]
    try:
        msgspec.convert(data, kind, strict=True)
    except msgspec.ValidationError as error:
        hint = "; quote it, it is text" if kind is str or ("`str`" in str(error) and isinstance(data, (int, float))) else ""
        yield path, f"{_where(path)}: {_plain(error)}, got {_name(data)}{hint}"


@lru_cache
def _fields(kind: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(kind)


def _tuple_item(kind: Any) -> Any:
    if get_origin(kind) is typing.Annotated:
        kind = get_args(kind)[0]
    return get_args(kind)[0] if get_origin(kind) is tuple else None


def _plain(error: msgspec.ValidationError) -> str:
    message = str(error).split(" - at ")[0]
    return message[0].lower() + message[1:].replace("`", "")


def _where(path: Path_) -> str:
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".") or "record"


def _name(data: Any) -> str:
    return {dict: "a mapping", list: "a list", type(None): "nothing"}.get(type(data), repr(data))


def _record_name(data: Any) -> str:
    if isinstance(data, dict):
        for name in ("id", "match"):
            if isinstance(data.get(name), str):
                return str(data[name])
        if isinstance(data.get("term"), dict):
            return str(data["term"].get("en"))
    return "?"
