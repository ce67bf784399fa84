"""Draw the figure of a claim as SVG that follows the page's color scheme through CSS classes.

A figure is plain data: ``{kind, title, x, y, series, panels?}`` with ``kind`` one of ``lines``,
``bars`` and ``scatter``; see ``draw``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from dlatlas.site.markup import tag

SIZES = {"lines": (640, 340), "bars": (640, 340), "scatter": (440, 440)}
"""Width and height of a panel in SVG units, by kind; a cloud of points is shown square."""

LEFT, RIGHT, TOP, BOTTOM = 64, 16, 16, 48
"""Margins inside a panel."""

COLORS = 6
"""How many series colors the style sheet defines."""

Scale = Callable[[float], float]


class FigureError(ValueError):
    """A stored figure that cannot be drawn."""


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
    labels = list(dict.fromkeys(_text(s.get("label"), lang) for panel in merged for s in panel.get("series") or ()))
    parts = [_panel(panel, lang, f"{name}-{i}", len(panels) > 1, labels) for i, panel in enumerate(merged)]
    title = _text(figure.get("title"), lang)
    keys = "".join(tag("li", f'<i class="f-key f-{i % COLORS}"></i>{escape(label)}') for i, label in enumerate(labels) if label)
    head = (tag("figcaption", escape(title)) if title else "") + (tag("ul", keys, class_="f-legend") if keys else "")
    return tag("figure", head + tag("div", "".join(parts), class_="f-panels"), class_="chart", id=name)


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
            label = _text(s.get("label"), "en")
            raise FigureError(
                f"figure {name}: series {label!r} has x, y and spread of lengths {sorted(sizes)}; expected one length above 0"
            )
    labels = list(dict.fromkeys(_text(s.get("label"), lang) for s in series))
    width, height = SIZES[kind]
    colors = [names.index(_text(s.get("label"), lang)) % COLORS for s in series]
    body = _bars(panel, series, colors, name) if kind == "bars" else _plot(panel, series, colors, name)
    x_label, y_label = (_text(panel.get(axis, {}).get("label"), lang) for axis in "xy")
    axes = (
        f'<text class="f-label f-middle" x="{(LEFT + width - RIGHT) / 2:g}" y="{height - 8}">{escape(x_label)}</text>'
        f'<text class="f-label f-middle" transform="translate(14 {(TOP + height - BOTTOM) / 2:g}) rotate(-90)">{escape(y_label)}</text>'
    )
    title = _text(panel.get("title"), lang)
    described = _text(panel.get("alt"), lang) or "; ".join((f"{x_label} / {y_label}".strip(" /"), *(_describe(s, lang) for s in series)))
    told = tag("title", escape(title or ", ".join(labels)), id=f"{name}-title") + tag("desc", escape(described), id=f"{name}-desc")
    svg = f'<svg viewBox="0 0 {width} {height}" role="img" aria-labelledby="{name}-title {name}-desc">{told}{body}{axes}</svg>'
    return tag("div", (tag("p", escape(title), class_="f-title") if several and title else "") + svg, class_="f-panel")


def _plot(panel: Mapping[str, Any], series: Sequence[Mapping[str, Any]], colors: Sequence[int], name: str) -> str:
    lows = [y - e for s in series for y, e in _with_spread(s)]
    highs = [y + e for s in series for y, e in _with_spread(s)]
    kind = panel["kind"]
    width, height = SIZES[kind]
    log_x, log_y = _is_log(panel, "x"), _is_log(panel, "y")
    ys = [y for s in series for y in s["y"]]
    x, x_ticks = _scale([v for s in series for v in s["x"]], log_x, LEFT, width - RIGHT, name)
    y, y_ticks = _scale(ys + ([v for v in lows if v > 0] if log_y else lows) + highs, log_y, height - BOTTOM, TOP, name)
    floor = min(ys) if log_y else -math.inf
    parts = [_grid(SIZES[kind], x, y, x_ticks, y_ticks)]
    for s, index in zip(series, colors, strict=True):
        points = [(x(a), y(b)) for a, b in zip(s["x"], s["y"], strict=True)]
        color = f"f-{index}"
        if kind == "scatter":
            parts += [f'<circle class="f-dot {color}" cx="{a:.1f}" cy="{b:.1f}" r="3"/>' for a, b in points]
            continue
        if s.get("spread") is not None:
            band = list(zip(s["x"], _with_spread(s), strict=True))
            upper = [(x(a), y(b + e)) for a, (b, e) in band]
            lower = [(x(a), y(max(b - e, floor / 2) if log_y else b - e)) for a, (b, e) in reversed(band)]
            parts.append(f'<polygon class="f-band {color}" points="{_points(upper + lower)}"/>')
        parts.append(f'<polyline class="f-line {color}" points="{_points(points)}"/>')
        parts += [f'<circle class="f-dot {color}" cx="{a:.1f}" cy="{b:.1f}" r="3"/>' for a, b in points] if len(points) <= 12 else []
    return "".join(parts)


def _bars(panel: Mapping[str, Any], series: Sequence[Mapping[str, Any]], colors: Sequence[int], name: str) -> str:
    all_width, height = SIZES["bars"]
    names = list(dict.fromkeys(str(v) for s in series for v in s["x"]))
    log = _is_log(panel, "y")
    values = [v for s in series for y, e in _with_spread(s) for v in (y, y + e, y - e) if not log or v > 0]
    y, ticks = _scale(values + ([] if log else [0.0]), log, height - BOTTOM, TOP, name)
    base = y(ticks[0]) if log else y(0)
    group = (all_width - LEFT - RIGHT) / len(names)
    width = min(48.0, group * 0.8 / len(series))
    parts = [_grid(SIZES["bars"], None, y, [], ticks)]
    parts += [_tick(LEFT + group * (i + 0.5), height - BOTTOM + 18, text) for i, text in enumerate(names)]
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
    texts = "".join(_tick(LEFT - 8, y(t) + 4, _number(t), "f-end") for t in y_ticks)
    if x is not None:
        texts += "".join(_tick(x(t), bottom + 18, _number(t)) for t in x_ticks)
    return f'<path class="f-grid" d="{lines}"/><path class="f-axis" d="M{LEFT} {TOP}V{bottom}H{right}"/>{texts}'


def _tick(x: float, y: float, text: str, align: str = "f-middle") -> str:
    return f'<text class="f-tick {align}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _scale(values: Sequence[float], log: bool, start: float, end: float, name: str) -> tuple[Scale, list[float]]:
    """A map from data to SVG units, and where its ticks stand."""
    if not all(math.isfinite(v) for v in values):
        raise FigureError(f"figure {name}: a value is not finite")
    low, high = min(values), max(values)
    if log:
        if low <= 0:
            raise FigureError(f"figure {name}: {low!r} on a logarithmic axis; expected values above 0")
        first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
        last = max(last, first + 1)
        step = max(1, math.ceil((last - first) / 8))
        ticks = [10.0**k for k in range(first, last + 1, step)]
        return lambda v: start + (math.log10(v) - first) / (last - first) * (end - start), ticks
    if low == high:
        low, high = low - 0.5, high + 0.5
    step = _step((high - low) / 5)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = [k * step for k in range(first, last + 1)]
    return lambda v: start + (v - first * step) / ((last - first) * step) * (end - start), ticks


def _step(raw: float) -> float:
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * m for m in (1, 2, 5, 10) if power * m >= raw * 0.999)


def _is_log(panel: Mapping[str, Any], axis: str) -> bool:
    return panel.get(axis, {}).get("scale") == "log"


def _with_spread(series: Mapping[str, Any]) -> list[tuple[float, float]]:
    return list(zip(series["y"], series.get("spread") or [0.0] * len(series["y"]), strict=True))


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in points)


def _describe(series: Mapping[str, Any], lang: str) -> str:
    label, first, last = _text(series.get("label"), lang), series["y"][0], series["y"][-1]
    return f"{label}: {_number(first)}" + (f" → {_number(last)}" if len(series["y"]) > 1 else "")


def _number(value: float) -> str:
    """A tick or a value: plain digits, or a power of ten where those would be long."""
    mantissa, _, exponent = f"{value:.4g}".partition("e")
    if not exponent and 0 < abs(value) < 0.001:
        mantissa, _, exponent = f"{value:.3e}".partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".")
    text = mantissa if not exponent else f"{'' if mantissa == '1' else mantissa + '×'}10{str(int(exponent)).translate(_RAISED)}"
    return text.replace("-", "−")


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _text(text: Any, lang: str) -> str:
    if isinstance(text, Mapping):
        return str(text.get(lang) or text.get("en") or "")
    return str(text or "")
