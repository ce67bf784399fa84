"""Dropout beside PyTorch's own, on vectors and on images."""

from __future__ import annotations

from torch import nn

from refimpl.training.dropout import Dropout
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.training.cases_dropout import METHOD

BENCHES = [
    Bench(
        METHOD,
        f"{name}, p = 0.3",
        lambda: Dropout(0.3),
        {"torch.nn.Dropout": lambda: nn.Dropout(0.3)},
        lambda shape=shape: (randn(*shape, seed=0),),
    )
    for name, shape in (("512 x 2048", (512, 2048)), ("8 x 64 x 56 x 56", (8, 64, 56, 56)))
]
