"""Targeted dropout of a weight beside the authors' formulation, which sorts every row."""

from __future__ import annotations

import torch

from refimpl.training.targeted_dropout import targeted_dropout
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.training.cases_targeted_dropout import METHOD


def sorted_rows(weight):
    norm = weight.abs()
    threshold = norm.sort(1).values[:, norm.shape[1] // 2, None]
    dropped = (norm < threshold) & (torch.rand_like(norm) < 0.5)
    return torch.where(dropped, torch.zeros_like(weight), weight)


BENCHES = [
    Bench(
        METHOD,
        "1024 x 1024",
        lambda: targeted_dropout,
        {"sort, compare, select": lambda: sorted_rows},
        lambda: (randn(1024, 1024, seed=0),),
    )
]
