"""The Gram loss of style transfer beside the maximum mean discrepancy with the quadratic kernel, on the way of an optimization."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.vision.neural_style import style_loss, transfer
from refimpl.vision.style_mmd import squared_mmd, statistics_loss

__all__ = ["gram_is_mmd"]

SIZE, CHANNELS, STEPS = 16, 12, 60


def stripes() -> Tensor:
    """A style image of diagonal stripes in two colors, ``(1, 3, SIZE, SIZE)``, float64."""
    place = torch.arange(SIZE, dtype=torch.float64)
    wave = torch.sin((place[:, None] + place) * 1.2)
    return torch.stack((wave, -wave, wave.square()))[None]


def network(generator: torch.Generator) -> nn.Sequential:
    """Two convolutions with random weights; a trained network is not needed for an identity."""
    model = nn.Sequential(nn.Conv2d(3, CHANNELS, 3), nn.ReLU(), nn.Conv2d(CHANNELS, CHANNELS, 3), nn.ReLU()).double().requires_grad_(False)
    for parameter in model.parameters():
        parameter.normal_(0, 0.3, generator=generator)
    return model


def _gram_is_mmd(seed: int) -> Outcome:
    generator = torch.Generator().manual_seed(seed)
    model, style = network(generator), stripes()
    target = model(style)
    gram, mmd, slopes = [], [], []

    def loss(image: Tensor) -> Tensor:
        features = model(image)
        mine, theirs = style_loss(features, target), squared_mmd(features, target) / (4 * CHANNELS**2)
        gram.append(mine.item())
        mmd.append(theirs.item())
        first, second = (torch.autograd.grad(value, image, retain_graph=True)[0] for value in (mine, theirs))
        slopes.append(((first - second).norm() / first.norm()).item())
        return mine

    transfer(loss, torch.randn(1, 3, SIZE, SIZE, dtype=torch.float64, generator=generator), STEPS)
    order = torch.randperm(target[0, 0].numel(), generator=generator)
    shuffled = target.flatten(2)[..., order].view_as(target)
    values = {
        "largest_difference": max(abs(a - b) / gram[0] for a, b in zip(gram, mmd, strict=True)),
        "first_gradient_difference": slopes[0],
        "loss_left": min(gram) / gram[0],
        "shuffled_loss": style_loss(shuffled, target).item() / gram[0],
        "shuffled_distance": ((shuffled - target).norm() / target.norm()).item(),
        "shuffled_statistics": statistics_loss(shuffled, target).item(),
    }
    steps = list(range(STEPS))
    return Outcome(
        values, {name: (steps, [max(v / gram[0], 1e-12) for v in found[:STEPS]]) for name, found in (("gram", gram), ("mmd", mmd))}
    )


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Both losses while the Gram loss is minimized", "zh": "最小化 Gram 损失时的两种损失"},
        x=axis("evaluation", "求值次数"),
        y=axis("loss, 1 at first", "损失，起初为 1", scale="log"),
        series=[curve(outcomes, "gram", "Gram loss", "Gram 损失"), curve(outcomes, "mmd", "MMD² / 4C²", "MMD² / 4C²")],
        alt={
            "en": "The two losses on the way of an optimization, on a logarithmic axis: they fall together, one line on the other.",
            "zh": "优化过程中的两种损失（对数轴）：一同下降，两条线重合。",
        },
    )


gram_is_mmd = Experiment(_gram_is_mmd, seeds=(0, 1, 2), figure=_draw)
