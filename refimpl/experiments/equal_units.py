"""Units that start equal stay equal: a hidden layer from constant weights and from random ones."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from refimpl.experiments.classification import accuracy, digit_rows, fit
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.foundations.mlp import MLP
from refimpl.training.xavier import xavier_normal_

__all__ = ["equal_units"]

HIDDEN, EPOCHS, BATCH, RATE = 32, 10, 32, 0.1
CONSTANT = 0.1


def start(kind: str, generator: torch.Generator) -> nn.Module:
    """A network of one hidden layer with zero, constant or random weights, and zero biases."""
    model = MLP([64, HIDDEN, 10], "tanh")
    with torch.no_grad():
        for parameter in model.parameters():
            if kind == "random" and parameter.dim() == 2:
                xavier_normal_(parameter, generator=generator)
            else:
                parameter.fill_(CONSTANT if kind == "constant" and parameter.dim() == 2 else 0.0)
    return model


def rank(model: nn.Module) -> int:
    """How many different directions the hidden units have."""
    weight = next(p for p in model.parameters() if p.shape == (HIDDEN, 64))
    return int(torch.linalg.matrix_rank(weight.detach().double(), rtol=1e-4))


def _equal_units(seed: int) -> Outcome:
    x, y, x_test, y_test = digit_rows(seed)
    values: dict[str, float] = {}
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for kind in ("random", "constant", "zero"):
        generator = torch.Generator().manual_seed(seed)
        model = start(kind, generator)
        optimizer, shares = torch.optim.SGD(model.parameters(), RATE), []
        for _ in range(EPOCHS):
            fit(model, x, y, optimizer, count=1, batch=BATCH, generator=generator)
            shares.append(accuracy(model, x_test, y_test))
        values |= {f"{kind}_accuracy": shares[-1], f"{kind}_rank": rank(model)}
        curves[kind] = (list(range(1, EPOCHS + 1)), shares)
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    labels = {"random": ("random weights", "随机权重"), "constant": ("equal weights", "相等的权重"), "zero": ("zero weights", "零权重")}
    return figure(
        "lines",
        title={"en": "One hidden layer of 32 units on the digits", "zh": "数字数据上的 32 单元隐藏层"},
        x=axis("epoch", "训练轮次"),
        y=axis("test accuracy", "测试准确率"),
        series=[curve(outcomes, kind, *label) for kind, label in labels.items()],
        alt={
            "en": "Test accuracy by epoch: above nine in ten from random weights, about three in ten at most from equal ones, "
            "one in ten from zero.",
            "zh": "每轮之后的测试准确率：随机权重超过九成，相等的权重最多三成左右，零权重为一成。",
        },
    )


equal_units = Experiment(_equal_units, seeds=(0, 1, 2), figure=_draw)
