"""JANET beside PyTorch's GRU, which has one gate more."""

from __future__ import annotations

from torch import nn

from refimpl.recurrent.janet import JANET
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.recurrent.cases_janet import METHOD

BENCHES = [
    Bench(
        METHOD,
        "batch 32, length 128, 128 features, 128 units",
        lambda: JANET(128, 128),
        {"torch.nn.GRU": lambda: nn.GRU(128, 128)},
        lambda: (randn(128, 32, 128, seed=0),),
        compiled=False,  # the compiler unrolls the loop over time: minutes at these lengths
    )
]
