"""How far the normalized value of an image depends on the images beside it, by the size of the batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from refimpl.data import digits_split
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.training.batch_norm import BatchNorm2d
from refimpl.training.batch_renorm import BatchRenorm2d
from refimpl.training.group_norm import GroupNorm

__all__ = ["small_batch_norm"]

CHANNELS, GROUPS, BATCHES, DRAWS, IMAGES = 16, 4, (2, 4, 8, 16, 32, 64), 100, 20
UNBOUNDED = 1e6
"""For the bounds of batch renormalization: no bound in effect."""


def norms(features: Tensor) -> dict[str, nn.Module]:
    """The three layers in training; the moving averages of the last stand at the statistics of all images."""
    renorm = BatchRenorm2d(CHANNELS, eps=1e-5, momentum=1.0)
    renorm(features)
    renorm.momentum, renorm.r_max, renorm.d_max = 0.0, UNBOUNDED, UNBOUNDED
    return {"batch": BatchNorm2d(CHANNELS), "group": GroupNorm(GROUPS, CHANNELS), "renorm": renorm}


def dependence(norm: nn.Module, features: Tensor, batch: int, generator: torch.Generator) -> float:
    """Standard deviation over random companions of an image's normalized values, relative to that over all values.

    Each of the first ``IMAGES`` images is normalized in ``DRAWS`` batches, the others of which are drawn from the rest.
    """
    rest = features[IMAGES:]
    seen = []
    for _ in range(DRAWS):
        companions = rest[torch.randint(len(rest), (IMAGES, batch - 1), generator=generator)]
        seen.append(
            torch.stack([norm(torch.cat((image[None], others)))[0] for image, others in zip(features[:IMAGES], companions, strict=True)])
        )
    values = torch.stack(seen)  # (DRAWS, IMAGES, C, H, W)
    return (values.var(0).mean() / values.var()).sqrt().item()


@torch.no_grad()
def _small_batch_norm(seed: int) -> Outcome:
    x = digits_split(seed=seed).x[:600]
    features = nn.Conv2d(1, CHANNELS, 3, stride=2)(x)
    found: dict[str, list[float]] = {}
    for name, norm in norms(features).items():
        generator = torch.Generator().manual_seed(seed)
        found[name] = [dependence(norm, features, batch, generator) for batch in BATCHES]
    values = {f"{name}_at_2": series[0] for name, series in found.items()}
    values |= {"batch_at_64": found["batch"][-1], "batch_growth": found["batch"][0] / found["batch"][-1]}
    return Outcome(values, {name: (BATCHES, series) for name, series in found.items()})


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    labels = {
        "batch": ("batch norm", "批归一化"),
        "renorm": ("batch renorm", "批重归一化"),
        "group": ("group norm", "组归一化"),
    }
    return figure(
        "lines",
        title={"en": "What the companions in a batch change", "zh": "同批样本带来的变化"},
        x=axis("batch", "批大小", scale="log"),
        y=axis("relative standard deviation", "相对标准差"),
        series=[curve(outcomes, name, *label) for name, label in labels.items()],
        alt={
            "en": "Relative standard deviation of an image's normalized values over random companions, by batch size: with batch "
            "normalization it "
            "falls from the smallest batch to the largest; with group normalization and batch renormalization it is zero.",
            "zh": "同一图像的归一化值随随机同批样本变化的相对标准差，按批大小：批归一化从最小的批到最大的批递减，"
            "组归一化与批重归一化为零。",
        },
    )


small_batch_norm = Experiment(_small_batch_norm, seeds=(0, 1, 2), figure=_draw)
