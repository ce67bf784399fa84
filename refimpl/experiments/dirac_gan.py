"""The smallest GAN, a point against a slope: where alternating steps lead with and without a penalty on the gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.generative.gan import discriminator_loss, saturating_generator_loss

__all__ = ["dirac_gan"]

RATE, STEPS, EVERY, PENALTY = 0.1, 1000, 10, 1.0


def distances(start: Tensor, penalty: float, simultaneous: bool) -> list[float]:
    """Distance from the equilibrium (0, 0) before each step of both players.

    The generator's point is ``theta``, the data lie at 0, and the discriminator's logit is ``psi`` times its input. ``penalty``
    times half the squared slope of the logit at the data, which is psi^2, is added to the discriminator's loss.
    """
    theta, psi = (value.clone().requires_grad_() for value in start)
    found = []
    for _ in range(STEPS):
        found.append(torch.hypot(theta, psi).item())
        loss = discriminator_loss(0 * psi, psi * theta) + penalty / 2 * psi.square()
        (uphill,) = torch.autograd.grad(loss, psi)
        ahead = psi if simultaneous else (psi - RATE * uphill).detach()
        (pull,) = torch.autograd.grad(saturating_generator_loss(ahead * theta), theta)
        theta, psi = ((value - RATE * slope).detach().requires_grad_() for value, slope in ((theta, pull), (psi, uphill)))
    return found


def _dirac_gan(seed: int) -> Outcome:
    angle = 2 * torch.pi * torch.rand((), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    start = torch.stack((angle.cos(), angle.sin()))
    runs = {"simultaneous": (0.0, True), "alternating": (0.0, False), "penalized": (PENALTY, False)}
    paths = {name: distances(start, *options) for name, options in runs.items()}
    values = {
        f"{name}_{what}": pick(found)
        for name, found in paths.items()
        for what, pick in (("least", min), ("most", max), ("end", lambda f: f[-1]))
    }
    steps = list(range(0, STEPS, EVERY))
    return Outcome(values, {name: (steps, [max(d, 1e-9) for d in found[::EVERY]]) for name, found in paths.items()})


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    labels = {
        "simultaneous": ("at once", "同时更新"),
        "alternating": ("in turn", "交替更新"),
        "penalized": ("in turn, gradient penalty", "交替更新，梯度惩罚"),
    }
    return figure(
        "lines",
        title={"en": "Distance from the equilibrium", "zh": "到均衡点的距离"},
        x=axis("step", "步数"),
        y=axis("distance", "距离", scale="log"),
        series=[curve(outcomes, name, *label) for name, label in labels.items()],
        alt={
            "en": "Distance from the equilibrium by step, on a logarithmic axis: it grows where both players step at once, stays "
            "where they step in "
            "turn, and falls to nothing with a penalty on the gradient.",
            "zh": "到均衡点的距离随步数的变化（对数轴）：双方同时更新时增大，交替更新时保持，加梯度惩罚时降到零。",
        },
    )


dirac_gan = Experiment(_dirac_gan, seeds=(0, 1, 2, 3, 4), figure=_draw)
