"""The L1 and the L2 penalty on a linear classifier whose inputs are mostly noise."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.foundations.softmax_cross_entropy import cross_entropy
from refimpl.training.weight_penalty import l2_penalty, soft_threshold

__all__ = ["sparse_weights"]

EXAMPLES, TESTS, INPUTS, USEFUL, NOISE = 200, 2000, 100, 5, 0.5
STEPS, RATE = 300, 0.5
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1)
AT = 0.03


def train(x: Tensor, y: Tensor, l1: float, l2: float) -> Tensor:
    """Weights of a logistic classifier: full gradient steps, the L1 penalty by its proximal map, the L2 penalty in the loss."""
    w = torch.zeros(INPUTS, requires_grad=True)
    for _ in range(STEPS):
        scores = x @ w
        loss = cross_entropy(torch.stack((-scores / 2, scores / 2), 1), y) + l2_penalty(w, l2)
        (gradient,) = torch.autograd.grad(loss, w)
        w = soft_threshold(w.detach() - RATE * gradient, RATE * l1).requires_grad_()
    return w.detach()


def _sparse_weights(seed: int) -> Outcome:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(EXAMPLES + TESTS, INPUTS, generator=generator)
    score = x[:, :USEFUL].sum(1) + NOISE * torch.randn(len(x), generator=generator)
    y = (score > 0).long()
    zeros: dict[str, list[float]] = {"l1": [], "l2": []}
    values: dict[str, float] = {}
    for strength in STRENGTHS:
        for name in zeros:
            w = train(x[:EXAMPLES], y[:EXAMPLES], **{"l1": 0.0, "l2": 0.0, name: strength})
            zeros[name].append((w == 0).double().mean().item())
            if strength == AT:
                right = ((x[EXAMPLES:] @ w > 0).long() == y[EXAMPLES:]).double().mean().item()
                values |= {f"{name}_zeros": zeros[name][-1], f"{name}_accuracy": right}
                values[f"{name}_useful_kept"] = int((w[:USEFUL] != 0).sum())
                values[f"{name}_largest_share"] = (w.abs().max() / w.abs().sum()).item()
    values["spread_ratio"] = values["l2_largest_share"] / values["l1_largest_share"]
    values["accuracy_gain"] = values["l1_accuracy"] - values["l2_accuracy"]
    return Outcome(values, {name: (STRENGTHS, shares) for name, shares in zeros.items()})


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Weights that are exactly zero", "zh": "恰好为零的权重"},
        x=axis("strength of the penalty", "惩罚强度", scale="log"),
        y=axis("share of the weights", "所占比例"),
        series=[curve(outcomes, "l1", "L1", "L1"), curve(outcomes, "l2", "L2", "L2")],
        alt={
            "en": "Share of weights that are exactly zero against the strength of the penalty: it rises to nearly all with L1, "
            "none with L2.",
            "zh": "恰好为零的权重比例随惩罚强度的变化：L1 升到几乎全部，L2 始终为零。",
        },
    )


sparse_weights = Experiment(_sparse_weights, seeds=(0, 1, 2, 3, 4), figure=_draw)
