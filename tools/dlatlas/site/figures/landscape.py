"""The loss around two trained networks as level lines, of one scale."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from dlatlas.site.figures.contour import surface
from dlatlas.site.figures.svg import figure, linear, number, picture, text_in
from dlatlas.site.markup import tag
from dlatlas.site.strings import say

SIDE = 360
LEVELS = tuple(a * 10.0**k for k in range(-1, 5) for a in (1, 3))


def draw(data: Mapping[str, Any], lang: str, name: str, note: str) -> str:
    """One panel a network, with the same levels."""
    parts = []
    for network in data["networks"]:
        grid, title = network["grid"], text_in(network["title"], lang)
        cells = len(grid) - 1
        body = surface(grid, LEVELS, linear(0, cells, 0, SIDE), linear(0, cells, SIDE, 0))
        body += f'<path class="f-goal" d="M{SIDE / 2 - 6} {SIDE / 2}h12m-6 -6v12"/>'
        highest = max(value for row in grid for value in row)
        told = say(
            lang, "figure-landscape-told", loss=number(network["loss"]), highest=number(highest), accuracy=f"{network['accuracy']:.1%}"
        )
        drawing = picture(f"{name}-{network['id']}", (SIDE, SIDE), title, told, body)
        parts.append(tag("div", tag("p", escape(title), class_="f-title") + drawing + tag("p", told, class_="f-told"), class_="f-panel"))
    text = tag("p", say(lang, "figure-landscape-text", depth=data["depth"], levels=", ".join(number(v) for v in LEVELS)), class_="f-told")
    return figure(name, say(lang, "figure-landscape"), tag("div", "".join(parts), class_="f-panels") + text, note)
