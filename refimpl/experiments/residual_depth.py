"""The degradation of plain networks with depth, and residual ones, on the digits."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.convolution.resnet import BasicBlock
from refimpl.data import digits_split
from refimpl.experiments.classification import accuracy, fit
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.training.kaiming import kaiming_normal_

__all__ = ["residual_depth"]

CHANNELS, BLOCKS, EPOCHS, BATCH, RATE, EXAMPLES = 8, 20, 5, 32, 0.02, 960


class PlainBlock(BasicBlock):
    """The same two convolutions without the identity beside them."""

    def forward(self, input: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(input)), inplace=True)
        return F.relu(self.bn2(self.conv2(x)), inplace=True)


def network(block: type[BasicBlock], generator: torch.Generator) -> nn.Sequential:
    """A convolution, ``BLOCKS`` blocks at full resolution, the mean over the image, and a linear layer."""
    stem = nn.Conv2d(1, CHANNELS, 3, padding=1)
    model = nn.Sequential(
        stem, *(block(CHANNELS, CHANNELS) for _ in range(BLOCKS)), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(CHANNELS, 10)
    )
    for part in model.modules():
        if isinstance(part, nn.Conv2d):
            kaiming_normal_(part.weight, nonlinearity="relu", generator=generator)
    return model


def _residual_depth(seed: int) -> Outcome:
    x, y, *_ = digits_split(seed=seed)
    x, y = x[:EXAMPLES], y[:EXAMPLES]
    values: dict[str, float] = {}
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for name, block in (("residual", BasicBlock), ("plain", PlainBlock)):
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)
        model = network(block, generator)
        optimizer = torch.optim.SGD(model.parameters(), RATE, momentum=0.9)
        losses = fit(model, x, y, optimizer, count=EPOCHS, batch=BATCH, generator=generator)
        curves[name] = (list(range(1, EPOCHS + 1)), losses)
        values |= {f"{name}_loss": losses[-1], f"{name}_accuracy": accuracy(model, x, y)}
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Training loss, 41 convolutions deep", "zh": "41 个卷积层的训练损失"},
        x=axis("epoch", "训练轮次"),
        y=axis("training loss", "训练损失"),
        series=[curve(outcomes, "residual", "residual", "残差网络"), curve(outcomes, "plain", "plain", "普通网络")],
        alt={
            "en": "Training loss by epoch: the residual network's falls, the plain one's hardly does.",
            "zh": "每轮的平均训练损失：残差网络的损失下降，普通网络几乎不降。",
        },
    )


residual_depth = Experiment(_residual_depth, seeds=(0, 1, 2), figure=_draw)
