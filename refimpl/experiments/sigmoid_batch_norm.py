"""A deep network of sigmoids learns the digits with batch normalization and stands still without."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from refimpl.experiments.classification import accuracy, digit_rows, fit
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.training.batch_norm import BatchNorm1d
from refimpl.training.xavier import xavier_normal_

__all__ = ["sigmoid_batch_norm"]

WIDTH, DEPTH, EPOCHS, BATCH, RATE = 100, 6, 10, 32, 0.1


def network(normalized: bool, generator: torch.Generator) -> nn.Sequential:
    """Sigmoid layers with Glorot's weights, and batch normalization before each sigmoid if ``normalized``."""
    parts: list[nn.Module] = []
    for inputs in (64, *(WIDTH,) * (DEPTH - 1)):
        parts += [nn.Linear(inputs, WIDTH), *([BatchNorm1d(WIDTH)] if normalized else []), nn.Sigmoid()]
    model = nn.Sequential(*parts, nn.Linear(WIDTH, 10))
    for part in model:
        if isinstance(part, nn.Linear):
            xavier_normal_(part.weight, generator=generator)
    return model


def _sigmoid_batch_norm(seed: int) -> Outcome:
    x, y, x_test, y_test = digit_rows(seed)
    values: dict[str, float] = {}
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for name, normalized in (("normalized", True), ("plain", False)):
        generator = torch.Generator().manual_seed(seed)
        model = network(normalized, generator)
        optimizer, shares = torch.optim.SGD(model.parameters(), RATE, momentum=0.9), []
        for _ in range(EPOCHS):
            fit(model, x, y, optimizer, count=1, batch=BATCH, generator=generator)
            shares.append(accuracy(model, x_test, y_test))
        values[f"{name}_accuracy"] = shares[-1]
        curves[name] = (list(range(1, EPOCHS + 1)), shares)
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Six sigmoid layers on the digits", "zh": "数字数据上的六个 sigmoid 层"},
        x=axis("epoch", "训练轮次"),
        y=axis("test accuracy", "测试准确率"),
        series=[curve(outcomes, "normalized", "batch norm", "批归一化"), curve(outcomes, "plain", "none", "无归一化")],
        alt={
            "en": "Test accuracy by epoch: with batch normalization it rises above nine in ten, without it stays at one in ten.",
            "zh": "每轮之后的测试准确率：有批归一化时升到九成以上，没有时停在一成左右。",
        },
    )


sigmoid_batch_norm = Experiment(_sigmoid_batch_norm, seeds=(0, 1, 2), figure=_draw)
