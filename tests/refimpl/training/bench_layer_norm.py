"""Layer normalization beside PyTorch's."""

from __future__ import annotations

import torch

from refimpl.training.layer_norm import LayerNorm
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.training.cases_layer_norm import METHOD

BENCHES = [
    Bench(
        METHOD,
        f"{rows} vectors of {size}",
        lambda size=size: LayerNorm(size),
        {"torch.nn.LayerNorm": lambda size=size: torch.nn.LayerNorm(size)},
        lambda rows=rows, size=size: (randn(rows, size, seed=0),),
    )
    for rows, size in ((4096, 256), (4096, 1024))
]
