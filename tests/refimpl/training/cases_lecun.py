"""Cases of LeCun's initialization: unit noise times the standard deviation; and the activation that goes with it."""

from __future__ import annotations

import numpy as np
import torch

from refimpl.training.kaiming import kaiming_std
from refimpl.training.lecun import lecun_normal_, lecun_uniform_, scaled_tanh
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn

METHOD = "lecun"
X = randn(3, 5, seed=1) * 2


def tanh_by_exponentials(_, x):
    e = torch.exp(4 * x / 3)
    return 1.7159 * (1 - 2 / (e + 1))


def in_numpy(_, x):
    return 1.7159 * (np.exp(2 * x / 3) - np.exp(-2 * x / 3)) / (np.exp(2 * x / 3) + np.exp(-2 * x / 3))


BAD = (
    Bad(lambda: lecun_normal_(torch.zeros(3)), r"tensor must have at least 2 dimensions \(out, in, \*kernel\), got shape \(3,\)"),
    Bad(lambda: lecun_uniform_(torch.zeros(2, 3, dtype=torch.int64)), r"tensor must be real floating point, got torch.int64"),
    Bad(lambda: kaiming_std(torch.zeros(2, 3).long()), r"tensor must be real floating point, got torch.int64"),
)

CASES = [
    Case(
        METHOD,
        "scaled tanh",
        function(scaled_tanh),
        lambda: [Sample((X,)), Sample((X[0],))],
        (Oracle("exponentials in torch", tanh_by_exponentials), Oracle("exponentials in NumPy", in_numpy, "numpy")),
        hard=lambda: [Sample((X * 0,), name="zeros"), Sample((X * 5,), name="saturated")],
        degenerate=lambda: [Sample((X[:0],), name="empty"), Sample((X[0, 0],), name="scalar")],
        bad=BAD,
        gradcheck=2,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
    )
]
