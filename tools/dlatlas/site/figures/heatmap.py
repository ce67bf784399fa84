"""Tables of numbers as shaded cells: the gates of an LSTM and attention maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlatlas.site.figures.svg import figure, number, picture, tick
from dlatlas.site.markup import tag
from dlatlas.site.strings import say


def cells(rows: Sequence[Sequence[float]], x: float, y: float, width: float, height: float, top: float = 1.0) -> str:
    """A rectangle a number, the denser the nearer it is to ``top``; negative numbers have a color of their own."""
    parts = []
    for j, row in enumerate(rows):
        for i, value in enumerate(row):
            shade = min(1.0, abs(value) / top)
            if shade >= 0.02:
                kind = ' class="f-1"' if value < 0 else ""
                place = f'x="{x + i * width:g}" y="{y + j * height:g}" width="{width:g}" height="{height:g}"'
                parts.append(f'<rect{kind} {place} fill-opacity="{shade:.2g}"/>')
    frame = f'<rect class="f-frame" x="{x:g}" y="{y:g}" width="{width * len(rows[0]):g}" height="{height * len(rows):g}"/>'
    return f'<g class="f-heat f-0">{"".join(parts)}</g>{frame}'


GATES = ("input", "forget", "output", "cell")
WIDTH, HEIGHT, LEFT = 22.0, 15.0, 92.0


def gates(data: Mapping[str, Any], lang: str, name: str, note: str) -> str:
    """The marks and numbers that the network saw, then gates and cells, a row a unit, a column a step."""
    steps, y = len(data["numbers"]), 34.0
    parts = [tick(LEFT + (t + 0.5) * WIDTH, 12, mark) for t, mark in _marks(data, lang)]
    parts += [cells([data["numbers"]], LEFT, 18, WIDTH, HEIGHT), tick(LEFT - 8, 30, say(lang, "gate-number"), "f-end")]
    for gate in GATES:
        rows = data[gate]
        top = max(abs(v) for row in rows for v in row) if gate == "cell" else 1.0
        y += 10
        parts += [
            cells(rows, LEFT, y, WIDTH, HEIGHT, top),
            tick(LEFT - 8, y + HEIGHT * len(rows) / 2 + 4, say(lang, f"gate-{gate}"), "f-end"),
        ]
        y += HEIGHT * len(rows)
    parts += [tick(LEFT + (t + 0.5) * WIDTH, y + 16, str(t + 1)) for t in range(0, steps, 2)]
    marked = "".join(f"M{LEFT + t * WIDTH:g} 18V{y:g}m{WIDTH:g} 0V18" for t in data["keep"])
    parts.append(f'<path class="f-marked" d="{marked}"/>')
    told = say(
        lang, "figure-gates-told", n=len(data["ask"]), said=_list(data["said"]), answers=_list(data["answers"]), error=number(data["error"])
    )
    svg = picture(name, (LEFT + steps * WIDTH + 4, y + 22), say(lang, "figure-gates"), told, "".join(parts))
    return figure(name, say(lang, "figure-gates"), tag("div", svg, class_="f-wide", tabindex="0") + tag("p", told, class_="f-told"), note)


def _marks(data: Mapping[str, Any], lang: str) -> list[tuple[int, str]]:
    return [(t, say(lang, "gate-keep")) for t in data["keep"]] + [(t, say(lang, "gate-ask")) for t in data["ask"]]


def _list(values: Sequence[float]) -> str:
    return ", ".join(f"{v:.2f}".replace("-", "−") for v in values)


SIDE = 26.0


def attention(data: Mapping[str, Any], lang: str, name: str, note: str) -> str:
    """A map a word: letters that are read along x, letters that are written along y."""
    parts = []
    for i, word in enumerate(data["words"]):
        n = len(word["word"])
        letters = [tick(30 + (k + 0.5) * SIDE, 20, letter) for k, letter in enumerate(word["word"])]
        letters += [tick(20, 30 + (k + 0.5) * SIDE + 4, letter) for k, letter in enumerate(word["written"])]
        told = say(lang, "figure-attention-told", read=word["word"], written=word["written"])
        drawing = picture(
            f"{name}-{i}", (34 + n * SIDE, 34 + n * SIDE), word["word"], told, cells(word["weights"], 30, 30, SIDE, SIDE) + "".join(letters)
        )
        parts.append(tag("div", drawing, class_="f-panel", style=f"--w:{34 + n * SIDE:g}"))
    told = say(lang, "figure-attention-text", accuracy=f"{data['accuracy']:.1%}")
    return figure(name, say(lang, "figure-attention"), tag("div", "".join(parts), class_="f-maps") + tag("p", told, class_="f-told"), note)
