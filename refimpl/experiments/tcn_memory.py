"""A temporal convolutional network beside an LSTM of as many weights, on copy memory and on the adding problem."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure, panels
from refimpl.experiments.sequences import ADDING_BASELINE, SYMBOLS, adding, copy_baseline, copy_memory, learn, means
from refimpl.foundations.softmax_cross_entropy import cross_entropy
from refimpl.recurrent.lstm import LSTM
from refimpl.recurrent.tcn import TemporalConvNet

__all__ = ["tcn_memory"]

LAG, KEPT, LENGTH, BATCH, WINDOW = 30, 5, 30, 32, 25
BLOCKS, TAPS, CHANNELS, HIDDEN = 4, 4, 16, 42
STEPS, RATE = 250, 0.005


class Reader(nn.Module):
    """A sequence model, time first, with a linear read-out at each step."""

    def __init__(self, kind: str, inputs: int, outputs: int) -> None:
        super().__init__()
        self.kind = kind
        self.body = TemporalConvNet(inputs, (CHANNELS,) * BLOCKS, TAPS, dropout=0.0) if kind == "tcn" else LSTM(inputs, HIDDEN)
        self.read = nn.Linear(CHANNELS if kind == "tcn" else HIDDEN, outputs)

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "tcn":
            return self.read(self.body(x.permute(1, 2, 0)).permute(2, 0, 1))
        return self.read(self.body(x)[0])


def copy_loss(model: nn.Module, generator: torch.Generator) -> Tensor:
    """Cross-entropy over all steps of copy memory."""
    inputs, target = copy_memory(LAG, KEPT, BATCH, generator)
    return cross_entropy(model(inputs).flatten(0, 1), target.flatten())


def adding_loss(model: nn.Module, generator: torch.Generator) -> Tensor:
    """Mean squared error on the adding problem."""
    inputs, target = adding(LENGTH, BATCH, generator)
    return (model(inputs)[-1].squeeze(1) - target).square().mean()


TASKS: dict[str, tuple[Callable[[nn.Module, torch.Generator], Tensor], int, int, float]] = {
    "copy": (copy_loss, SYMBOLS + 2, SYMBOLS + 2, copy_baseline(LAG, KEPT)),
    "adding": (adding_loss, 2, 1, ADDING_BASELINE),
}
"""Loss, inputs, outputs, and the loss without any memory."""


def _tcn_memory(seed: int) -> Outcome:
    values: dict[str, float] = {}
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for task, (loss, inputs, outputs, baseline) in TASKS.items():
        for kind in ("tcn", "lstm"):
            torch.manual_seed(seed)
            model, generator = Reader(kind, inputs, outputs), torch.Generator().manual_seed(seed)
            losses = learn(lambda model=model, g=generator, loss=loss: loss(model, g), model.parameters(), STEPS, RATE, max_norm=1.0)
            curves[f"{task} {kind}"] = means(losses, WINDOW)
            values[f"{task}_{kind}_of_baseline"] = curves[f"{task} {kind}"][1][-1] / baseline
            values[f"{task}_{kind}_weights"] = sum(p.numel() for p in model.parameters())
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    alt = {
        "en": "Loss by update on both tasks, on logarithmic axes: the convolutional network's falls, the LSTM's stays near that "
        "of no memory.",
        "zh": "两个任务上损失随更新次数的变化（对数轴）：卷积网络的损失下降，LSTM 的停在没有记忆时的水平附近。",
    }
    drawn = [
        figure(
            "lines",
            title={"en": en, "zh": zh},
            x=axis("update", "更新次数"),
            y=axis("loss", "损失", scale="log"),
            series=[curve(outcomes, f"{task} tcn", "TCN", "TCN"), curve(outcomes, f"{task} lstm", "LSTM", "LSTM")],
            alt=alt,
        )
        for task, en, zh in (
            ("copy", "Copy memory, lag 30", "复制记忆，时滞 30"),
            ("adding", "Adding problem, 30 steps", "加法问题，30 步"),
        )
    ]
    return panels({"en": "TCN and LSTM with as many weights", "zh": "权重数相当的 TCN 与 LSTM"}, drawn, alt)


tcn_memory = Experiment(_tcn_memory, seeds=(0, 1, 2), figure=_draw)
