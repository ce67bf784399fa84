"""ReLU, leaky ReLU of several slopes, PReLU and RReLU on the digits."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from refimpl.experiments.classification import accuracy, digit_rows, fit
from refimpl.experiments.outcome import Experiment, Outcome, axis, bar, figure
from refimpl.foundations.activation_layers import PReLU, RReLU
from refimpl.foundations.activation_rectifiers import leaky_relu, relu
from refimpl.training.kaiming import kaiming_normal_

__all__ = ["leaky_slopes"]

WIDTH, DEPTH, EPOCHS, BATCH, RATE = 100, 3, 12, 32, 0.05
SLOPES = {"leaky_0_01": 0.01, "leaky_0_18": 1 / 5.5}
NAMES = {"relu": "ReLU", "leaky_0_01": "0.01", "leaky_0_18": "1/5.5", "prelu": "PReLU", "rrelu": "RReLU"}


class Rectifier(nn.Module):
    """ReLU, or leaky ReLU of a fixed slope."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return leaky_relu(x, self.slope) if self.slope else relu(x)


def layer(name: str) -> nn.Module:
    """A new layer of the named activation."""
    return {"prelu": PReLU, "rrelu": RReLU}[name]() if name in ("prelu", "rrelu") else Rectifier(SLOPES.get(name, 0.0))


def _leaky_slopes(seed: int) -> Outcome:
    x, y, x_test, y_test = digit_rows(seed)
    values: dict[str, float] = {}
    for name in NAMES:
        generator = torch.Generator().manual_seed(seed)  # the same weights and order for all
        torch.manual_seed(seed)
        parts: list[nn.Module] = []
        for inputs in (64, *(WIDTH,) * (DEPTH - 1)):
            parts += [nn.Linear(inputs, WIDTH), layer(name)]
            kaiming_normal_(parts[-2].weight, generator=generator)
        model = nn.Sequential(*parts, nn.Linear(WIDTH, 10))
        fit(model, x, y, torch.optim.SGD(model.parameters(), RATE), count=EPOCHS, batch=BATCH, generator=generator)
        values[f"{name}_error"] = 1 - accuracy(model, x_test, y_test)
    gains = {"steep": "leaky_0_18", "random": "rrelu", "prelu": "prelu"}
    values |= {f"{gain}_gain": values["relu_error"] - values[f"{name}_error"] for gain, name in gains.items()}
    return Outcome(values)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "bars",
        title={"en": "Test error on the digits", "zh": "数字数据上的测试错误率"},
        x=axis("slope below zero", "负半轴斜率"),
        y=axis("test error", "测试错误率"),
        series=[bar(outcomes, {f"{key}_error": name for key, name in NAMES.items()}, "test error", "测试错误率")],
        alt={
            "en": "Test error of five activations, with the standard deviation over seeds: the differences are within the spread.",
            "zh": "五种激活函数的测试错误率及各种子间的标准差：差别都在波动范围之内。",
        },
    )


leaky_slopes = Experiment(_leaky_slopes, seeds=(0, 1, 2, 3, 4), figure=_draw)
