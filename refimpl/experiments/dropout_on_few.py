"""A network with and without dropout on 200 of the digits."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from refimpl.experiments.classification import accuracy, digit_rows, fit
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.training.dropout import Dropout

__all__ = ["dropout_on_few"]

EXAMPLES, WIDTH, EPOCHS, CHECK, BATCH, RATE = 200, 256, 60, 6, 20, 0.1
RATES = {"plain": 0.0, "half": 0.5}


def _dropout_on_few(seed: int) -> Outcome:
    x, y, x_test, y_test = digit_rows(seed)
    x, y = x[:EXAMPLES], y[:EXAMPLES]
    values: dict[str, float] = {}
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for name, p in RATES.items():
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        parts: list[nn.Module] = []
        for inputs in (64, WIDTH):
            parts += [nn.Linear(inputs, WIDTH), nn.ReLU(), Dropout(p)]
        model, shares = nn.Sequential(*parts, nn.Linear(WIDTH, 10)), []
        optimizer = torch.optim.SGD(model.parameters(), RATE)
        for _ in range(EPOCHS // CHECK):
            fit(model, x, y, optimizer, count=CHECK, batch=BATCH, generator=generator)
            shares.append(accuracy(model, x_test, y_test))
        values |= {f"{name}_accuracy": shares[-1], f"{name}_training_accuracy": accuracy(model, x, y)}
        curves[name] = (list(range(CHECK, EPOCHS + 1, CHECK)), shares)
    values["gain"] = values["half_accuracy"] - values["plain_accuracy"]
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Two layers of 256 units on 200 digits", "zh": "200 个数字上的两层 256 单元网络"},
        x=axis("epoch", "训练轮次"),
        y=axis("test accuracy", "测试准确率"),
        series=[curve(outcomes, "half", "dropout 0.5", "随机失活 0.5"), curve(outcomes, "plain", "none", "无")],
        alt={
            "en": "Test accuracy by epoch with dropout and without: the two curves end within a point of each other.",
            "zh": "有无随机失活时每轮之后的测试准确率：两条曲线最后相差一个百分点左右。",
        },
    )


dropout_on_few = Experiment(_dropout_on_few, seeds=(0, 1, 2, 3, 4), figure=_draw)
