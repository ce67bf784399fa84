"""The cards that other sites show beside a link to a page: ``python -m dlatlas.site.cards ROOT FOLDER LANGUAGE`` draws one language.

A card is a PNG of two ramps of colors, drawn with the site's own typefaces and no browser. What a card shows names its file in the
cache below ``build/cards``, so that only new and changed ones are drawn.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from dlatlas.catalog.load import load
from dlatlas.catalog.model import Catalog
from dlatlas.files import write_atomically
from dlatlas.site.card_fonts import font, runs
from dlatlas.site.strings import LANGUAGES, say

if TYPE_CHECKING:
    from PIL import Image

MOTIF = Path("docs/assets/contours.svg")

SIZE = 1200, 630
MARGIN = 84
CONTOURS = 770, 40
"""Where the contours of the home page stand."""

WIDTH = 860
"""Pixels of a line of the title."""

PAPER, INK, WARM = (251, 250, 246), (34, 37, 43), (165, 74, 36)
LEVELS = 16
"""Steps of each of the two ramps, from paper to ink and from paper to warm."""

SOFT = 0.68
"""The part of the ramp that quiet text reaches."""

TITLE = ((84, 1), (72, 1), (62, 1), (72, 2), (62, 2), (54, 2), (46, 3))
"""Sizes that are tried for a title, and into how many lines it must fit."""

PIECE = re.compile(r"[\u2e80-\uffef][，。；：、！？）」』”’》,.;:!?)\]]*|[^\s\u2e80-\uffef]+|\s+")
"""What is not broken: a Chinese character with the closing marks behind it, a word, spaces."""


@dataclass(frozen=True)
class Card:
    """What a card shows; ``address`` is that of its page."""

    address: str
    above: str
    title: str
    below: str
    foot: str


def cards(catalog: Catalog, lang: str) -> Iterator[Card]:
    """The cards of one language: of the home page, the areas and the topics."""
    (other,) = (name for name in LANGUAGES if name != lang)
    site = say(lang, "site")
    yield Card("", "", site, say(lang, "tagline"), "")
    areas = {topic: area for area in catalog.areas for topic in area.topics}
    for area in catalog.areas:
        yield Card(f"{area.id}/", "", area.title.get(lang), area.title.get(other), site)
    for topic in catalog.topics:
        title = topic.title
        yield Card(f"{areas[topic.id].id}/{topic.id}/", areas[topic.id].title.get(lang), title.get(lang), title.get(other), site)


def file_of(address: str) -> str:
    """The file of a page's card below the folder of its language."""
    return f"{address.rstrip('/') or 'home'}.png"


def write_cards(root: Path, folder: Path, lang: str) -> int:
    """Write the cards of a language; how many were drawn anew is returned."""
    drawn = 0
    for card in cards(load(root), lang):
        kept = root / "build" / "cards" / f"{_key(card, root)}.png"
        if not kept.is_file():
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(kept, draw(card, root))
            drawn += 1
        target = folder / file_of(card.address)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(kept, target)
    return drawn


def _key(card: Card, root: Path) -> str:
    """Names what a card shows and how it is drawn."""
    return hashlib.sha256("\0".join((_how(root / MOTIF), *astuple(card)[1:])).encode()).hexdigest()[:24]


@cache
def _how(motif: Path) -> str:
    own = (Path(__file__), Path(__file__).with_name("card_fonts.py"), motif)
    return hashlib.sha256(b"".join(file.read_bytes() for file in own)).hexdigest()


def draw(card: Card, root: Path) -> bytes:
    """The PNG of a card."""
    image = _background(root / MOTIF).copy()
    bottom = SIZE[1] - MARGIN
    _text(image, card.above, 36, MARGIN + 30, warm=True)
    lines, size = _fitted(card.title)
    height = len(lines) * size * 1.2 + (60 if card.below else 0)
    at = (SIZE[1] - height) / 2 + size
    for line in lines:
        _text(image, line, size, at, weight=600)
        at += size * 1.2
    for line in _wrapped(card.below, 40, 400)[:2] if card.below != card.title else ():
        _text(image, line, 40, at, strength=SOFT)
        at += 52
    _text(image, card.foot, 36, bottom, strength=SOFT)
    file = BytesIO()
    image.save(file, "PNG", bits=5, compress_level=6)
    return file.getvalue()


