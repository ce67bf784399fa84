"""The bound beside PyTorch's cross-entropy and normal likelihood, one code at a time."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from refimpl.generative.infogan import Codes
from tests.refimpl.generative.cases_infogan import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn

CODES = Codes((10,), 2)


def losses(outputs, codes):
    categorical = math.log(10) - F.cross_entropy(outputs[:, :10], codes[:, :10].argmax(1))
    normal = [
        math.log(2) - F.gaussian_nll_loss(outputs[:, 10 + j], codes[:, 10 + j], (2 * outputs[:, 12 + j]).exp(), full=True) for j in range(2)
    ]
    return torch.stack([categorical, *normal])


BENCHES = [
    Bench(
        METHOD,
        "4096 examples, one code of 10 values, two continuous",
        lambda: CODES.information,
        {"torch.nn.functional.cross_entropy and gaussian_nll_loss": lambda: losses},
        lambda: (randn(4096, 14, seed=0), CODES.sample(4096, generator=torch.Generator().manual_seed(1))),
    )
]
