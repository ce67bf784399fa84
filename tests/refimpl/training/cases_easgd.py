"""Cases of elastic averaging: the pull between given workers and their center."""

from __future__ import annotations

import numpy as np

from refimpl.training.easgd import EASGD, elastic_average
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn

METHOD = "easgd"
X, CENTER = randn(3, 4, 2, seed=1), randn(4, 2, seed=2)


def as_moving_average(_, x, center, alpha):
    """Equations 5 and 6 of the paper, with beta = p alpha."""
    beta = len(x) * alpha
    return x - alpha * (x - center), (1 - beta) * center + beta * x.mean(0)


def one_worker_after_the_other(_, x, center, alpha):
    moved, new = x.copy(), center.copy()
    for i in np.ndindex(x.shape):
        moved[i] = x[i] - alpha * (x[i] - center[i[1:]])
        new[i[1:]] += alpha * (x[i] - center[i[1:]])
    return moved, new


CASES = [
    Case(
        METHOD,
        "the elastic step",
        function(elastic_average),
        lambda: [Sample((X, CENTER), {"alpha": 0.3}), Sample((X[:, 0, 0], CENTER[0, 0]), {"alpha": 0.07}, "numbers")],
        (
            Oracle("moving average in torch", as_moving_average),
            Oracle("number by number in NumPy", one_worker_after_the_other, "numpy"),
        ),
        hard=lambda: [Sample((X + 1e4, CENTER + 1e4), {"alpha": 0.3}, "large")],
        degenerate=lambda: [Sample((X[:1], CENTER), {"alpha": 0.3}, "one worker")],
        bad=(
            Bad(lambda: elastic_average(X, CENTER[0], 0.1), r"^elastic_average: x must have shape \(p, \*\(2,\)\), got \(3, 4, 2\)$"),
            Bad(lambda: EASGD([X], 0.1, 0.1, 0), r"^EASGD: period must be at least 1, got 0$"),
            Bad(lambda: EASGD([X], 0.1, 0.1), r"^EASGD: expected a process group, got none; call torch", RuntimeError),
        ),
    )
]
