"""Digits that are moved off the place where they were learned: a fully connected network and a convolutional one."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.data import digits_split
from refimpl.experiments.classification import accuracy, fit
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.foundations.mlp import MLP

__all__ = ["shifted_digits"]

MARGIN, CHANNELS, HIDDEN, EPOCHS, BATCH, RATE, SHIFT = 3, 16, 64, 9, 32, 5e-3, 3


class Pooled(nn.Module):
    """Three convolutions, the largest value of each channel over all positions, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        widths = (1, CHANNELS, CHANNELS, CHANNELS)
        self.layers = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(widths))
        self.read = nn.Linear(CHANNELS, 10)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = F.relu(layer(x))
        return self.read(x.amax((2, 3)))


def _shifted_digits(seed: int) -> Outcome:
    data = digits_split(seed=seed)
    x, x_test = (F.pad(images, (MARGIN,) * 4) for images in (data.x, data.x_test))
    size = (8 + 2 * MARGIN) ** 2
    models = {"connected": nn.Sequential(nn.Flatten(), MLP([size, HIDDEN, 10], "relu")), "convolutional": Pooled()}
    values: dict[str, float] = {}
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for name, model in models.items():
        generator = torch.Generator().manual_seed(seed)
        fit(model, x, data.y, torch.optim.Adam(model.parameters(), RATE), count=EPOCHS, batch=BATCH, generator=generator)
        shares = [
            sum(accuracy(model, x_test.roll(step, dim), data.y_test) for step in (-shift, shift) for dim in (2, 3)) / 4
            for shift in range(SHIFT + 1)
        ]
        values |= {f"{name}_accuracy": shares[0], f"{name}_shifted": shares[-1]}
        curves[name] = (list(range(SHIFT + 1)), shares)
    values["convolutional_drop"] = values["convolutional_accuracy"] - values["convolutional_shifted"]
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Test digits moved to a side", "zh": "向一侧移动的测试数字"},
        x=axis("pixels", "像素"),
        y=axis("accuracy", "准确率"),
        series=[
            curve(outcomes, "convolutional", "convolutional", "卷积网络"),
            curve(outcomes, "connected", "fully connected", "全连接网络"),
        ],
        alt={
            "en": "Accuracy against the shift in pixels: level for the convolutional network, falling to about one half or less "
            "for the other.",
            "zh": "准确率随平移像素数的变化：卷积网络持平，全连接网络降到一半左右或更低。",
        },
    )


shifted_digits = Experiment(_shifted_digits, seeds=(0, 1, 2), figure=_draw)