@cache
def _background(motif: Path) -> Image.Image:
    """Paper with the contours of the home page."""
    from PIL import Image, ImageChops, ImageDraw

    shape = Image.new("L", (2 * SIZE[0], 2 * SIZE[1]))
    pen = ImageDraw.Draw(shape)
    for path in re.findall(r'\bd="([^"]+)"', motif.read_text("utf-8")):
        for line in path.split("M")[1:]:
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", line)]
            places = zip(numbers[::2], numbers[1::2], strict=True)
            pen.line([(2 * (CONTOURS[0] + 1.15 * x), 2 * (CONTOURS[1] + 1.15 * y)) for x, y in places], fill=120, width=4, joint="curve")
    shape = shape.resize(SIZE, Image.Resampling.LANCZOS)
    fade = Image.new("L", SIZE)
    fade.paste(Image.radial_gradient("L").resize((548, 548)).point(lambda level: max(0, min(255, 500 - 3 * level))), CONTOURS)
    shape = ImageChops.multiply(shape, fade)
    image = shape.point([LEVELS + level * LEVELS // 256 if level >= LEVELS else 0 for level in range(256)]).convert("L")
    paletted = Image.frombytes("P", SIZE, image.tobytes())
    paletted.putpalette([part for end in (INK, WARM) for k in range(LEVELS) for part in _mixed(end, k / (LEVELS - 1))])
    return paletted


def _mixed(color: tuple[int, int, int], share: float) -> list[int]:
    return [round(paper + share * (part - paper)) for paper, part in zip(PAPER, color, strict=True)]


def _text(image: Image.Image, text: str, size: int, base: float, *, weight: int = 400, strength: float = 1.0, warm: bool = False) -> None:
    """Draw a line of text from the margin on, its letters on the line ``base``."""
    from PIL import Image, ImageDraw

    box = Image.new("L", (SIZE[0] - MARGIN, 2 * size))
    pen = ImageDraw.Draw(box)
    at = 0.0
    for face, run in runs(text):
        pen.text((at, 1.4 * size), run, fill=round(255 * strength), font=font(face, size, weight), anchor="ls")
        at += font(face, size, weight).getlength(run)
    first = LEVELS if warm else 0
    inked = box.point([first + level * LEVELS // 256 for level in range(256)])
    visible = box.point([255 * (level >= LEVELS) for level in range(256)])
    image.paste(Image.frombytes("P", box.size, inked.tobytes()), (MARGIN, round(base - 1.4 * size)), visible)


def _fitted(title: str) -> tuple[list[str], int]:
    """A title in lines, and the largest size at which these are few."""
    for size, most in TITLE:
        lines = _wrapped(title, size, 600)
        if len(lines) <= most:
            break
    return lines, size


def _wrapped(text: str, size: int, weight: int) -> list[str]:
    """Lines of a text: broken at spaces and between Chinese characters, none of which begins with a closing mark."""
    lines = [""]
    for piece in PIECE.findall(text):
        if _length(lines[-1] + piece, size, weight) > WIDTH and lines[-1].strip():
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return [line.rstrip() for line in lines if line.strip()]


def _length(text: str, size: int, weight: int) -> float:
    return sum(font(face, size, weight).getlength(run) for face, run in runs(text))


def main() -> None:
    """Draw one language; how many cards were drawn anew is printed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("language", choices=LANGUAGES)
    args = parser.parse_args()
    print(write_cards(args.root, args.folder, args.language))


if __name__ == "__main__":
    main()
