"""Turn text of either language into the tokens that the index holds.

The same functions prepare documents and queries, so that two spellings of one thing meet:
full-width and half-width, accents, Traditional and Simplified characters, regional Chinese
words, British and American spelling, singular and plural. Chinese has no spaces: a run of
characters becomes its overlapping pairs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from dlatlas.search.stems import stem

UNIT = re.compile(r"(?P<han>[\u3400-\u9fff]+)|(?P<word>[^\W_\u3400-\u9fff]+(?:[-'+#][^\W_\u3400-\u9fff]+)*\+{0,2}#?)")
"""One run of Chinese characters, or one word with its inner hyphens."""

MARKS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]")
"""Combining marks: accents, enclosing signs and variation selectors."""


def normalize(text: str) -> str:
    """Compatibility forms, case, accents and Chinese variants folded into one."""
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFC", MARKS.sub("", unicodedata.normalize("NFKD", text).lower()))
    characters, words, pattern = _han()
    return pattern.sub(lambda m: words[m[0]], text.translate(characters))


@lru_cache(maxsize=1)
def _han() -> tuple[dict[int, str], dict[str, str], re.Pattern[str]]:
    characters: dict[int, str] = {ord("’"): "'", ord("‐"): "-", ord("‑"): "-", ord("–"): "-"}
    words: dict[str, str] = {}
    for line in Path(__file__).with_name("han.txt").read_text("utf-8").splitlines():
        for token in () if line.startswith("#") else line.split():
            if "→" in token:
                variant, common = token.split("→")
                words[variant] = common
            else:
                characters[ord(token[0])] = token[1]
    return characters, words, re.compile("|".join(sorted(words, key=len, reverse=True)))


def words(text: str) -> Iterator[str]:
    """The words, hyphenated ones by their parts, and Chinese runs of a text, in order and as they are spelled."""
    for m in UNIT.finditer(normalize(text)):
        if m["han"]:
            yield m["han"]
        else:
            yield from _parts(m["word"])


def units(text: str) -> Iterator[str]:
    """The words and Chinese runs of a text, in order, words by their stems."""
    return map(stem, words(text))


def tokens(text: str) -> list[str]:
    """What the index holds of a text: stems and Chinese pairs in order; then, once more, each hyphenated word joined."""
    return prepare(text)[0]


def prepare(text: str) -> tuple[list[str], list[str]]:
    """The tokens of a text, and its words as they are spelled."""
    found: list[str] = []
    joined: list[str] = []
    spelled: list[str] = []
    for chunk in text.split():
        inner, whole, plain = _chunk(chunk)
        found += inner
        if plain:
            spelled += plain
            joined += whole
    return found + joined, spelled


@lru_cache(maxsize=1 << 17)
def _chunk(chunk: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Of what stands between two spaces: its tokens, its joined hyphenated words, and its words as they are spelled."""
    found: list[str] = []
    joined: list[str] = []
    spelled: list[str] = []
    for m in UNIT.finditer(normalize(chunk)):
        if m["han"]:
            found += pairs(m["han"])
            continue
        parts = _parts(m["word"])
        spelled += parts
        found += map(stem, parts)
        if len(parts) > 1:
            joined.append(stem("".join(parts)))
    return tuple(found), tuple(joined), tuple(spelled)


def _parts(word: str) -> list[str]:
    """The parts of a hyphenated word, without a possessive ending."""
    if "-" not in word and "'" not in word:
        return [word]
    return [part for part in re.sub(r"'s$|'", "", word).split("-") if part]


def is_han(unit: str) -> bool:
    return "\u3400" <= unit[0] <= "\u9fff"


def pairs(run: str) -> list[str]:
    """Overlapping pairs of a Chinese run; a single character stands for itself."""
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]


def unit_tokens(unit: str) -> list[str]:
    """The tokens of a word or a Chinese run."""
    return pairs(unit) if is_han(unit) else [unit]


def atoms(text: str) -> list[str]:
    """The stems of the words and the single Chinese characters of a text: what a phrase is made of, wherever spaces stand."""
    return [atom for unit in units(text) for atom in (unit if is_han(unit) else (unit,))]


def squash(text: str) -> str:
    """A name without spaces, hyphens and endings, for comparing whole names."""
    return "".join(units(text))
