"""A step of DeepDream beside the bare forward and backward pass of its network, which is all that it must cost."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from refimpl.convolution.deep_dream import dream_step
from tests.refimpl.convolution.cases_deep_dream import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import rand


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2), nn.ReLU())


def bare(net: nn.Module, image: Tensor) -> Tensor:
    with torch.enable_grad():
        x = image.detach().requires_grad_()
        return torch.autograd.grad(net(x).sum(), x)[0]


BENCHES = [
    Bench(
        METHOD,
        "one image of 3 x 128 x 128",
        lambda: partial(dream_step, network(), rate=0.02, shift=(3, -2)),
        {"forward and backward alone": lambda: partial(bare, network())},
        lambda: (rand(1, 3, 128, 128, seed=0),),
        backward=False,
        compiled=False,
    )
]
