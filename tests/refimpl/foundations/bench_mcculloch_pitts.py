"""A layer of McCulloch-Pitts neurons beside the product over the inhibitory inputs, written out as in the equation."""

from __future__ import annotations

import torch

from refimpl.foundations.mcculloch_pitts import mcculloch_pitts
from tests.refimpl.foundations.cases_mcculloch_pitts import METHOD, bits, torch_layer
from tests.refimpl.harness.bench import Bench


def sample():
    connections = torch.randint(-1, 3, (64, 48), generator=torch.Generator().manual_seed(0)).double()
    return (bits(256, 48, seed=1) * bits(256, 48, seed=2) * bits(256, 48, seed=3), connections, torch.full((64,), 3.0))


BENCHES = [
    Bench(
        METHOD,
        "256 inputs of 48 bits, 64 units",
        lambda: mcculloch_pitts,
        {"the equation, a product over the inputs": lambda: lambda *a: torch_layer(None, *a)},
        sample,
        backward=False,
    )
]
