"""Parts of the variance beside torch.var_mean."""

from __future__ import annotations

import torch

from refimpl.bayesian.uncertainty import prediction
from tests.refimpl.bayesian.cases_uncertainty import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


def by_var_mean(draws):
    variance, mean = torch.var_mean(draws, 0, correction=0)
    return mean, variance, variance.new_full((1,), 0.1).expand(mean.shape)


BENCHES = [
    Bench(
        METHOD,
        "100 draws of 10,000 predictions",
        lambda: lambda draws: tuple(prediction(draws, 0.1)),
        {"torch.var_mean": lambda: by_var_mean},
        lambda: (randn(100, 10_000, seed=0),),
        backward=False,  # uncertainty is read, not descended
    )
]
