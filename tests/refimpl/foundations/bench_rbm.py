"""The free energy of a restricted Boltzmann machine beside its formula as printed."""

from __future__ import annotations

import torch

from refimpl.foundations.rbm import free_energy
from tests.refimpl.foundations.cases_rbm import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import rand, randn


def formula(v, weight, visible_bias, hidden_bias):
    """As printed."""
    return -(visible_bias * v).sum(-1) - torch.log(1 + torch.exp(hidden_bias + v @ weight.T)).sum(-1)


BENCHES = [
    Bench(
        METHOD,
        "free energy, 784 visible and 500 hidden units, 128 rows",
        lambda: free_energy,
        {"the formula as printed": lambda: formula},
        lambda: ((rand(128, 784, seed=0) > 0).double(), 0.01 * randn(500, 784, seed=1), randn(784, seed=2), randn(500, seed=3)),
    )
]
