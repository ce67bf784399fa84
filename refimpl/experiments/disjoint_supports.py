"""The gradient that a generator gets from the best discriminator and from the best Lipschitz critic when it is far off."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.experiments.sequences import learn
from refimpl.generative.gan import discriminator_loss, saturating_generator_loss
from refimpl.generative.wgan_gp import generator_loss, wgan_gp_loss

__all__ = ["disjoint_supports"]

OFFSETS, BATCH, WIDTH, RATE, STEPS = (0.5, 1.0, 2.0), 64, 32, 0.01, 300
PENALTY = 10.0


def segment(size: int, offset: float, generator: torch.Generator) -> Tensor:
    """Points (offset, z) with z uniform in [0, 1], ``(size, 2)``: the parallel lines of Arjovsky et al."""
    z = torch.rand(size, 1, generator=generator)
    return torch.cat((torch.full_like(z, offset), z), 1)


def perceptron() -> nn.Sequential:
    """Two hidden layers from the plane to a score."""
    return nn.Sequential(nn.Linear(2, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, 1))


def pull(offset: float, wasserstein: bool, generator: torch.Generator) -> tuple[float, float]:
    """The slope of the generator's loss in its offset, after the critic was trained; and the critic's estimate of the distance."""
    critic = perceptron()

    def loss() -> Tensor:
        real, fake = segment(BATCH, 0.0, generator), segment(BATCH, offset, generator)
        if wasserstein:
            return wgan_gp_loss(critic, real, fake, PENALTY, generator=generator)
        return discriminator_loss(critic(real), critic(fake))

    learn(loss, critic.parameters(), STEPS, RATE)
    fake = segment(512, offset, generator).requires_grad_()
    (generator_loss if wasserstein else saturating_generator_loss)(critic(fake)).backward()
    with torch.no_grad():
        apart = (critic(segment(512, 0.0, generator)).mean() - critic(fake).mean()).item()
    return fake.grad[:, 0].sum().item(), apart


def _disjoint_supports(seed: int) -> Outcome:
    slopes: dict[str, list[float]] = {"gan": [], "wasserstein": []}
    estimates = []
    for offset in OFFSETS:
        for name in slopes:
            slope, apart = pull(offset, name == "wasserstein", torch.Generator().manual_seed(seed))
            slopes[name].append(slope)
            if name == "wasserstein":
                estimates.append(apart / offset)
    values = {f"{name}_{which}": pick(found) for name, found in slopes.items() for which, pick in (("least", min), ("most", max))}
    values |= {"distance_ratio_least": min(estimates), "distance_ratio_most": max(estimates)}
    return Outcome(values, {name: (OFFSETS, found) for name, found in slopes.items()})


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Slope of the generator's loss in the offset", "zh": "生成器损失对偏移的斜率"},
        x=axis("offset of the two lines", "两条线段的偏移"),
        y=axis("slope", "斜率"),
        series=[curve(outcomes, "gan", "GAN, minimax", "GAN，极小极大"), curve(outcomes, "wasserstein", "WGAN-GP", "WGAN-GP")],
        alt={
            "en": "Slope of the generator's loss against the offset between two parallel segments: near zero for the GAN, near "
            "one for WGAN-GP.",
            "zh": "生成器损失的斜率随两条平行线段间偏移的变化：GAN 接近零，WGAN-GP 接近一。",
        },
    )


disjoint_supports = Experiment(_disjoint_supports, seeds=(0, 1, 2), figure=_draw)
