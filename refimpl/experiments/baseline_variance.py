"""The spread of REINFORCE's gradient with and without a baseline, on episodes whose reward has a large constant part."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.reinforcement.actor_critic import discounted_returns, reinforce_loss

__all__ = ["baseline_variance"]

LENGTH, ACTIONS, EPISODES, OFFSETS = 5, 3, 2000, (0.0, 1.0, 2.0, 5.0, 10.0)
AT = 5.0


def gradients(logits: Tensor, prizes: Tensor, offset: float, baseline: bool, generator: torch.Generator) -> Tensor:
    """A gradient of the loss in the logits for each of ``EPISODES`` episodes, ``(EPISODES, LENGTH, ACTIONS)``.

    The reward of a step is the prize of its action plus ``offset``; the baseline is the expected return from there on.
    """
    policy = logits.softmax(1)
    expected = discounted_returns((policy * prizes).sum(1) + offset, torch.zeros(LENGTH, dtype=torch.bool), 1.0)
    found = []
    for actions in torch.multinomial(policy, EPISODES, replacement=True, generator=generator).t():  # (EPISODES, LENGTH)
        at = logits.clone().requires_grad_()
        rewards = prizes.gather(1, actions[:, None]).squeeze(1) + offset
        found.append(torch.autograd.grad(reinforce_loss(at, actions, rewards, 1.0, expected if baseline else None), at)[0])
    return torch.stack(found)


def true_gradient(logits: Tensor, prizes: Tensor) -> Tensor:
    """That of minus the expected sum of rewards, whose steps do not depend on one another."""
    at = logits.clone().requires_grad_()
    return torch.autograd.grad(-(at.softmax(1) * prizes).sum(), at)[0]


def _baseline_variance(seed: int) -> Outcome:
    generator = torch.Generator().manual_seed(seed)
    logits, prizes = torch.randn(2, LENGTH, ACTIONS, dtype=torch.float64, generator=generator)
    truth = true_gradient(logits, prizes)
    values: dict[str, float] = {}
    spreads: dict[str, list[float]] = {"plain": [], "baseline": []}
    for offset in OFFSETS:
        for name in spreads:
            found = gradients(logits, prizes, offset, name == "baseline", generator)
            error = found.mean(0) - truth
            spreads[name].append(found.var(0).sum().item())
            if offset == AT:
                values[f"{name}_bias_in_errors"] = (error.abs() / (found.std(0) / EPISODES**0.5)).mean().item()
    values["variance_ratio"] = spreads["plain"][OFFSETS.index(AT)] / spreads["baseline"][OFFSETS.index(AT)]
    values["baseline_change"] = max(spreads["baseline"]) / min(spreads["baseline"])
    return Outcome(values, {name: (OFFSETS, series) for name, series in spreads.items()})


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Variance of REINFORCE's gradient", "zh": "REINFORCE 梯度的方差"},
        x=axis("constant part of the reward", "奖励的常数部分"),
        y=axis("variance", "方差", scale="log"),
        series=[curve(outcomes, "plain", "no baseline", "无基线"), curve(outcomes, "baseline", "expected return", "以期望回报为基线")],
        alt={
            "en": "Variance of the gradient against the constant part of the reward, on a logarithmic axis: it grows without a "
            "baseline and is level "
            "with the expected return as the baseline.",
            "zh": "梯度方差随奖励常数部分的变化（对数轴）：无基线时增大，以期望回报为基线时持平。",
        },
    )


baseline_variance = Experiment(_baseline_variance, seeds=(0, 1, 2), figure=_draw)
