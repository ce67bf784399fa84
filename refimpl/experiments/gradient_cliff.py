"""Gradient descent at the cliff of a one-unit recurrent network, with and without clipping."""

from __future__ import annotations

from math import inf
from typing import Any

import torch
from torch import Tensor

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.training.gradient_clipping import clip_grad_norm_

__all__ = ["gradient_cliff"]

LENGTH, TARGET = 50, 0.7
STEPS, RATE, THRESHOLD = 200, 0.1, 1.0
START, JITTER = (5.0, -2.8), 0.02


def last_state(weights: Tensor) -> Tensor:
    """sigmoid(x_50) of ``x_k = w sigmoid(x_{k-1}) + b`` from ``x_0 = 0``, the network of Pascanu et al."""
    x = torch.zeros((), dtype=torch.float64)
    for _ in range(LENGTH):
        x = weights[0] * torch.sigmoid(x) + weights[1]
    return torch.sigmoid(x)


def descend(start: Tensor, threshold: float) -> tuple[list[float], float, float]:
    """Loss before each step, the longest gradient before clipping, and the longest step."""
    weights, losses, longest, step = start.clone().requires_grad_(), [], 0.0, 0.0
    for _ in range(STEPS):
        loss = (last_state(weights) - TARGET) ** 2
        weights.grad = None
        loss.backward()
        longest = max(longest, clip_grad_norm_(weights, threshold).item())
        weights.data.sub_(weights.grad, alpha=RATE)
        step = max(step, RATE * weights.grad.norm().item())
        losses.append(loss.item())
    return losses, longest, step


def _gradient_cliff(seed: int) -> Outcome:
    start = torch.tensor(START, dtype=torch.float64)
    start += JITTER * torch.randn(2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    values: dict[str, float] = {}
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for name, threshold in (("plain", inf), ("clipped", THRESHOLD)):
        losses, longest, step = descend(start, threshold)
        values |= {f"{name}_loss": losses[-1], f"{name}_longest_gradient": longest, f"{name}_longest_step": step}
        curves[name] = (list(range(STEPS)), [max(loss, 1e-12) for loss in losses])
    values["loss_ratio"] = values["plain_loss"] / values["clipped_loss"]
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Loss near the cliff", "zh": "悬崖附近的损失"},
        x=axis("step", "步数"),
        y=axis("loss", "损失", scale="log"),
        series=[curve(outcomes, "plain", "plain", "不裁剪"), curve(outcomes, "clipped", "clipped at 1", "裁剪到 1")],
        alt={
            "en": "Loss by step on a logarithmic axis: with clipping it falls toward zero, without it is thrown off the cliff and stays.",
            "zh": "损失随步数的变化（对数轴）：裁剪时降向零，不裁剪时被甩下悬崖后不再下降。",
        },
    )


gradient_cliff = Experiment(_gradient_cliff, seeds=(0, 1, 2, 3, 4), figure=_draw)
