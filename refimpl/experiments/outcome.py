"""What an experiment is and what one seed of it yields, with helpers to draw its figure.

An experiment module defines one ``Experiment`` a claim::

    kaiming_against_xavier = Experiment(run=_run, seeds=(0, 1, 2, 3, 4), figure=_figure)

``_run(seed)`` returns an ``Outcome``; ``_figure(outcomes)`` turns the outcomes of all seeds into
plain data, most easily with ``curve``, ``bar`` and ``figure``::

    def _figure(outcomes):
        return figure(
            "lines",
            title={"en": "Variance through 30 ReLU layers", "zh": "30 个 ReLU 层中的方差"},
            x=axis("layer", "层"),
            y=axis("variance", "方差", scale="log"),
            series=[curve(outcomes, "kaiming", "Kaiming", "Kaiming"), curve(outcomes, "xavier", "Xavier", "Xavier")],
            alt={"en": "…", "zh": "…"},
        )
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

DIGITS = 4
"""Significant digits that a figure keeps."""

Kind = Literal["lines", "bars", "scatter"]
Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class Outcome:
    """What one seed measured.

    Args:
        values: the numbers that a claim may name in ``expect``.
        curves: what the figure draws, as (x, y) lists by name.

    Raises:
        ValueError: a number is not finite, or a curve's lists differ in length.
    """

    values: Mapping[str, float]
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", {name: _finite(f"value {name!r}", value) for name, value in self.values.items()})
        object.__setattr__(self, "curves", {name: _checked_curve(name, *curve) for name, curve in self.curves.items()})


@dataclass(frozen=True)
class Experiment:
    """A measurement that a claim rests on.

    Args:
        run: does it once; all randomness follows from the seed it is given.
        seeds: the seeds whose outcomes are stored.
        figure: draws the outcomes of all seeds as plain data; see :func:`figure`.
    """

    run: Callable[[int], Outcome]
    seeds: tuple[int, ...]
    figure: Callable[[list[Outcome]], dict[str, Any]]

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"Experiment: seeds must be distinct and at least one, got {self.seeds}")

    def outcome(self, seed: int) -> Outcome:
        """Run one seed, with PyTorch's global generator seeded too."""
        torch.manual_seed(seed)
        return self.run(seed)


def figure(
    kind: Kind,
    *,
    title: Mapping[str, str],
    x: Mapping[str, Any],
    y: Mapping[str, Any],
    series: Sequence[Mapping[str, Any]],
    alt: Mapping[str, str],
) -> dict[str, Any]:
    """A figure of one panel. Texts are ``{"en": ..., "zh": ...}``; ``alt`` says in words what the figure shows."""
    return {"kind": kind, "title": dict(title), "x": dict(x), "y": dict(y), "series": [dict(s) for s in series], "alt": dict(alt)}


def panels(title: Mapping[str, str], figures: Sequence[Mapping[str, Any]], alt: Mapping[str, str]) -> dict[str, Any]:
    """Several figures side by side under one title; each keeps its own title above its panel."""
    return {"title": dict(title), "panels": [{k: v for k, v in f.items() if k != "alt"} for f in figures], "alt": dict(alt)}


def axis(en: str, zh: str, *, scale: Scale = "linear") -> dict[str, Any]:
    """An axis: its label in both languages and its scale."""
    return {"label": {"en": en, "zh": zh}, "scale": scale}


def curve(outcomes: Sequence[Outcome], name: str, en: str, zh: str) -> dict[str, Any]:
    """A series: the mean over seeds of the curve ``name``, with the standard deviation as its spread.

    Raises:
        ValueError: the seeds have no such curve, or different x.
    """
    missing = [i for i, outcome in enumerate(outcomes) if name not in outcome.curves]
    if missing or not outcomes:
        raise ValueError(f"curve: no curve {name!r} in outcomes {missing}; expected one in each of {len(outcomes)}")
    xs = {tuple(outcome.curves[name][0]) for outcome in outcomes}
    if len(xs) > 1:
        raise ValueError(f"curve: the x of curve {name!r} differ between seeds; expected one grid")
    columns = list(zip(*(outcome.curves[name][1] for outcome in outcomes), strict=True))
    return _series(en, zh, list(xs.pop()), columns)


def bar(outcomes: Sequence[Outcome], values: Mapping[str, str], en: str, zh: str) -> dict[str, Any]:
    """A series of bars: the mean over seeds of each value, with the standard deviation as its spread.

    Args:
        values: name of the value to the name under its bar, which is the same in both languages ("GAN", "WGAN-GP").
    """
    columns = [tuple(outcome.values[name] for outcome in outcomes) for name in values]
    return _series(en, zh, list(values.values()), columns)


def points(x: Sequence[float], y: Sequence[float], en: str, zh: str) -> dict[str, Any]:
    """A series of single points, for "scatter"."""
    return {"label": {"en": en, "zh": zh}, "x": [rounded(v) for v in x], "y": [rounded(v) for v in y]}


def rounded(value: float) -> float:
    """``value`` to ``DIGITS`` significant digits."""
    return float(f"{float(value):.{DIGITS}g}")


def _series(en: str, zh: str, x: list[Any], columns: Sequence[tuple[float, ...]]) -> dict[str, Any]:
    return {
        "label": {"en": en, "zh": zh},
        "x": [v if isinstance(v, str) else rounded(v) for v in x],
        "y": [rounded(statistics.fmean(column)) for column in columns],
        "spread": [rounded(statistics.stdev(column)) if len(column) > 1 else 0.0 for column in columns],
    }


def _finite(what: str, value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"Outcome: {what} is {number}; expected a finite number")
    return number


def _checked_curve(name: str, x: Sequence[float], y: Sequence[float]) -> tuple[list[float], list[float]]:
    if len(x) != len(y):
        raise ValueError(f"Outcome: curve {name!r} has {len(x)} x and {len(y)} y; expected as many")
    return [_finite(f"x of curve {name!r}", v) for v in x], [_finite(f"y of curve {name!r}", v) for v in y]
