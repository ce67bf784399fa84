"""The gradient penalty beside labml-nn's, for a perceptron on points and a convolutional critic on images."""

from __future__ import annotations

import importlib.util

import torch
from torch import Tensor, nn

from refimpl.generative.wgan_gp import gradient_penalty
from tests.refimpl.generative.cases_wgan_gp import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import rand, randn


def perceptron() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, 1))


def convolutional() -> nn.Module:
    torch.manual_seed(0)
    halves = [nn.Conv2d(3, 32, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(32, 64, 4, 2, 1), nn.LeakyReLU(0.2)]
    return nn.Sequential(*halves, nn.Flatten(), nn.Linear(64 * 8 * 8, 1))


class Ours(nn.Module):
    """The penalty with the critic whose parameters it trains."""

    def __init__(self, critic: nn.Module) -> None:
        super().__init__()
        self.critic = critic

    def forward(self, real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
        return gradient_penalty(self.critic, real, fake, epsilon)


class Labml(nn.Module):
    """labml-nn's penalty takes points and their scores, so the points between are made here; it needs gradients enabled."""

    def __init__(self, critic: nn.Module, penalty: nn.Module) -> None:
        super().__init__()
        self.critic, self.penalty = critic, penalty

    def forward(self, real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
        with torch.enable_grad():
            share = epsilon.view(-1, *(1,) * (real.dim() - 1))
            x = (share * real + (1 - share) * fake).detach().requires_grad_()
            return self.penalty(x, self.critic(x))


def labml(critic: nn.Module) -> nn.Module | None:
    if importlib.util.find_spec("labml_nn") is None:
        return None
    from labml_nn.gan.wasserstein.gradient_penalty import GradientPenalty

    return Labml(critic, GradientPenalty())


SETTINGS = (("256 points, 3 layers of 128", perceptron, (256, 2)), ("32 images of 3 x 32 x 32", convolutional, (32, 3, 32, 32)))

BENCHES = [
    Bench(
        METHOD,
        f"penalty, {name}{', ours compiled' if compiled else ''}",
        lambda critic=critic, compiled=compiled: torch.compile(Ours(critic()), fullgraph=True) if compiled else Ours(critic()),
        {"labml_nn GradientPenalty": lambda critic=critic: labml(critic())},
        lambda shape=shape: (randn(*shape, seed=0), randn(*shape, seed=1), rand(shape[0], seed=2, low=0.0)),
        compiled=False,  # theirs cannot be: torch.compile refuses the second backward pass through torch.autograd.grad
    )
    for name, critic, shape in SETTINGS
    for compiled in (False, True)
]
