"""The affine pieces of a ReLU network beside its Jacobian by automatic differentiation."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from refimpl.limits.local_generalization import affine_piece
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.limits.test_local_generalization import METHOD


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)).requires_grad_(False)


def by_jacobian(net: nn.Sequential):
    """Slope and shift of the piece at each input, the slope by reverse mode."""
    slopes = torch.func.vmap(torch.func.jacrev(net))

    def piece(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        slope = slopes(x)
        return slope, net(x) - (slope @ x[..., None])[..., 0]

    return piece


BENCHES = [
    Bench(
        METHOD,
        "64 inputs of 64, layers of 128, 128, 10",
        lambda: partial(affine_piece, network()),
        {"torch.func.jacrev": lambda: by_jacobian(network())},
        lambda: (randn(64, 64, seed=1),),
        backward=False,
        compiled=False,
    )
]
