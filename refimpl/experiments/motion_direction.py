"""Which way a dot moves, told from single frames and from frames between which channels are shifted."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from refimpl.compression.tsm import TemporalShift
from refimpl.experiments.classification import accuracy
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.experiments.sequences import learn
from refimpl.foundations.softmax_cross_entropy import cross_entropy

__all__ = ["motion_direction"]

FRAMES, SIZE, CHANNELS, BATCH, STEPS, CHECK, RATE, TESTS = 4, 8, 8, 32, 200, 20, 0.01, 400
MOVES = torch.tensor([[0, 1], [0, -1], [1, 0], [-1, 0]])


def clips(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A dot that moves one pixel a frame on a torus: ``(count, FRAMES, 1, SIZE, SIZE)``, and which of four ways, ``(count,)``."""
    way = torch.randint(len(MOVES), (count,), generator=generator)
    start = torch.randint(SIZE, (count, 2), generator=generator)
    place = (start[:, None] + torch.arange(FRAMES)[:, None] * MOVES[way][:, None]) % SIZE  # (count, FRAMES, 2)
    frames = torch.zeros(count, FRAMES, 1, SIZE, SIZE)
    frames[torch.arange(count)[:, None], torch.arange(FRAMES), 0, place[..., 0], place[..., 1]] = 1.0
    return frames, way


class Frames(nn.Module):
    """Two convolutions on each frame, the second on shifted channels if ``shifted``; scores are means over places and frames."""

    def __init__(self, shifted: bool) -> None:
        super().__init__()
        wrap = (lambda layer: TemporalShift(layer, FRAMES, fold_div=4)) if shifted else (lambda layer: layer)
        around = {"padding": 1, "padding_mode": "circular"}
        self.body = nn.Sequential(
            *(nn.Conv2d(1, CHANNELS, 3, **around), nn.ReLU()),
            *(wrap(nn.Conv2d(CHANNELS, 2 * CHANNELS, 3, **around)), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        )
        self.read = nn.Linear(2 * CHANNELS, len(MOVES))

    def forward(self, x: Tensor) -> Tensor:
        scores = self.read(SIZE**2 * self.body(x.flatten(0, 1)))  # the pooled mean of one dot is small
        return scores.unflatten(0, (-1, FRAMES)).mean(1)


def train(model: Frames, generator: torch.Generator) -> list[float]:
    """Accuracy on clips that were drawn before, every ``CHECK`` steps."""
    tests, shares = clips(TESTS, generator), []

    def loss() -> Tensor:
        x, y = clips(BATCH, generator)
        return cross_entropy(model(x), y)

    def check(step: int) -> None:
        if step % CHECK == 0:
            shares.append(accuracy(model, *tests))

    learn(loss, model.parameters(), STEPS, RATE, after=check)
    return shares


def _motion_direction(seed: int) -> Outcome:
    values: dict[str, float] = {}
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for name, shifted in (("shifted", True), ("frames", False)):
        torch.manual_seed(seed)
        model = Frames(shifted)
        shares = train(model, torch.Generator().manual_seed(seed))
        values |= {f"{name}_accuracy": shares[-1], f"{name}_weights": sum(p.numel() for p in model.parameters())}
        curves[name] = (list(range(CHECK, STEPS + 1, CHECK)), shares)
    values["more_weights"] = values["shifted_weights"] - values["frames_weights"]
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Which of four ways a dot moves", "zh": "判断点的四种运动方向"},
        x=axis("step", "步数"),
        y=axis("accuracy", "准确率"),
        series=[curve(outcomes, "shifted", "with the shift", "有时间移位"), curve(outcomes, "frames", "single frames", "逐帧")],
        alt={
            "en": "Accuracy by training step: with the temporal shift it rises to nearly 1, frame by frame it stays at one in four.",
            "zh": "准确率随训练步数的变化：有时间移位时升到接近 1，逐帧处理停在四分之一。",
        },
    )


motion_direction = Experiment(_motion_direction, seeds=(0, 1, 2), figure=_draw)
