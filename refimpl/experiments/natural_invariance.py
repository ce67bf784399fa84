"""One step of gradient descent and of natural gradient on the same classifier under other coordinates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.foundations.softmax_cross_entropy import cross_entropy
from refimpl.training.natural_gradient import natural_gradient

__all__ = ["natural_invariance"]

EXAMPLES, INPUTS, CLASSES, RATE, STEPS = 300, 6, 3, 0.5, 15
SCALES = (1.0, 3.0, 10.0, 30.0)
"""Ratio of the largest to the smallest unit in which the inputs are measured."""


def paths(x: Tensor, y: Tensor, step: Callable[..., Mapping[str, Tensor]]) -> list[float]:
    """Loss before each step of a linear classifier that starts at zero."""
    weights, found = {"w": torch.zeros(CLASSES, x.shape[1], dtype=x.dtype)}, []
    for _ in range(STEPS + 1):
        w = weights["w"].detach().requires_grad_()
        loss = cross_entropy(x @ w.t(), y)
        (gradient,) = torch.autograd.grad(loss, w)
        found.append(loss.item())
        weights = {"w": w.detach() - RATE * step(lambda p: x @ p["w"].t(), {"w": w.detach()}, {"w": gradient})["w"]}
    return found


def plain(_: Any, __: Any, gradient: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The gradient itself."""
    return gradient


def natural(logits: Callable[[Mapping[str, Tensor]], Tensor], weights: Mapping[str, Tensor], gradient: Mapping[str, Tensor]):
    """The natural gradient; the little damping keeps the direction that no logit depends on."""
    return natural_gradient(logits, weights, gradient, damping=1e-12, steps=200)


def _natural_invariance(seed: int) -> Outcome:
    generator = torch.Generator().manual_seed(seed)
    centers = torch.randn(CLASSES, INPUTS, dtype=torch.float64, generator=generator)
    y = torch.randint(CLASSES, (EXAMPLES,), generator=generator)
    x = centers[y] + torch.randn(EXAMPLES, INPUTS, dtype=torch.float64, generator=generator)
    losses: dict[str, list[float]] = {"plain": [], "natural": []}
    for scale in SCALES:
        units = torch.logspace(0, -torch.tensor(scale).log10().item(), INPUTS, dtype=torch.float64)
        for name, step in (("plain", plain), ("natural", natural)):
            losses[name].append(paths(x * units, y, step)[-1])
    values = {f"{name}_spread": max(found) / min(found) - 1 for name, found in losses.items()}
    values |= {f"{name}_loss": found[0] for name, found in losses.items()}
    return Outcome(values, {name: (SCALES, found) for name, found in losses.items()})


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Loss after 15 steps, inputs in other units", "zh": "换用其他单位的输入，15 步后的损失"},
        x=axis("largest unit / smallest unit", "最大单位 / 最小单位", scale="log"),
        y=axis("loss", "损失"),
        series=[curve(outcomes, "plain", "gradient descent", "梯度下降"), curve(outcomes, "natural", "natural gradient", "自然梯度")],
        alt={
            "en": "Loss after 15 steps against the ratio of the units in which the inputs are measured: level for the natural "
            "gradient, rising "
            "for gradient descent.",
            "zh": "15 步后的损失随输入单位之比的变化：自然梯度持平，梯度下降升高。",
        },
    )


natural_invariance = Experiment(_natural_invariance, seeds=(0, 1, 2, 3, 4), figure=_draw)
