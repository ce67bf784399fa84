"""Pieces that all figures share: scales with their ticks, numbers, polylines and bilingual labels.

Figures carry no color of their own: classes ``f-0`` to ``f-5`` name the series colors, and the style sheet gives
them one value in each color scheme.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from dlatlas.site.markup import tag

Scale = Callable[[float], float]
Point = tuple[float, float]

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class FigureError(ValueError):
    """A stored figure that cannot be drawn."""


def scale(values: Sequence[float], log: bool, start: float, end: float, name: str) -> tuple[Scale, list[float]]:
    """A map from data to SVG units, and where its ticks stand.

    Raises:
        FigureError: a value is not finite, or not positive on a logarithmic axis.
    """
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
    return linear(ticks[0], ticks[-1], start, end), ticks


def linear(low: float, high: float, start: float, end: float) -> Scale:
    """The map that takes ``low`` to ``start`` and ``high`` to ``end``."""
    return lambda v: start + (v - low) / (high - low) * (end - start)


def _step(raw: float) -> float:
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * m for m in (1, 2, 5, 10) if power * m >= raw * 0.999)


def number(value: float) -> str:
    """A tick or a value: plain digits, or a power of ten where those would be long."""
    mantissa, _, exponent = f"{value:.4g}".partition("e")
    if not exponent and 0 < abs(value) < 0.001:
        mantissa, _, exponent = f"{value:.3e}".partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".")
    text = mantissa if not exponent else f"{'' if mantissa == '1' else mantissa + '×'}10{str(int(exponent)).translate(_RAISED)}"
    return text.replace("-", "−")


def points(places: Iterable[Point]) -> str:
    """Value of a ``points`` attribute."""
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in places)


def path(places: Iterable[Point]) -> str:
    """Value of a ``d`` attribute: one open line, in tenths of a unit and relative steps, which is short."""
    tenths = [(round(a * 10), round(b * 10)) for a, b in places]
    (a, b), *rest = tenths
    parts = [f"M{a / 10:g} {b / 10:g}l"]
    for c, d in rest:
        if (c, d) != (a, b):
            parts.append(f"{(c - a) / 10:g} {(d - b) / 10:g} ")
            a, b = c, d
    return "".join(parts).rstrip(" l")


def simplify(places: Sequence[Point], tolerance: float) -> list[Point]:
    """The fewest points of a line (by Ramer, Douglas and Peucker) from which none that is left out is farther than ``tolerance``."""
    (x0, y0), (x1, y1) = places[0], places[-1]
    length = math.hypot(x1 - x0, y1 - y0) or 1.0
    far, at = 0.0, 0
    for i, (x, y) in enumerate(places):
        if (away := abs((x1 - x0) * (y0 - y) - (x0 - x) * (y1 - y0)) / length) > far:
            far, at = away, i
    if far <= tolerance:
        return [places[0], places[-1]]
    return simplify(places[: at + 1], tolerance)[:-1] + simplify(places[at:], tolerance)


def tick(x: float, y: float, text: str, align: str = "f-middle") -> str:
    """A small label at a place of the drawing."""
    return f'<text class="f-tick {align}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def picture(name: str, size: tuple[float, float], title: str, described: str, body: str, *, role: str = "img", **values: Any) -> str:
    """An SVG element with its text alternative; ``name`` is the prefix of the ids inside.

    ``role`` is ``group`` where parts of the drawing are links or controls.
    """
    told = tag("title", escape(title), id=f"{name}-title") + tag("desc", escape(described), id=f"{name}-desc")
    labels = f"{name}-title {name}-desc"
    return tag("svg", told + body, viewBox=f"0 0 {size[0]:g} {size[1]:g}", role=role, aria_labelledby=labels, **values)


def figure(name: str, title: str, content: str, note: str = "", *, class_: str = "") -> str:
    """A figure element: heading above, ``content`` (HTML), and a note (HTML) below."""
    head = tag("figcaption", escape(title)) if title else ""
    foot = tag("p", note, class_="f-note") if note else ""
    return tag("figure", head + content + foot, class_=f"chart {class_}".strip(), id=name)


def legend(labels: Iterable[tuple[str, str]]) -> str:
    """A list of keys: pairs of a class, such as ``f-0``, and a label."""
    keys = "".join(tag("li", tag("i", class_=f"f-key {class_}") + escape(label)) for class_, label in labels if label)
    return tag("ul", keys, class_="f-legend") if keys else ""


def text_in(text: Any, lang: str) -> str:
    """A label that may be plain or given in both languages."""
    if isinstance(text, Mapping):
        return str(text.get(lang) or text.get("en") or "")
    return str(text or "")
