"""The tangent kernel of a ReLU network against its limit, and how far training moves it, by width."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from refimpl.experiments.momentum_rate import slope
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.training.gradient_descent import GradientDescent
from refimpl.training.kernel_limits import empirical_ntk, ntk_mlp, relu_ntk

__all__ = ["kernel_width"]

INPUTS, EXAMPLES, DEPTH, WIDTHS, REPEATS, STEPS = 4, 8, 1, (16, 64, 256, 1024), 8, 40


def gap(a: Tensor, b: Tensor) -> float:
    """Distance of two kernels, relative to the second."""
    return ((a - b).norm() / b.norm()).item()


def _kernel_width(seed: int) -> Outcome:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(EXAMPLES, INPUTS, generator=generator)
    y = torch.randn(EXAMPLES, generator=generator)
    limit = relu_ntk(x, x, DEPTH)[0]
    rate = 1 / torch.linalg.eigvalsh(limit).max().item()
    found: dict[str, list[float]] = {"from_limit": [], "moved": []}
    for width in WIDTHS:
        gaps = dict.fromkeys(found, 0.0)
        for _ in range(REPEATS):
            model = ntk_mlp(INPUTS, width, DEPTH)
            start = empirical_ntk(model, x)
            rule = GradientDescent(model.parameters(), lr=rate)
            for _ in range(STEPS):
                rule.zero_grad()
                ((model(x).squeeze(1) - y).square().sum() / 2).backward()
                rule.step()
            gaps["from_limit"] += gap(start, limit) / REPEATS
            gaps["moved"] += gap(empirical_ntk(model, x), start) / REPEATS
        for name, total in gaps.items():
            found[name].append(total)
    values = {f"{name}_exponent": slope(WIDTHS, series) for name, series in found.items()}
    values |= {f"{name}_at_1024": series[-1] for name, series in found.items()}
    return Outcome(values, {name: (WIDTHS, series) for name, series in found.items()})


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Relative change of the tangent kernel", "zh": "切线核的相对变化"},
        x=axis("width", "宽度", scale="log"),
        y=axis("distance", "距离", scale="log"),
        series=[
            curve(outcomes, "from_limit", "start to limit", "起点到极限"),
            curve(outcomes, "moved", "moved by training", "训练中的移动"),
        ],
        alt={
            "en": "Distance of the kernel at the start from its limit, and distance that training moves it, against the width, "
            "both axes "
            "logarithmic: both fall about as one over the root of the width.",
            "zh": "起始核到极限的距离，以及训练使核移动的距离，随宽度的变化（双对数轴）：两者大约按宽度平方根的倒数下降。",
        },
    )


kernel_width = Experiment(_kernel_width, seeds=(0, 1, 2), figure=_draw)
