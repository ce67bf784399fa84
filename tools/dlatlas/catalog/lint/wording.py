"""Rules on spacing, and on words that say nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from dlatlas.catalog.lint.ours import FORMULA, Path, prose
from dlatlas.catalog.lint.registry import Finding, rule
from dlatlas.catalog.load import Loaded

MIXED = re.compile(r"(?<=[\u4e00-\u9fff])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?=[\u4e00-\u9fff])")
UNTIDY = re.compile(r"^[ \t\u3000]|[ \t\u3000]$|[ \t]{2}|\t|\u3000", re.M)
PRAISE = {
    "en": re.compile(
        r"\bmust[- ]read\b|\b(?:an?|the) (?:very )?(?:great|good|excellent|nice|wonderful) "
        r"(?:introduction|overview|read|article|paper|tutorial|resource|explanation)\b",
        re.I,
    ),
    "zh": re.compile(r"必读|值得(?:一读|一看|推荐)|强烈推荐|(?:非常|十分|很)好的(?:入门|介绍|文章|教程|论文|资料|讲解)"),
}


def outside_formulas(text: str, change: Callable[[str], str]) -> str:
    """``text`` with the parts that are neither formula nor code changed."""
    parts, at = [], 0
    for found in FORMULA.finditer(text):
        parts += [change(text[at : found.start()]), found[0]]
        at = found.end()
    return "".join([*parts, change(text[at:])])


@rule("mixed-spacing", fixes=True)
def mixed_spacing(loaded: Loaded) -> Iterable[Finding]:
    """In our Chinese text a space stands between a Chinese character and a Latin letter or digit: 用 ReLU 训练 3 层网络."""
    for kind, id, path, text in prose(loaded):
        fixed = outside_formulas(text.zh, lambda part: MIXED.sub(" ", part))
        if fixed != text.zh:
            at = next(i for i, (a, b) in enumerate(zip(text.zh, fixed, strict=False)) if a != b)
            message = f"{'.'.join(map(str, path))}: no space between the scripts in {text.zh[max(0, at - 6) : at + 6]!r}"
            yield Finding(kind, id, message, (*path, "zh"), fixed)


@rule("untidy-text", fixes=True)
def untidy_text(loaded: Loaded) -> Iterable[Finding]:
    """A text or title begins or ends a line with a space, or holds two spaces in a row, a tab or a full-width space."""
    for kind, id, path, text in _texts(loaded):
        if text.strip() and UNTIDY.search(text):
            fixed = "\n".join(re.sub(r"[ \t]+", " ", line.replace("\u3000", "")).strip() for line in text.split("\n"))
            yield Finding(kind, id, f"{'.'.join(map(str, path))}: spaces that do not belong there", path, fixed)


def _texts(loaded: Loaded) -> Iterator[tuple[str, str, Path, str]]:
    for kind, id, path, both in prose(loaded):
        for language in ("en", "zh"):
            yield kind, id, (*path, language), both.get(language)
    for entry in loaded.catalog.entries:
        for language in entry.title.__struct_fields__:
            if title := getattr(entry.title, language):
                yield "entry", entry.id, ("title", language), title


@rule("empty-praise", "warning")
def empty_praise(loaded: Loaded) -> Iterable[Finding]:
    """A text of ours praises in words that fit anything ("a great introduction", 值得一读). Say what the reader gets from the work."""
    for kind, id, path, text in prose(loaded):
        for language, pattern in PRAISE.items():
            if found := pattern.search(text.get(language)):
                yield Finding(kind, id, f"{'.'.join(map(str, path))}: {found[0]!r} says nothing of the work", (*path, language))
