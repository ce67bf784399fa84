"""A batch as a block of cells, once for each normalization; what is averaged together is filled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlatlas.site.figures.svg import figure, picture, text_in
from dlatlas.site.markup import tag
from dlatlas.site.strings import say

CELL, DEPTH = 17.0, (8.0, -6.0)
"""Side of a cell, and how far the next example lies to the right and up."""

LEFT, TOP = 50.0, 8.0


def draw(data: Mapping[str, Any], lang: str, name: str, note: str) -> str:
    """One block a kind; axes are named on the first."""
    examples, channels, positions = data["shape"]
    parts = []
    for kind in data["kinds"]:
        cells = {tuple(cell) for cell in kind["cells"]}
        told = say(lang, "figure-normalization-told", n=len(cells), all=examples * channels * positions)
        title = text_in(kind["title"], lang)
        size = (LEFT + channels * CELL + examples * DEPTH[0] + 6, TOP - examples * DEPTH[1] + positions * CELL + 20)
        drawing = picture(f"{name}-{kind['id']}", size, title, told, _block(data["shape"], cells, lang))
        parts.append(tag("li", tag("span", title) + drawing))
    text = say(lang, "figure-normalization-text", examples=examples, channels=channels, positions=positions)
    blocks = tag("ul", "".join(parts), class_="f-multiples f-blocks")
    return figure(name, say(lang, "figure-normalization"), blocks + tag("p", text, class_="f-told"), note)


def _block(shape: tuple[int, int, int], cells: set[tuple[int, ...]], lang: str) -> str:
    examples, channels, positions = shape
    base = TOP - examples * DEPTH[1]

    def corner(n: float, c: float, s: float) -> tuple[float, float]:
        return LEFT + c * CELL + n * DEPTH[0], base + s * CELL + n * DEPTH[1]

    faces: dict[bool, list[str]] = {True: [], False: []}

    def face(cell: tuple[int, int, int], *places: tuple[float, float, float]) -> None:
        points = [corner(*place) for place in places]
        faces[cell in cells].append("M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in points) + "z")

    for c in range(channels):
        for s in range(positions):
            face((0, c, s), (0, c, s), (0, c + 1, s), (0, c + 1, s + 1), (0, c, s + 1))
    for n in range(examples):
        for c in range(channels):
            face((n, c, 0), (n, c, 0), (n, c + 1, 0), (n + 1, c + 1, 0), (n + 1, c, 0))
        for s in range(positions):
            last = channels
            face((n, channels - 1, s), (n, last, s), (n + 1, last, s), (n + 1, last, s + 1), (n, last, s + 1))
    blocks = "".join(f'<path class="f-cell{" f-on" if on else ""}" d="{"".join(paths)}"/>' for on, paths in faces.items())
    right, bottom = LEFT + channels * CELL, base + positions * CELL
    return blocks + "".join(
        f'<text class="f-tick {align}" x="{x:.0f}" y="{y:.0f}"{turn}>{say(lang, word)}</text>'
        for word, align, x, y, turn in (
            ("axis-channel", "f-middle", (LEFT + right) / 2, bottom + 14, ""),
            (
                "axis-position",
                "f-middle",
                LEFT - 8,
                (base + bottom) / 2,
                f' transform="rotate(-90 {LEFT - 8:.0f} {(base + bottom) / 2:.0f})"',
            ),
            ("axis-example", "f-end", LEFT + examples * DEPTH[0] / 2 - 3, TOP - examples * DEPTH[1] / 2, ""),
        )
    )
