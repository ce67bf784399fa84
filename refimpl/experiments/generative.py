"""Experiments on generative models: which modes of a distribution a GAN covers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure, panels, points
from refimpl.generative.wgan_gp import generator_loss, wgan_gp_loss

__all__ = ["wgan_gp_against_gan"]

MODES, RADIUS, STD = 8, 2.0, 0.05
NOISE, WIDTH, BATCH = 2, 64, 128
STEPS, CHECK, SAMPLES = 2000, 100, 4000
RATE, BETAS = 1e-3, (0.0, 0.9)
CRITIC_STEPS, PENALTY = 5, 0.1
COVERED = 0.01
"""Share of the samples that must lie within three standard deviations of a mode; a fair share is 1/8."""
DRAWN = 300
"""Samples in the figure."""


def centers() -> Tensor:
    """The modes, evenly spaced on a circle, ``(8, 2)``."""
    angles = torch.arange(MODES) * (2 * math.pi / MODES)
    return RADIUS * torch.stack((angles.cos(), angles.sin()), 1)


def ring(size: int, generator: torch.Generator) -> Tensor:
    """A sample of the mixture, ``(size, 2)``."""
    return centers()[torch.randint(MODES, (size,), generator=generator)] + STD * torch.randn(size, 2, generator=generator)


def mode_shares(sample: Tensor) -> Tensor:
    """Share of the sample within three standard deviations of each mode, ``(8,)``."""
    return (torch.cdist(sample, centers()) < 3 * STD).double().mean(0)


def perceptron(inputs: int, outputs: int) -> nn.Module:
    """Three hidden ReLU layers."""
    return nn.Sequential(
        *(nn.Linear(inputs, WIDTH), nn.ReLU()),
        *(nn.Linear(WIDTH, WIDTH), nn.ReLU()),
        *(nn.Linear(WIDTH, WIDTH), nn.ReLU()),
        nn.Linear(WIDTH, outputs),
    )


def train(seed: int, wasserstein: bool, watch: Callable[[int, nn.Module], None] | None = None) -> tuple[list[Tensor], Tensor]:
    """Shares of the modes every ``CHECK`` steps of the generator, and samples at the end.

    ``watch`` sees the step and the generator at each check.

    Networks, first weights, optimizer with a rate that falls linearly to zero, and the number of steps are the same for
    both objectives: ``CRITIC_STEPS`` of the critic, or discriminator, for each of the generator's.
    """
    torch.manual_seed(seed)
    generator, critic = perceptron(NOISE, 2), perceptron(2, 1)
    draws = torch.Generator().manual_seed(seed)
    adam = [torch.optim.Adam(net.parameters(), RATE, BETAS) for net in (generator, critic)]
    decay = [torch.optim.lr_scheduler.LinearLR(rule, 1.0, 0.0, STEPS) for rule in adam]

    def generate(size: int) -> Tensor:
        return generator(torch.randn(size, NOISE, generator=draws))

    shares = []
    for step in range(1, STEPS + 1):
        for _ in range(CRITIC_STEPS):
            real, fake = ring(BATCH, draws), generate(BATCH).detach()
            if wasserstein:
                loss = wgan_gp_loss(critic, real, fake, PENALTY, generator=draws)
            else:
                loss = F.softplus(-critic(real)).mean() + F.softplus(critic(fake)).mean()
            adam[1].zero_grad()
            loss.backward()
            adam[1].step()
        scores = critic(generate(BATCH))
        loss = generator_loss(scores) if wasserstein else F.softplus(-scores).mean()  # the latter does not saturate
        adam[0].zero_grad()
        loss.backward()
        adam[0].step()
        for schedule in decay:
            schedule.step()
        if step % CHECK == 0:
            with torch.no_grad():
                sample = generate(SAMPLES)
            shares.append(mode_shares(sample))
            if watch is not None:
                watch(step, generator)
    return shares, sample[:DRAWN]


def _wgan_gp_against_gan(seed: int) -> Outcome:
    values: dict[str, float] = {}
    curves: dict[str, tuple[list[float], list[float]]] = {}
    for name, wasserstein in (("wgan_gp", True), ("gan", False)):
        shares, sample = train(seed, wasserstein)
        covered = [int((s >= COVERED).sum()) for s in shares]
        late = covered[-len(covered) // 4 :]
        values[f"{name}_fewest_modes"], values[f"{name}_most_modes"] = min(late), max(late)
        values[f"{name}_rarest_share"] = shares[-1].min().item()
        curves[f"{name} modes"] = (list(range(CHECK, STEPS + 1, CHECK)), covered)
        curves[f"{name} sample"] = (sample[:, 0].tolist(), sample[:, 1].tolist())
    return Outcome(values, curves)


def _draw_wgan_gp_against_gan(outcomes: list[Outcome]) -> dict[str, Any]:
    real = ring(DRAWN, torch.Generator().manual_seed(0))
    data = points(real[:, 0].tolist(), real[:, 1].tolist(), "data", "数据")

    def scatter(name: str, title: str) -> dict[str, Any]:
        sample = points(*outcomes[0].curves[f"{name} sample"], "generated", "生成样本")
        return figure("scatter", title={"en": title, "zh": title}, x=axis("x", "x"), y=axis("y", "y"), series=[data, sample], alt=alt)

    alt = {
        "en": (
            "Samples of WGAN-GP lie on all eight clusters of the ring, those of the GAN on some of them; "
            "the number of clusters covered reaches eight and stays there for WGAN-GP, and stays lower for the GAN."
        ),
        "zh": "WGAN-GP 的样本落在环上全部八个簇，GAN 的样本只落在其中一部分；WGAN-GP 覆盖的簇数升到八后保持不变，GAN 的一直较少。",
    }
    lines = figure(
        "lines",
        title={"en": "Modes covered", "zh": "覆盖的模式数"},
        x=axis("generator step", "生成器步数"),
        y=axis("modes", "模式数"),
        series=[curve(outcomes, "wgan_gp modes", "WGAN-GP", "WGAN-GP"), curve(outcomes, "gan modes", "GAN", "GAN")],
        alt=alt,
    )
    return panels(
        {"en": "A ring of eight Gaussians", "zh": "八个高斯分布组成的环"},
        [scatter("wgan_gp", "WGAN-GP"), scatter("gan", "GAN"), lines],
        alt,
    )


wgan_gp_against_gan = Experiment(_wgan_gp_against_gan, seeds=(0, 1, 2), figure=_draw_wgan_gp_against_gan)
