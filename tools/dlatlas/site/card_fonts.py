"""The typefaces of the cards: Source Serif for what it has, for all else the slices of Noto Sans SC, as their packages bring them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from dlatlas.site.node_tools import MODULES

if TYPE_CHECKING:
    from PIL import ImageFont

FAMILIES = ("source-serif-4", "noto-sans-sc")
"""Packages below ``@fontsource-variable``; the first that has a character draws it."""


def runs(text: str) -> Iterator[tuple[Path, str]]:
    """A text as runs of one font file each; a character that no file has is left out."""
    found = ((_face(character), character) for character in text)
    for face, group in groupby((pair for pair in found if pair[0] is not None), key=lambda pair: pair[0]):
        if face is not None:
            yield face, "".join(character for _, character in group)


@cache
def font(face: Path, size: int, weight: int) -> ImageFont.FreeTypeFont:
    """A font file at a size and a weight."""
    from PIL import ImageFont

    found = ImageFont.truetype(str(face), size)
    found.set_variation_by_axes([weight])
    return found


@cache
def _face(character: str) -> Path | None:
    return next((face for face, ranges in _faces() if any(first <= ord(character) <= last for first, last in ranges)), None)


@cache
def _faces() -> list[tuple[Path, list[tuple[int, int]]]]:
    """Each font file with the ranges of characters that it has."""
    found = []
    for family in FAMILIES:
        package = MODULES / "@fontsource-variable" / family
        for name, ranges in json.loads((package / "unicode.json").read_text("utf-8")).items():
            file = package / "files" / f"{family}-{name.strip('[]')}-wght-normal.woff2"
            found.append((file, [_range(part) for part in ranges.split(",")]))
    return found


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.strip().removeprefix("U+").partition("-")
    return int(first, 16), int(last or first, 16)
