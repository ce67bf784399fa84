"""Adam, AdaMax and NAdam beside PyTorch's own and the annotated implementation of labml-nn."""

from __future__ import annotations

import torch

from refimpl.training.adam import Adam, AdaMax, NAdam
from tests.refimpl.harness.bench import Bench, parameters, published
from tests.refimpl.training.cases_adam import METHOD

SHAPES = [(316, 316)] * 50  # 5 million parameters in 50 tensors


def annotated():
    """labml-nn's Adam, where it is installed."""
    return published("labml_nn.optimizers.adam", "Adam", parameters(*SHAPES))


BENCHES = [
    Bench(
        METHOD,
        "Adam, 5M parameters in 50 tensors",
        lambda: Adam(parameters(*SHAPES)),
        {"torch.optim.Adam": lambda: torch.optim.Adam(parameters(*SHAPES)), "labml_nn Adam": annotated},
        backward=False,
        compiled=False,
    ),
    Bench(
        METHOD,
        "AdaMax, 5M parameters in 50 tensors",
        lambda: AdaMax(parameters(*SHAPES)),
        {"torch.optim.Adamax": lambda: torch.optim.Adamax(parameters(*SHAPES))},
        backward=False,
        compiled=False,
    ),
    Bench(
        METHOD,
        "NAdam, 5M parameters in 50 tensors",
        lambda: NAdam(parameters(*SHAPES)),
        {"torch.optim.NAdam": lambda: torch.optim.NAdam(parameters(*SHAPES))},
        backward=False,
        compiled=False,
    ),
]
