"""A weight-normalized layer beside PyTorch's parametrization."""

from __future__ import annotations

from torch import nn
from torch.nn.utils import parametrizations

from refimpl.training.weight_norm import weight_norm
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.training.cases_weight_norm import METHOD

BENCHES = [
    Bench(
        METHOD,
        "linear layer of 1024 x 1024, batch of 256",
        lambda: weight_norm(nn.Linear(1024, 1024)),
        {"torch.nn.utils.parametrizations.weight_norm": lambda: parametrizations.weight_norm(nn.Linear(1024, 1024))},
        lambda: (randn(256, 1024, seed=0),),
    )
]
