"""How probable test digits are under PixelCNN, under independent pixels, and under a mixture of those by class."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from refimpl.data import digits_split
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.experiments.sequences import learn
from refimpl.generative.pixelcnn import PixelCNN

__all__ = ["pixels_in_order"]

CHANNELS, LAYERS, FIRST, BATCH, STEPS, CHECK, RATE = 12, 4, 5, 64, 450, 50, 5e-3


def mixture_nats(x: Tensor, x_test: Tensor, y: Tensor) -> float:
    """Mean -log p of test images under a mixture of the classes in ``y``, each with independent pixels.

    Pixels are on as often as in ``x``, with one more of either value; classes are as frequent as in ``y``.
    """
    parts = []
    for c in y.unique():
        of_class = x[y == c]
        share = (of_class.sum(0) + 1) / (len(of_class) + 2)
        logs = (x_test * share.log() + (1 - x_test) * (1 - share).log()).flatten(1).sum(1)
        parts.append(logs + torch.tensor(len(of_class) / len(x)).log())
    return -torch.stack(parts).logsumexp(0).mean().item()


def _pixels_in_order(seed: int) -> Outcome:
    data = digits_split(seed=seed)
    x, x_test = ((images > 0.5).float() for images in (data.x, data.x_test))
    generator, model, found = torch.Generator().manual_seed(seed), PixelCNN(2, CHANNELS, LAYERS, 3, FIRST), []

    def loss() -> Tensor:
        return -model.log_likelihood(x[torch.randint(len(x), (BATCH,), generator=generator)]).mean()

    def check(step: int) -> None:
        if step % CHECK == 0:
            with torch.no_grad():
                found.append(-model.log_likelihood(x_test).mean().item())

    learn(loss, model.parameters(), STEPS, RATE, after=check)
    values = {
        "pixelcnn": found[-1],
        "independent": mixture_nats(x, x_test, torch.zeros_like(data.y)),
        "mixture": mixture_nats(x, x_test, data.y),
    }
    values |= {f"gain_over_{name}": values[name] - values["pixelcnn"] for name in ("independent", "mixture")}
    steps = list(range(CHECK, STEPS + 1, CHECK))
    return Outcome(
        values, {"pixelcnn": (steps, found)} | {name: (steps, [values[name]] * len(steps)) for name in ("independent", "mixture")}
    )


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    labels = {
        "pixelcnn": ("PixelCNN", "PixelCNN"),
        "independent": ("independent pixels", "像素独立"),
        "mixture": ("ten classes of them", "十个类别的混合"),
    }
    return figure(
        "lines",
        title={"en": "Binary test digits", "zh": "二值测试数字"},
        x=axis("step", "步数"),
        y=axis("nats per image", "每幅图像的奈特数"),
        series=[curve(outcomes, name, *label) for name, label in labels.items()],
        alt={
            "en": "Negative log-likelihood of test images by training step: PixelCNN's falls below the level lines of "
            "independent pixels, with and "
            "without the class.",
            "zh": "测试图像的负对数似然随训练步数的变化：PixelCNN 降到像素独立及其按类别混合的两条水平线之下。",
        },
    )


pixels_in_order = Experiment(_pixels_in_order, seeds=(0, 1, 2), figure=_draw)
