"""Draw the figure of a claim as SVG that follows the page's color scheme through CSS classes.

A figure is plain data: ``{kind, title, x, y, series, panels?}`` with ``kind`` one of ``lines``,
``bars`` and ``scatter``; see ``draw``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from dlatlas.site.figures.svg import FigureError, Scale, legend, number, picture, points, scale, text_in, tick
from dlatlas.site.figures.svg import figure as wrap
from dlatlas.site.markup import tag

SIZES = {"lines": (640, 340), "bars": (640, 340), "scatter": (440, 440)}
"""Width and height of a panel in SVG units, by kind; a cloud of points is shown square."""

LEFT, RIGHT, TOP, BOTTOM = 64, 16, 16, 48
"""Margins inside a panel."""

COLORS = 6
"""How many series colors the style sheet defines."""


def draw(figure: Mapping[str, Any], lang: str, name: str) -> str:
    """HTML of a figure: a heading, one SVG a panel, and a legend.

    Args:
        figure: ``kind``, ``title`` (both languages), axes ``x`` and ``y`` (``label``, ``scale`` linear or log),
            and ``series`` of ``label``, ``x``, ``y`` and optional ``spread``; or ``panels``, a list of such.
            ``alt`` says in words what is seen; without it the text alternative is made from the numbers.
        lang: language of the labels.
        name: id of the figure; ids inside it begin with it.

    Raises:
        FigureError: the kind is unknown, or a series' lengths differ or it holds nothing to draw.
    """
    panels = figure.get("panels") or [figure]
    merged = [{**{k: v for k, v in figure.items() if k != "panels"}, **panel} for panel in panels]
    labels = list(dict.fromkeys(text_in(s.get("label"), lang) for panel in merged for s in panel.get("series") or ()))
    parts = [_panel(panel, lang, f"{name}-{i}", len(panels) > 1, labels) for i, panel in enumerate(merged)]
    title = text_in(figure.get("title"), lang)
    keys = legend((f"f-{i % COLORS}", label) for i, label in enumerate(labels))
    return wrap(name, title, keys + tag("div", "".join(parts), class_="f-panels"))


def _panel(panel: Mapping[str, Any], lang: str, name: str, several: bool, names: Sequence[str]) -> str:
    kind = panel.get("kind")
    if kind not in SIZES:
        raise FigureError(f"figure {name}: kind is {kind!r}; expected 'lines', 'bars' or 'scatter'")
    series = panel.get("series") or []
    if not series:
        raise FigureError(f"figure {name}: no series to draw")
    for s in series:
        sizes = {len(s[key]) for key in ("x", "y", "spread") if s.get(key) is not None}
        if len(sizes) != 1 or sizes == {0}:
            label = text_in(s.get("label"), "en")
            raise FigureError(
                f"figure {name}: series {label!r} has x, y and spread of lengths {sorted(sizes)}; expected one length above 0"
            )
    labels = list(dict.fromkeys(text_in(s.get("label"), lang) for s in series))
    width, height = SIZES[kind]
    colors = [names.index(text_in(s.get("label"), lang)) % COLORS for s in series]
    body = _bars(panel, series, colors, name) if kind == "bars" else _plot(panel, series, colors, name)
    x_label, y_label = (text_in(panel.get(axis, {}).get("label"), lang) for axis in "xy")
    axes = (
        f'<text class="f-label f-middle" x="{(LEFT + width - RIGHT) / 2:g}" y="{height - 8}">{escape(x_label)}</text>'
        f'<text class="f-label f-middle" transform="translate(14 {(TOP + height - BOTTOM) / 2:g}) rotate(-90)">{escape(y_label)}</text>'
    )
    title = text_in(panel.get("title"), lang)
    described = text_in(panel.get("alt"), lang) or "; ".join((f"{x_label} / {y_label}".strip(" /"), *(_describe(s, lang) for s in series)))
    svg = picture(name, (width, height), title or ", ".join(labels), described, body + axes)
    return tag("div", (tag("p", escape(title), class_="f-title") if several and title else "") + svg, class_="f-panel")


def _plot(panel: Mapping[str, Any], series: Sequence[Mapping[str, Any]], colors: Sequence[int], name: str) -> str:
    lows = [y - e for s in series for y, e in _with_spread(s)]
    highs = [y + e for s in series for y, e in _with_spread(s)]
    kind = panel["kind"]
    width, height = SIZES[kind]
    log_x, log_y = _is_log(panel, "x"), _is_log(panel, "y")
    ys = [y for s in series for y in s["y"]]
    x, x_ticks = scale([v for s in series for v in s["x"]], log_x, LEFT, width - RIGHT, name)
    y, y_ticks = scale(ys + ([v for v in lows if v > 0] if log_y else lows) + highs, log_y, height - BOTTOM, TOP, name)
    floor = min(ys) if log_y else -math.inf
    parts = [_grid(SIZES[kind], x, y, x_ticks, y_ticks)]
    for s, index in zip(series, colors, strict=True):
        places = [(x(a), y(b)) for a, b in zip(s["x"], s["y"], strict=True)]
        color = f"f-{index}"
        if kind == "scatter":
            parts += [f'<circle class="f-dot {color}" cx="{a:.1f}" cy="{b:.1f}" r="3"/>' for a, b in places]
            continue
        if s.get("spread") is not None:
            band = list(zip(s["x"], _with_spread(s), strict=True))
            upper = [(x(a), y(b + e)) for a, (b, e) in band]
            lower = [(x(a), y(max(b - e, floor / 2) if log_y else b - e)) for a, (b, e) in reversed(band)]
            parts.append(f'<polygon class="f-band {color}" points="{points(upper + lower)}"/>')
        parts.append(f'<polyline class="f-line {color}" points="{points(places)}"/>')
        parts += [f'<circle class="f-dot {color}" cx="{a:.1f}" cy="{b:.1f}" r="3"/>' for a, b in places] if len(places) <= 12 else []
    return "".join(parts)


def _bars(panel: Mapping[str, Any], series: Sequence[Mapping[str, Any]], colors: Sequence[int], name: str) -> str:
    all_width, height = SIZES["bars"]
    names = list(dict.fromkeys(str(v) for s in series for v in s["x"]))
    log = _is_log(panel, "y")
    values = [v for s in series for y, e in _with_spread(s) for v in (y, y + e, y - e) if not log or v > 0]
    y, ticks = scale(values + ([] if log else [0.0]), log, height - BOTTOM, TOP, name)
    base = y(ticks[0]) if log else y(0)
    group = (all_width - LEFT - RIGHT) / len(names)
    width = min(48.0, group * 0.8 / len(series))
    parts = [_grid(SIZES["bars"], None, y, [], ticks)]
    parts += [tick(LEFT + group * (i + 0.5), height - BOTTOM + 18, text) for i, text in enumerate(names)]
    for i, s in enumerate(series):
        for label, (value, error) in zip(s["x"], _with_spread(s), strict=True):
            middle = LEFT + group * (names.index(str(label)) + 0.5) + (i - (len(series) - 1) / 2) * width
            top, bottom = sorted((y(value), base))
            place = f'x="{middle - width * 0.45:.1f}" y="{top:.1f}" width="{width * 0.9:.1f}" height="{max(bottom - top, 1):.1f}"'
            parts.append(f'<rect class="f-bar f-{colors[i]}" {place}/>')
            if error and (not log or value > error):
                parts.append(f'<path class="f-error" d="M{middle:.1f} {y(value - error):.1f}V{y(value + error):.1f}"/>')
    return "".join(parts)


def _grid(size: tuple[int, int], x: Scale | None, y: Scale, x_ticks: Sequence[float], y_ticks: Sequence[float]) -> str:
    right, bottom = size[0] - RIGHT, size[1] - BOTTOM
    lines = "".join(f"M{LEFT} {y(t):.1f}H{right}" for t in y_ticks)
    texts = "".join(tick(LEFT - 8, y(t) + 4, number(t), "f-end") for t in y_ticks)
    if x is not None:
        texts += "".join(tick(x(t), bottom + 18, number(t)) for t in x_ticks)
    return f'<path class="f-grid" d="{lines}"/><path class="f-axis" d="M{LEFT} {TOP}V{bottom}H{right}"/>{texts}'


def _is_log(panel: Mapping[str, Any], axis: str) -> bool:
    return panel.get(axis, {}).get("scale") == "log"


def _with_spread(series: Mapping[str, Any]) -> list[tuple[float, float]]:
    return list(zip(series["y"], series.get("spread") or [0.0] * len(series["y"]), strict=True))


def _describe(series: Mapping[str, Any], lang: str) -> str:
    label, first, last = text_in(series.get("label"), lang), series["y"][0], series["y"][-1]
    return f"{label}: {number(first)}" + (f" → {number(last)}" if len(series["y"]) > 1 else "")
