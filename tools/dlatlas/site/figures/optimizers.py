"""Paths of the optimizers over surfaces, of which the reader chooses one."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from dlatlas.site.figures.choice import choice
from dlatlas.site.figures.contour import surface
from dlatlas.site.figures.svg import figure, linear, number, picture, points, text_in
from dlatlas.site.markup import formula, tag
from dlatlas.site.strings import say

SIDE = 520
LEVELS = 10


def draw(data: Mapping[str, Any], lang: str, name: str, note: str) -> str:
    """Surfaces by choice; each optimizer can be hidden, and a slider (where scripts run) shows the first steps only."""
    surfaces = data["surfaces"]
    drawings = [_surface(each, lang, f"{name}-{each['id']}", data["steps"]) for each in surfaces]
    shown = choice(f"{name}-surface", say(lang, "figure-surface"), [escape(text_in(s["title"], lang)) for s in surfaces], drawings)
    toggles = "".join(
        tag("label", f'<input type="checkbox" checked data-series="{i}"><i class="f-key f-{i}"></i>{escape(text_in(path["title"], lang))}')
        for i, path in enumerate(surfaces[0]["paths"])
    )
    steps = data["steps"]
    slider = tag("label", f'{say(lang, "figure-steps")} <input type="range" min="1" max="{steps}" value="{steps}">') + tag(
        "output", str(steps)
    )
    controls = tag("fieldset", tag("legend", say(lang, "figure-optimizers")) + toggles, class_="f-choice f-toggles")
    controls += tag("div", slider, class_="f-slider", hidden=True)
    text = tag(
        "p",
        say(lang, "figure-paths-told", steps=steps, low=number(data["rates"][0]), high=number(data["rates"][1])),
        class_="f-told",
    )
    return figure(name, say(lang, "figure-paths"), controls + shown + text, note, class_="f-paths")


def _surface(data: Mapping[str, Any], lang: str, name: str, steps: int) -> str:
    grid, cells = data["grid"], len(data["grid"]) - 1
    height = SIDE * (data["y"][1] - data["y"][0]) / (data["x"][1] - data["x"][0])
    height = min(max(height, SIDE * 0.55), SIDE * 0.9)
    x, y = linear(*data["x"], 0, SIDE), linear(*data["y"], height, 0)
    body = surface(grid, _levels(grid, data["lowest"]), linear(0, cells, 0, SIDE), linear(0, cells, height, 0))
    body += "".join(f'<path class="f-goal" d="M{x(a) - 6:.1f} {y(b):.1f}h12m-6 -6v12"/>' for a, b in data["minima"])
    body += f'<circle class="f-start" cx="{x(data["start"][0]):.1f}" cy="{y(data["start"][1]):.1f}" r="5"/>'
    for i, path in enumerate(data["paths"]):
        line = points((x(a), y(b)) for a, b in path["path"])
        body += f'<polyline class="f-line f-path f-{i}" points="{line}"/>'
    ends = "; ".join(f"{text_in(path['title'], lang)}: {number(path['value'])}" for path in data["paths"])
    told = say(lang, "figure-path-told", steps=steps, ends=ends)
    rows = "".join(
        tag(
            "tr",
            tag("th", f'<i class="f-key f-{i}"></i>{escape(text_in(path["title"], lang))}', scope="row")
            + tag("td", number(path["rate"]))
            + tag("td", number(path["value"] - data["lowest"])),
        )
        for i, path in enumerate(data["paths"])
    )
    head = tag("tr", "".join(tag("th", say(lang, word), scope="col") for word in ("figure-optimizer", "figure-rate", "figure-height")))
    table = tag("table", tag("thead", head) + tag("tbody", rows), class_="data")
    drawing = picture(name, (SIDE, height), text_in(data["title"], lang), told, body)
    return tag(
        "div",
        tag("div", drawing + tag("p", formula(data["tex"])), class_="f-panel") + tag("div", table, class_="table-wrap"),
        class_="f-beside",
    )


def _levels(grid: list[list[float]], lowest: float) -> list[float]:
    """Heights whose lines are spread over the picture: even shares of the cells lie between two."""
    heights = sorted(value for row in grid for value in row)
    return [heights[len(heights) * k // (LEVELS + 1)] for k in range(1, LEVELS + 1) if heights[len(heights) * k // (LEVELS + 1)] > lowest]
