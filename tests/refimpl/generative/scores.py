"""Cases of losses on scores: functions of two vectors of numbers, compared with sums in torch and in NumPy."""

from __future__ import annotations

from collections.abc import Callable

import torch

from tests.refimpl.harness.case import Case, Oracle, Sample, function, randn


def score_case(method: str, name: str, losses: Callable, by_torch: Callable, by_numpy: Callable, **more) -> Case:
    """A case for ``losses(real, fake)``, which returns one loss or several."""
    return Case(
        method,
        name,
        function(losses),
        lambda: [
            Sample((randn(5, seed=32) * 2, randn(7, seed=33) * 2 + 0.5)),
            Sample((randn(4, 1, seed=34), randn(4, 1, seed=35)), {}, "columns"),
        ],
        (
            Oracle("sums over examples", lambda _, r, f: by_torch(r.flatten(), f.flatten())),
            Oracle("the equations in NumPy, one example at a time", lambda _, r, f: by_numpy(r.ravel(), f.ravel()), "numpy"),
        ),
        degenerate=lambda: [Sample((randn(1, seed=36), randn(1, seed=37)), {}, "one example")],
        gradcheck=2,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
        **more,
    )
