"""Five steps ahead beside a loop of torch.autograd.grad that keeps its graph."""

from __future__ import annotations

import torch
from torch import nn

from refimpl.generative.gan import discriminator_loss, generator_loss
from refimpl.generative.unrolled_gan import unrolled_generator_loss
from tests.refimpl.generative.cases_unrolled_gan import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


class Ahead(nn.Module):
    """Either way of looking ahead, with the same discriminator."""

    def __init__(self, way) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.discriminator = nn.Sequential(nn.Linear(64, 128), nn.Tanh(), nn.Linear(128, 1)).requires_grad_(False)
        self.way = way

    def forward(self, real, fake):
        return self.way(self.discriminator, real, fake)


def loop(discriminator, real, fake):
    with torch.enable_grad():
        parameters = {n: p.detach().requires_grad_() for n, p in discriminator.named_parameters()}
        for _ in range(5):
            logits = [torch.func.functional_call(discriminator, parameters, x) for x in (real, fake)]
            slopes = torch.autograd.grad(discriminator_loss(*logits), list(parameters.values()), create_graph=True)
            parameters = {n: p - 1e-2 * g for (n, p), g in zip(parameters.items(), slopes, strict=True)}
        return generator_loss(torch.func.functional_call(discriminator, parameters, fake))


BENCHES = [
    Bench(
        METHOD,
        "five steps, 256 examples of 64, 128 hidden units",
        lambda: Ahead(unrolled_generator_loss),
        {"torch.autograd.grad with create_graph": lambda: Ahead(loop)},
        lambda: (randn(256, 64, seed=0), randn(256, 64, seed=1)),
        compiled=False,  # the compiler does not trace torch.autograd.grad
    )
]
