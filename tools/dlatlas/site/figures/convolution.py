"""Convolution arithmetic: which inputs an output reads, one step at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from dlatlas.site.figures.choice import choice
from dlatlas.site.figures.svg import figure, picture, text_in, tick
from dlatlas.site.markup import formula, tag
from dlatlas.site.strings import say

CELL, GAP = 34, 70


def draw(data: Mapping[str, Any], lang: str, name: str, note: str) -> str:
    """Settings by choice; a slider and two buttons (where scripts run) step through the outputs."""
    cases = data["cases"]
    drawings = [_case(case, lang, f"{name}-{case['id']}") for case in cases]
    shown = choice(f"{name}-case", say(lang, "figure-setting"), [escape(text_in(case["title"], lang)) for case in cases], drawings)
    return figure(name, say(lang, "figure-convolution"), shown + tag("p", say(lang, "figure-convolution-told"), class_="f-told"), note)


def _case(case: Mapping[str, Any], lang: str, name: str) -> str:
    side, inside = case["input"] + 2 * case["padding"], range(case["padding"], case["padding"] + case["input"])
    first = set(case["reads"][0])
    height = max(side, case["output"]) * CELL
    top = (height - side * CELL) / 2
    parts = []
    for cell in range(side * side):
        row, column = divmod(cell, side)
        kinds = ["f-in", "f-pad" * (row not in inside or column not in inside), "f-on" * (cell in first)]
        parts.append(_square(column * CELL + 1, top + row * CELL + 1, " ".join(filter(None, kinds))))
    left = side * CELL + GAP
    above = (height - case["output"] * CELL) / 2
    for cell in range(case["output"] ** 2):
        row, column = divmod(cell, case["output"])
        parts.append(_square(left + column * CELL + 1, above + row * CELL + 1, "f-out" + " f-on" * (cell == 0)))
    parts.append(f'<path class="f-arrow" d="M{side * CELL + 14} {height / 2:g}h{GAP - 30}m-7 -6l7 6l-7 6"/>')
    size = (left + case["output"] * CELL + 2, height + 24)
    parts += [
        tick(side * CELL / 2, height + 18, say(lang, "conv-input", n=case["input"])),
        tick(left + case["output"] * CELL / 2, height + 18, say(lang, "conv-output", n=case["output"])),
    ]
    told = say(lang, "conv-told", **{key: case[key] for key in ("input", "kernel", "stride", "padding", "dilation", "output")})
    count = case["output"] ** 2
    steps = tag(
        "div",
        tag("button", "←", type="button", data_step="-1", aria_label=say(lang, "step-back"))
        + tag("label", f'{tag("span", say(lang, "conv-step"), class_="f-hidden")}<input type="range" min="0" max="{count - 1}" value="0">')
        + tag("button", "→", type="button", data_step="1", aria_label=say(lang, "step-on"))
        + tag("output", say(lang, "conv-at", n=1, all=count), data_text=say(lang, "conv-at", n="{n}", all=count)),
        class_="f-stepper",
        hidden=True,
    )
    drawing = picture(name, size, text_in(case["title"], lang), told, "".join(parts), style=f"max-width:{size[0] / 20:.3g}rem")
    rule = "" if case["id"] == "transposed" else tag("p", formula(_rule(case)))
    return tag("div", steps + drawing + tag("p", told) + rule, class_="f-conv", data_reads=json.dumps(case["reads"], separators=(",", ":")))


def _square(x: float, y: float, kind: str) -> str:
    return f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{CELL - 2}" height="{CELL - 2}"/>'


def _rule(case: Mapping[str, Any]) -> str:
    """The formula of the output's length with the case's numbers in it."""
    span = rf"{case['input']} + 2 \cdot {case['padding']} - {case['dilation']} \cdot ({case['kernel']} - 1) - 1"
    return rf"\left\lfloor \frac{{{span}}}{{{case['stride']}}} \right\rfloor + 1 = {case['output']}"
