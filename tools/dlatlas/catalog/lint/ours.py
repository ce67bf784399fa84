"""Rules on our own words: notes, summaries, reasons, statements and formulas."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from dlatlas.catalog.lint.identity import plain
from dlatlas.catalog.lint.registry import Finding, rule
from dlatlas.catalog.load import Loaded
from dlatlas.catalog.model import Both

HALF_WIDTH = re.compile(r"[\u4e00-\u9fff] ?[,;:!?.()] ?[\u4e00-\u9fff]")
LONE_MARK = re.compile(r"(?<=[\u4e00-\u9fff]) ?([,;:!?.]) ?(?=[\u4e00-\u9fff])")
FULL_WIDTH = dict(zip(",;:!?.", "，；：！？。", strict=True))
FORMULA = re.compile(r"(?<!\\)\$[^$]*(?<!\\)\$|`[^`]*`")
DOLLAR = re.compile(r"(?<!\\)\$")

Path = tuple[str | int, ...]


def prose(loaded: Loaded) -> Iterator[tuple[str, str, Path, Both]]:
    """Every text of ours as (kind, id, path in the record, text); what an erratum quotes as wrong is not ours."""
    catalog = loaded.catalog
    for kind, records in (("area", catalog.areas), ("topic", catalog.topics), ("entry", catalog.entries)):
        for record in records:
            for path, text in _texts(record, ()):
                if path[-1] != "wrong":
                    yield kind, record.id, path, text


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, Both]]:
    if isinstance(value, Both):
        yield path, value
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from _texts(getattr(value, name), (*path, name))
    elif isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from _texts(item, (*path, i))


@rule("avoided-word")
def avoided_word(loaded: Loaded) -> Iterable[Finding]:
    """Our Chinese text uses a rendering that the glossary marks as wrong in this field."""
    terms = [(wrong, term.term) for term in loaded.catalog.glossary for wrong in term.avoid]
    if not terms:
        return
    pattern = re.compile("|".join(sorted({re.escape(wrong) for wrong, _ in terms}, key=len, reverse=True)))
    right = {wrong: term for wrong, term in terms}
    for kind, id, path, text in prose(loaded):
        for found in dict.fromkeys(pattern.findall(text.zh)):
            yield Finding(
                kind,
                id,
                f"{'.'.join(map(str, path))}: {found!r} is not used for {right[found].en!r}; write {right[found].zh!r}",
                (*path, "zh"),
            )


@rule("half-width-punctuation", fixes=True)
def half_width_punctuation(loaded: Loaded) -> Iterable[Finding]:
    """Between Chinese characters punctuation is full-width: ，。；：！？（）."""
    for kind, id, path, text in prose(loaded):
        for found in dict.fromkeys(HALF_WIDTH.findall(FORMULA.sub("", text.zh))):
            message = f"{'.'.join(map(str, path))}: half-width punctuation between Chinese characters: {found!r}"
            yield Finding(kind, id, message, (*path, "zh"), _full_width(text.zh))


def _full_width(text: str) -> str | None:
    """The text with full-width marks between Chinese characters; None where none can be replaced alone, as half a pair of brackets."""
    parts = re.split(f"({FORMULA.pattern})", text)
    fixed = "".join(part if i % 2 else LONE_MARK.sub(lambda m: FULL_WIDTH[m[1]], part) for i, part in enumerate(parts))
    return fixed if fixed != text else None


@rule("empty-text")
def empty_text(loaded: Loaded) -> Iterable[Finding]:
    """A text of ours is empty in one language."""
    for kind, id, path, text in prose(loaded):
        for language in ("en", "zh"):
            if not text.get(language).strip():
                yield Finding(kind, id, f"{'.'.join(map(str, path))}.{language} is empty", (*path, language))


@rule("note-repeats-title")
def note_repeats_title(loaded: Loaded) -> Iterable[Finding]:
    """A note says no more than the title. It should say what the reader gets from the work."""
    for entry in loaded.catalog.entries:
        if entry.note is None:
            continue
        titles = {plain(title) for title in (entry.title.en, entry.title.zh) if title}
        for language in ("en", "zh"):
            if plain(entry.note.get(language)) in titles:
                yield Finding("entry", entry.id, f"note.{language} only repeats the title", ("note", language))


@rule("formula")
def formula(loaded: Loaded) -> Iterable[Finding]:
    """A formula in a text stands between single dollar signs, all closed; `tex` of an equation has none. A literal dollar is `\\$`."""
    for kind, id, path, text in prose(loaded):
        for language in ("en", "zh"):
            if problem := _dollars(text.get(language)):
                yield Finding(kind, id, f"{'.'.join(map(str, path))}.{language}: {problem}", (*path, language))
    for topic in loaded.catalog.topics:
        for i, equation in enumerate(topic.equations):
            if DOLLAR.search(equation.tex):
                yield Finding(
                    "topic", topic.id, f"equation {equation.id}: tex holds a dollar sign; write the bare formula", ("equations", i, "tex")
                )
            elif not equation.tex.strip():
                yield Finding("topic", topic.id, f"equation {equation.id}: tex is empty", ("equations", i, "tex"))


def _dollars(text: str) -> str | None:
    if "$$" in text:
        return "a displayed formula ($$) in running text; make it an equation or use single dollar signs"
    if len(DOLLAR.findall(text)) % 2:
        return "a dollar sign that is not closed"
    return None
