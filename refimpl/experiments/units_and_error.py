"""How the largest error of one hidden layer falls with its units, by construction: steps, rectifiers, ridges of two numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from refimpl.experiments.momentum_rate import slope
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.foundations.universal_approximation import approximate, piecewise_linear, staircase

__all__ = ["units_and_error"]

UNITS, POINTS, WAVES = (8, 16, 32, 64, 128, 256), 4001, 4
GRID, FREQUENCIES = 41, (2, 4, 6, 8)


def smooth(dimension: int, generator: torch.Generator) -> Callable[[Tensor], Tensor]:
    """A sum of a few plane waves with random directions and phases, of amplitude 1 at most."""
    directions = math.pi * torch.randn(WAVES, dimension, dtype=torch.float64, generator=generator)
    phases = 2 * math.pi * torch.rand(WAVES, dtype=torch.float64, generator=generator)
    return lambda x: torch.sin(x @ directions.t() + phases).mean(-1)


@torch.no_grad()
def largest_error(network: Callable[[Tensor], Tensor], f: Callable[[Tensor], Tensor], x: Tensor) -> float:
    """Over the points ``(N, n)``."""
    return (network(x).squeeze(1) - f(x)).abs().max().item()


def _units_and_error(seed: int) -> Outcome:
    generator = torch.Generator().manual_seed(seed)
    line = torch.linspace(0, 1, POINTS, dtype=torch.float64)
    f = smooth(1, generator)
    found = {
        name: [largest_error(build(f, units), f, line[:, None]) for units in UNITS]
        for name, build in (("steps", staircase), ("rectifiers", piecewise_linear))
    }
    values = {f"{name}_exponent": slope(UNITS, errors) for name, errors in found.items()}
    side = torch.linspace(0, 1, GRID, dtype=torch.float64)
    plane, f = torch.cartesian_prod(side, side), smooth(2, generator)
    errors = [largest_error(approximate(f, 2, count, 64), f, plane) for count in FREQUENCIES]
    values["plane_left"] = errors[-1] / errors[0]  # from two frequencies an axis to eight
    return Outcome(values, {name: (UNITS, errors) for name, errors in found.items()})


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Largest error of one hidden layer", "zh": "单隐藏层的最大误差"},
        x=axis("units", "单元数", scale="log"),
        y=axis("largest error", "最大误差", scale="log"),
        series=[curve(outcomes, "steps", "steps of sigmoids", "sigmoid 台阶"), curve(outcomes, "rectifiers", "rectifiers", "整流单元")],
        alt={
            "en": "Largest error against the number of units, both axes logarithmic: two straight lines, of slope -1 for sigmoid "
            "steps and -2 for "
            "rectifiers.",
            "zh": "最大误差随单元数的变化（双对数轴）：两条直线，sigmoid 台阶的斜率为 -1，整流单元为 -2。",
        },
    )


units_and_error = Experiment(_units_and_error, seeds=(0, 1, 2, 3, 4), figure=_draw)
