"""The attacks beside torchattacks and the plain composition, on a small convolutional classifier."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.generative.fgsm import fgsm, pgd
from tests.refimpl.generative.cases_fgsm import METHOD
from tests.refimpl.harness.bench import Bench, published
from tests.refimpl.harness.case import rand


def network() -> nn.Module:
    torch.manual_seed(0)
    first = [nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*first, nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8192, 10))


class Ours(nn.Module):
    """An attack with the network it is made on."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.net, self.steps = network(), steps

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        if self.steps == 1:
            return fgsm(self.net, x, y, 0.03, bounds=(0.0, 1.0))
        return pgd(self.net, x, y, 0.03, 0.01, self.steps, bounds=(0.0, 1.0), random_start=False)


class Plain(Ours):
    """The tutorial's way: the loss is differentiated by everything, parameters too."""

    @torch.enable_grad()
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        z = x
        for _ in range(self.steps):
            z = z.detach().requires_grad_()
            F.cross_entropy(self.net(z), y).backward()
            z = z + (0.03 if self.steps == 1 else 0.01) * z.grad.sign()
            z = torch.clamp(x + torch.clamp(z - x, -0.03, 0.03), 0, 1).detach()
        return z


def theirs(steps: int):
    if steps == 1:
        attack = published("torchattacks", "FGSM", network(), eps=0.03)
    else:
        attack = published("torchattacks", "PGD", network(), eps=0.03, alpha=0.01, steps=steps, random_start=False)
    return attack and torch.enable_grad()(attack.__call__)


BENCHES = [
    Bench(
        METHOD,
        f"{name}, 32 images of 3 x 32 x 32",
        lambda steps=steps: Ours(steps),
        {"torchattacks": lambda steps=steps: theirs(steps), "backward by all parameters": lambda steps=steps: Plain(steps)},
        lambda: (rand(32, 3, 32, 32, seed=0, low=0.0), torch.arange(32) % 10),
        backward=False,
        compiled=False,
    )
    for name, steps in (("one step", 1), ("five steps", 5))
]
