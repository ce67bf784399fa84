"""Aggregated momentum beside the published package pytorch_optimizer."""

from __future__ import annotations

import torch

from refimpl.training.aggmo import AggMo
from tests.refimpl.harness.bench import Bench, parameters, published
from tests.refimpl.training.cases_aggmo import METHOD

SHAPES = [(316, 316)] * 50  # 5 million parameters in 50 tensors

BENCHES = [
    Bench(
        METHOD,
        "three velocities, 5M parameters in 50 tensors",
        lambda: AggMo(parameters(*SHAPES)),
        {"pytorch_optimizer AggMo": lambda: published("pytorch_optimizer", "AggMo", parameters(*SHAPES))},
        backward=False,
        compiled=False,
    ),
    Bench(
        METHOD,
        "one velocity, 5M parameters in 50 tensors",
        lambda: AggMo(parameters(*SHAPES), lr=0.1, betas=(0.9,)),
        {"torch.optim.SGD with momentum": lambda: torch.optim.SGD(parameters(*SHAPES), lr=0.1, momentum=0.9)},
        backward=False,
        compiled=False,
    ),
]
