"""All activation functions as small drawings of one scale: the function and its derivative."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from dlatlas.site.figures.svg import Point, figure, legend, linear, number, path, picture, simplify
from dlatlas.site.markup import tag
from dlatlas.site.strings import say

WIDTH, HEIGHT = 120, 96
TOP, BOTTOM = 3.4, -1.6
"""The values at the upper and lower edge of a drawing."""

JUMP = 0.6
"""Neighbors on the grid that differ by more are drawn apart: the function jumps there."""


def draw(data: Mapping[str, Any], lang: str, name: str, note: str) -> str:
    """One drawing a function, in the catalog's order."""
    key = legend([("f-0", "f(x)"), ("f-1", "f′(x)")])
    drawings = "".join(tag("li", _one(data["x"], curve, lang, f"{name}-{curve['id']}")) for curve in data["curves"])
    title = say(lang, "figure-activations", n=len(data["curves"]))
    return figure(name, title, key + tag("ul", drawings, class_="f-multiples"), note)


def _one(grid: Sequence[float], curve: Mapping[str, Any], lang: str, name: str) -> str:
    x, y = linear(grid[0], grid[-1], 0, WIDTH), linear(BOTTOM, TOP, HEIGHT, 0)
    axes = f'<path class="f-axis" d="M0 {y(0):.1f}H{WIDTH}M{x(0):.1f} 0V{HEIGHT}"/>'
    drawn = "".join(
        tag("path", class_=f"f-line {kind}", d="".join(path(simplify([(x(a), y(b)) for a, b in piece], 0.2)) for piece in pieces))
        for pieces, kind in ((_pieces(grid, curve["slope"]), "f-1"), (_pieces(grid, curve["y"]), "f-0"))
    )
    told = say(
        lang,
        "figure-activation-told",
        first=number(curve["y"][0]),
        last=number(curve["y"][-1]),
        low=number(min(curve["slope"])),
        high=number(max(curve["slope"])),
    )
    head = tag("span", f"{escape(curve['title'])} {tag('small', str(curve['year']))}")
    return head + picture(name, (WIDTH, HEIGHT), curve["title"], told, axes + drawn)


def _pieces(grid: Sequence[float], values: Sequence[float]) -> list[list[Point]]:
    """The parts of the curve that lie in the drawing and hold no jump; an end beyond the edge is put on it."""
    found: list[list[Point]] = [[]]
    for (a, u), (b, v) in itertools.pairwise(zip(grid, values, strict=True)):
        inside = [BOTTOM <= w <= TOP for w in (u, v)]
        if not any(inside) or (all(inside) and abs(v - u) > JUMP):
            found.append([])
            continue
        ends = [(a, u), (b, v)]
        if not all(inside):
            edge = TOP if max(u, v) > TOP else BOTTOM
            ends[inside.index(False)] = (a + (b - a) * (edge - u) / (v - u), edge)
        if found[-1] and found[-1][-1] == ends[0]:
            found[-1].append(ends[1])
        else:
            found.append(ends)
    return [piece for piece in found if len(piece) > 1]
