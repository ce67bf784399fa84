"""Workers tied to a center by springs beside a worker on its own, on the digits, by the steps between two exchanges."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from refimpl.experiments.classification import digit_rows
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.foundations.softmax_cross_entropy import cross_entropy
from refimpl.training.easgd import elastic_average

__all__ = ["elastic_averaging"]

WORKERS, STEPS, BATCH, RATE, CHECK = 8, 600, 4, 0.5, 20
PERIODS = (1, 4, 16, 64)
BETA = 0.9
"""The paper's choice for the center's share in the mean of the workers."""


def descend(x: Tensor, y: Tensor, workers: int, period: int, generator: torch.Generator) -> tuple[list[float], Tensor, Tensor]:
    """Training loss of the center every ``CHECK`` steps, the workers' weights and the center at the end.

    The model is a linear classifier; worker i's weights are ``w[i]``, ``(10, 64)``. A single worker is its own center.
    """
    w, center = torch.zeros(workers, 10, x.shape[1]), torch.zeros(10, x.shape[1])
    losses = []
    for step in range(1, STEPS + 1):
        rows = torch.randint(len(x), (workers, BATCH), generator=generator)
        w.requires_grad_()
        scores = x[rows] @ w.transpose(1, 2)  # (workers, BATCH, 10)
        loss = cross_entropy(scores.flatten(0, 1), y[rows].flatten(), reduction="sum") / BATCH  # a mean for each worker
        (gradient,) = torch.autograd.grad(loss, w)
        w = w.detach() - RATE * gradient
        if workers == 1:
            center = w[0]
        elif step % period == 0:
            w, center = elastic_average(w, center, BETA / workers)
        if step % CHECK == 0:
            losses.append(cross_entropy(x @ center.t(), y).item())
    return losses, w, center


def _elastic_averaging(seed: int) -> Outcome:
    x, y, *_ = digit_rows(seed)
    curves: dict[str, tuple[list[int], list[float]]] = {}
    values: dict[str, float] = {}
    ends: dict[str, float] = {}
    for name, workers, period in (("alone", 1, 1), *((f"period_{period}", WORKERS, period) for period in PERIODS)):
        losses, w, center = descend(x, y, workers, period, torch.Generator().manual_seed(seed))
        ends[name] = sum(losses[-5:]) / 5
        curves[name] = (list(range(CHECK, STEPS + 1, CHECK)), losses)
        if name == "period_16":
            own = torch.stack([cross_entropy(x @ weight.t(), y) for weight in w]).mean().item()
            values["center_over_workers"] = cross_entropy(x @ center.t(), y).item() / own
    values |= {f"{name}_over_alone": end / ends["alone"] for name, end in ends.items() if name != "alone"}
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    every = {"period_1": "1", "period_16": "16", "period_64": "64"}
    return figure(
        "lines",
        title={"en": "Training loss of the center, eight workers", "zh": "八个工作节点时中心变量的训练损失"},
        x=axis("steps of each worker", "每个节点的步数"),
        y=axis("training loss", "训练损失", scale="log"),
        series=[
            curve(outcomes, "alone", "one worker", "单个节点"),
            *(curve(outcomes, name, f"exchange every {period}", f"每 {period} 步交换") for name, period in every.items()),
        ],
        alt={
            "en": "Training loss by step on a logarithmic axis: that of the center of eight workers ends lower and smoother than "
            "that of one "
            "worker, for exchanges at every step and at every sixteenth.",
            "zh": "训练损失随步数的变化（对数轴）：八个节点的中心变量最后比单个节点更低、更平稳，每步交换与每十六步交换都是如此。",
        },
    )


elastic_averaging = Experiment(_elastic_averaging, seeds=(0, 1, 2), figure=_draw)
