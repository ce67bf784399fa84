"""The spread of the adaptive step size in the first steps of Adam and of RAdam, on pure noise."""

from __future__ import annotations

from typing import Any

import torch

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.training.adam import Adam
from refimpl.training.radam import RAdam

__all__ = ["radam_variance"]

COORDINATES, STEPS, BETA = 5000, 1000, 0.999
CHECKS = tuple(sorted({*range(6, 20), *(int(20 * 1.15**i) for i in range(28)), STEPS}))
"""RAdam leaves the second moment alone before its sixth step."""


def spreads(rule: type[Adam] | type[RAdam], generator: torch.Generator) -> list[float]:
    """Variance over coordinates of step / gradient at each of ``CHECKS``, for normal gradients and a step size of 1."""
    point = torch.zeros(COORDINATES, dtype=torch.float64, requires_grad=True)
    optimizer, found = rule([point], lr=1.0, betas=(0.0, BETA)), []
    for step in range(1, STEPS + 1):
        gradient = torch.randn(COORDINATES, dtype=torch.float64, generator=generator)
        before, point.grad = point.detach().clone(), gradient
        optimizer.step()
        if step in CHECKS:
            found.append(((before - point.detach()) / gradient).var().item())
    return found


def _radam_variance(seed: int) -> Outcome:
    found = {name: spreads(rule, torch.Generator().manual_seed(seed)) for name, rule in (("adam", Adam), ("radam", RAdam))}
    values = {f"{name}_{when}": series[i] for name, series in found.items() for when, i in (("first", 0), ("last", -1))}
    values |= {
        "adam_first_over_last": values["adam_first"] / values["adam_last"],
        "radam_first_over_last": values["radam_first"] / values["radam_last"],
    }
    return Outcome(values, {name: (CHECKS, series) for name, series in found.items()})


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Variance of the adaptive step size on noise", "zh": "噪声上自适应步长的方差"},
        x=axis("step", "步数", scale="log"),
        y=axis("variance", "方差", scale="log"),
        series=[curve(outcomes, "adam", "Adam", "Adam"), curve(outcomes, "radam", "RAdam", "RAdam")],
        alt={
            "en": "Variance of the adaptive step size by step, both axes logarithmic: Adam's is large at first and falls, "
            "RAdam's is level.",
            "zh": "自适应步长的方差随步数的变化（双对数轴）：Adam 起初很大而后下降，RAdam 大致持平。",
        },
    )


radam_variance = Experiment(_radam_variance, seeds=(0, 1, 2), figure=_draw)
