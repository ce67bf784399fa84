"""Large batches on the digits: the step size kept, scaled with the batch, and scaled with a warm-up."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from refimpl.experiments.classification import accuracy, digit_rows, fit
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.training.kaiming import kaiming_normal_
from refimpl.training.large_minibatch import WarmupMultiStepLR, scaled_lr

__all__ = ["large_batch_warmup"]

DEPTH, WIDTH, EPOCHS, WARM = 6, 64, 10, 3
SMALL, LARGE, RATE = 16, 128, 0.005
RUNS = {"small": (SMALL, False, 0), "kept": (LARGE, False, 0), "scaled": (LARGE, True, 0), "warm": (LARGE, True, WARM)}
"""Batch, whether the step size is scaled with it, and the epochs of warm-up."""


def network(generator: torch.Generator) -> nn.Sequential:
    """Hidden ReLU layers with He's weights."""
    parts: list[nn.Module] = []
    for inputs in (64, *(WIDTH,) * (DEPTH - 1)):
        parts += [nn.Linear(inputs, WIDTH), nn.ReLU()]
        kaiming_normal_(parts[-2].weight, generator=generator)
    return nn.Sequential(*parts, nn.Linear(WIDTH, 10))


def _large_batch_warmup(seed: int) -> Outcome:
    x, y, x_test, y_test = digit_rows(seed)
    x, y = x[: len(x) // LARGE * LARGE], y[: len(x) // LARGE * LARGE]
    values: dict[str, float] = {}
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for name, (batch, scaled, warm) in RUNS.items():
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)
        model = network(generator)
        scale = scaled_lr(1.0, batch, SMALL) if scaled else 1.0
        optimizer = torch.optim.SGD(model.parameters(), RATE, momentum=0.9)
        schedule = WarmupMultiStepLR(optimizer, scale, warm)
        losses = fit(model, x, y, optimizer, count=EPOCHS, batch=batch, generator=generator, scheduler=schedule)
        values |= {f"{name}_loss": losses[-1], f"{name}_error": 1 - accuracy(model, x_test, y_test)}
        curves[name] = (list(range(1, EPOCHS + 1)), losses)
    values |= {f"{name}_over_small": values[f"{name}_loss"] / values["small_loss"] for name in RUNS if name != "small"}
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    labels = {
        "small": ("batch 16", "批大小 16"),
        "kept": ("128, step size kept", "128，步长不变"),
        "scaled": ("128, scaled", "128，步长放大"),
        "warm": ("128, scaled, warm-up", "128，放大并预热"),
    }
    return figure(
        "lines",
        title={"en": "Training loss", "zh": "训练损失"},
        x=axis("epoch", "训练轮次"),
        y=axis("loss", "损失", scale="log"),
        series=[curve(outcomes, name, *label) for name, label in labels.items()],
        alt={
            "en": "Training loss by epoch on a logarithmic axis: lowest for batches of 16 and for batches of 128 with a scaled "
            "step size and "
            "warm-up, highest for 128 with the step size kept.",
            "zh": "每轮的训练损失（对数轴）：批大小 16，以及 128 且步长放大（无论预热与否）时最低；128 而步长不变时最高。",
        },
    )


large_batch_warmup = Experiment(_large_batch_warmup, seeds=(0, 1, 2), figure=_draw)
