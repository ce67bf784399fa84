"""ISTA and FISTA beside the steps as printed; solvers that stop at the minimum compute something else."""

from __future__ import annotations

import torch
from torch.nn.functional import normalize

from refimpl.foundations.sparse_coding import fista, ista
from tests.refimpl.foundations.cases_sparse_coding import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn

PENALTY, STEPS = 0.2, 100


def printed(accelerated):
    """The residual, the gradient and the shrinkage of every step, each by a call of its own."""

    def codes(x, dictionary):
        big = torch.linalg.matrix_norm(dictionary, 2) ** 2
        z = w = x.new_zeros(len(x), dictionary.shape[1])
        t = 1.0
        for _ in range(STEPS):
            v = w - (w @ dictionary.T - x) @ dictionary / big
            new = torch.sign(v) * torch.clamp(v.abs() - PENALTY / big, min=0)
            later = (1 + (1 + 4 * t * t) ** 0.5) / 2
            w, z, t = (new + (t - 1) / later * (new - z) if accelerated else new), new, later
        return z

    return codes


BENCHES = [
    Bench(
        METHOD,
        f"{STEPS} steps of {name}, 256 inputs of 64 numbers, 128 atoms",
        lambda method=method: lambda x, dictionary: method(x, dictionary, PENALTY, STEPS),
        {"the steps as printed": lambda name=name: printed(name == "FISTA")},
        lambda: (randn(256, 64, seed=0), normalize(randn(64, 128, seed=1), dim=0)),
        backward=False,
        compiled=False,
    )
    for name, method in (("ISTA", ista), ("FISTA", fista))
]
