"""Activations beside PyTorch's own: one that only compares, and those with the most to compute."""

from __future__ import annotations

import torch.nn.functional as F
from torch import nn

from refimpl.foundations.activation_layers import PReLU
from refimpl.foundations.activations import ACTIVATIONS
from tests.refimpl.foundations.cases_activations import METHOD, TORCH
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


def bench(name: str) -> Bench:
    built_in = getattr(F, name, None)
    their_name = f"torch.nn.functional.{name}" if built_in else "the formula, differentiated by autograd"
    return Bench(
        METHOD,
        f"{name}, 512 x 2048",
        lambda: ACTIVATIONS[name].function,
        {their_name: lambda: built_in or TORCH[name]},
        lambda: (randn(512, 2048, seed=0),),
    )


BENCHES = [
    *map(bench, ("relu", "leaky_relu", "elu", "hardtanh", "softplus", "silu", "mish", "gelu", "sinc", "bent_identity")),
    Bench(
        METHOD,
        "PReLU, 32 x 64 x 32 x 32",
        lambda: PReLU(64),
        {"torch.nn.PReLU": lambda: nn.PReLU(64)},
        lambda: (randn(32, 64, 32, 32, seed=0),),
    ),
]
