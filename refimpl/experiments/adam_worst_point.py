"""Adam, Adagrad and gradient descent on the periodic convex problem of Reddi, Kale and Kumar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.training.adagrad import Adagrad
from refimpl.training.adam import Adam
from refimpl.training.gradient_descent import GradientDescent
from refimpl.training.optimizer import Rule

__all__ = ["adam_worst_point"]

STEEP, PERIOD, STEPS, EVERY, RATE = 3.0, 3, 6000, 60, 0.1
RULES: dict[str, Callable[[list[Tensor]], Rule]] = {
    "adam": lambda p: Adam(p, lr=RATE, betas=(0.0, 1 / (1 + STEEP**2))),
    "adagrad": lambda p: Adagrad(p, lr=RATE),
    "descent": lambda p: GradientDescent(p, lr=RATE, power=0.5),
}
"""All steps shrink as one over the root of their number: Adagrad's by itself, Adam's as set below."""


def path(start: float, make: Callable[[list[Tensor]], Rule]) -> list[float]:
    """Points of projected descent in [-1, 1] on losses ``STEEP x`` at every third step and ``-x`` at the others."""
    x = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    rule, found = make([x]), []
    for step in range(1, STEPS + 1):
        x.grad = torch.tensor(STEEP if step % PERIOD == 1 else -1.0, dtype=torch.float64)
        if isinstance(rule, Adam):
            rule.param_groups[0]["lr"] = RATE / step**0.5
        rule.step()
        with torch.no_grad():
            x.clamp_(-1, 1)
        found.append(x.item())
    return found


def _adam_worst_point(seed: int) -> Outcome:
    start = 2 * torch.rand((), generator=torch.Generator().manual_seed(seed)).item() - 1
    paths = {name: path(start, rule) for name, rule in RULES.items()}
    values = {f"{name}_end": sum(found[-PERIOD * 100 :]) / (PERIOD * 100) for name, found in paths.items()}
    return Outcome(values, {name: (list(range(EVERY, STEPS + 1, EVERY)), found[EVERY - 1 :: EVERY]) for name, found in paths.items()})


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    labels = {"adam": ("Adam", "Adam"), "adagrad": ("Adagrad", "Adagrad"), "descent": ("gradient descent", "梯度下降")}
    return figure(
        "lines",
        title={"en": "Where the rules go; the best point is -1", "zh": "各方法的走向；最优点为 -1"},
        x=axis("step", "步数"),
        y=axis("point", "位置"),
        series=[curve(outcomes, name, *label) for name, label in labels.items()],
        alt={
            "en": "Point by step, from random starts: Adam goes to 1, the worst point; Adagrad and gradient descent go to -1, the best.",
            "zh": "从随机起点出发的位置随步数的变化：Adam 走向最差点 1，Adagrad 与梯度下降走向最优点 -1。",
        },
    )


adam_worst_point = Experiment(_adam_worst_point, seeds=(0, 1, 2, 3, 4), figure=_draw)
