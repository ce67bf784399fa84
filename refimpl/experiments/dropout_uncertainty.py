"""The spread of Monte Carlo dropout on the data and away from them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.experiments.sequences import learn
from refimpl.training.dropout import Dropout
from refimpl.training.mc_dropout import predict, sample

__all__ = ["dropout_uncertainty"]

EXAMPLES, WIDTH, DROP, STEPS, RATE, DRAWS = 40, 100, 0.1, 600, 0.01, 300
PLACES = torch.linspace(-4, 4, 65)
INSIDE, OUTSIDE = 1.0, 3.0


def _dropout_uncertainty(seed: int) -> Outcome:
    generator = torch.Generator().manual_seed(seed)
    x = 2 * torch.rand(EXAMPLES, 1, generator=generator) - 1  # all data lie in [-1, 1]
    y = torch.sin(3 * x) + 0.05 * torch.randn(EXAMPLES, 1, generator=generator)
    parts: list[nn.Module] = []
    for inputs in (1, WIDTH):
        parts += [nn.Linear(inputs, WIDTH), nn.ReLU(), Dropout(DROP)]
    model = nn.Sequential(*parts, nn.Linear(WIDTH, 1))
    learn(lambda: (model(x) - y).square().mean(), model.parameters(), STEPS, RATE)
    with torch.no_grad():
        deviation = predict(sample(model, PLACES[:, None], DRAWS))[1].sqrt().squeeze(1)
    inside, outside = deviation[PLACES.abs() <= INSIDE].mean().item(), deviation[PLACES.abs() >= OUTSIDE].mean().item()
    values = {"inside": inside, "outside": outside, "ratio": outside / inside}
    return Outcome(values, {"deviation": (PLACES.tolist(), deviation.tolist())})


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Standard deviation of 300 predictions", "zh": "300 次预测的标准差"},
        x=axis("input; the data lie in [-1, 1]", "输入；数据都在 [-1, 1] 内"),
        y=axis("standard deviation", "标准差"),
        series=[curve(outcomes, "deviation", "Monte Carlo dropout", "蒙特卡洛随机失活")],
        alt={
            "en": "Standard deviation of the predictions from -4 to 4: lowest where the data lie, and rising with the distance from them.",
            "zh": "从 -4 到 4 的预测标准差：在有数据处最低，离数据越远越大。",
        },
    )


dropout_uncertainty = Experiment(_dropout_uncertainty, seeds=(0, 1, 2, 3, 4), figure=_draw)
