"""The pull between eight workers and their center beside one worker after the other."""

from __future__ import annotations

import torch

from refimpl.training.easgd import elastic_average
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.training.cases_easgd import METHOD


def one_by_one(x, center, alpha):
    moved, new = [], center.clone()
    for worker in x:
        force = alpha * (worker - center)
        moved.append(worker - force)
        new = new + force
    return torch.stack(moved), new


BENCHES = [
    Bench(
        METHOD,
        "8 workers of 1M parameters",
        lambda: elastic_average,
        {"one worker after the other": lambda: one_by_one},
        lambda: (randn(8, 1_000_000, seed=0), randn(1_000_000, seed=1), 0.1),
        backward=False,
    )
]
