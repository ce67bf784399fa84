"""Steps that gradient descent and the heavy ball take on quadratics of growing condition number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.training.gradient_descent import GradientDescent
from refimpl.training.momentum import Momentum
from refimpl.training.optimizer import Rule

__all__ = ["momentum_rate"]

SIZE, NEAR = 20, 1e-6
CONDITIONS = (10, 30, 100, 300, 1000)


def quadratic(condition: float, generator: torch.Generator) -> Tensor:
    """A symmetric matrix with eigenvalues spread evenly on a logarithmic scale from 1 to ``condition``, in random directions."""
    basis = torch.linalg.qr(torch.randn(SIZE, SIZE, dtype=torch.float64, generator=generator))[0]
    return basis * torch.logspace(0, math.log10(condition), SIZE, dtype=torch.float64) @ basis.t()


def descent(point: list[Tensor], condition: float) -> Rule:
    """Gradient descent with the step size that theory calls best."""
    return GradientDescent(point, lr=2 / (condition + 1))


def heavy_ball(point: list[Tensor], condition: float) -> Rule:
    """Polyak's method with the step size and the momentum that theory calls best."""
    root = math.sqrt(condition)
    return Momentum(point, lr=4 / (root + 1) ** 2, momentum=((root - 1) / (root + 1)) ** 2)


RULES: dict[str, Callable[[list[Tensor], float], Rule]] = {"descent": descent, "momentum": heavy_ball}


def steps_needed(matrix: Tensor, start: Tensor, optimizer: Callable[[list[Tensor]], Rule]) -> int:
    """Steps until the distance to the minimum, which is at 0, is ``NEAR`` times the start's."""
    point = start.clone().requires_grad_()
    rule, steps = optimizer([point]), 0
    while point.detach().norm() > NEAR * start.norm():
        point.grad = matrix @ point.detach()
        rule.step()
        steps += 1
    return steps


def slope(x: tuple[float, ...], y: list[float]) -> float:
    """Exponent p of the power law y = c x^p that fits best by least squares of the logarithms."""
    u, v = (torch.tensor(numbers, dtype=torch.float64).log() for numbers in (x, y))
    u, v = u - u.mean(), v - v.mean()
    return ((u * v).sum() / u.square().sum()).item()


def _momentum_rate(seed: int) -> Outcome:
    generator = torch.Generator().manual_seed(seed)
    counts: dict[str, list[float]] = {name: [] for name in RULES}
    for condition in CONDITIONS:
        matrix = quadratic(condition, generator)
        start = torch.randn(SIZE, dtype=torch.float64, generator=generator)
        for name, rule in RULES.items():
            counts[name].append(steps_needed(matrix, start, lambda p, rule=rule, condition=condition: rule(p, condition)))
    values = {f"{name}_exponent": slope(CONDITIONS, found) for name, found in counts.items()}
    values["speedup_at_1000"] = counts["descent"][-1] / counts["momentum"][-1]
    return Outcome(values, {name: (CONDITIONS, found) for name, found in counts.items()})


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Steps until the distance is a millionth", "zh": "距离降到百万分之一所需的步数"},
        x=axis("condition number", "条件数", scale="log"),
        y=axis("steps", "步数", scale="log"),
        series=[curve(outcomes, "descent", "gradient descent", "梯度下降"), curve(outcomes, "momentum", "heavy ball", "重球法")],
        alt={
            "en": "Steps against condition number, both axes logarithmic: two straight lines, of slope about one for gradient descent "
            "and about one half for the heavy ball.",
            "zh": "步数与条件数的关系（双对数轴）：两条直线，梯度下降的斜率约为 1，重球法约为 1/2。",
        },
    )


momentum_rate = Experiment(_momentum_rate, seeds=(0, 1, 2, 3, 4), figure=_draw)
