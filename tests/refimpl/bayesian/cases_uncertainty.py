"""Cases of decomposed uncertainty: the parts and the bounds beside torch.distributions, SciPy and loops in NumPy."""

from __future__ import annotations

import numpy as np
import torch
from scipy import stats

from refimpl.bayesian.uncertainty import Prediction, noise_variance, prediction
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn

METHOD = "uncertainty"
LEVEL = 0.8


def parts(draws, noise):
    found = prediction(draws, noise)
    return (*found, found.variance, *found.interval(LEVEL))


def by_torch(_, draws, noise):
    mean, model = draws.mean(0), torch.var(draws, 0, correction=0)
    noise = noise.expand_as(mean)
    errors = torch.distributions.Normal(mean, (model + noise).sqrt())
    return mean, model, noise, model + noise, *(errors.icdf(torch.tensor(p, dtype=mean.dtype)) for p in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))


def by_numpy(_, draws, noise):
    k = len(draws)
    mean = sum(draws) / k
    model = sum(d * d for d in draws) / k - mean * mean
    noise = noise + 0 * mean
    lower, upper = stats.norm.interval(LEVEL, mean, np.sqrt(model + noise))
    return mean, model, noise, model + noise, lower, upper


WHERE = r"^noise_variance: predictions and targets must have one shape \(V, ...\) with V at least 1, got "
CERTAIN = Prediction(*torch.zeros(3, 2))

CASES = [
    Case(
        METHOD,
        "parts and interval",
        function(parts),
        lambda: [
            Sample((randn(5, 3, 2, seed=1), rand(2, seed=2, low=0.2))),
            Sample((randn(4, 3, 2, seed=3), rand(3, 2, seed=4, low=0.2)), {}, "noise of each"),
            Sample((randn(6, 3, seed=5), rand(seed=6, low=0.2)), {}, "one noise"),
            Sample((randn(6, seed=7), rand(seed=8, low=0.2)), {}, "one number"),
        ],
        (
            Oracle("torch.var and quantiles of torch.distributions", by_torch),
            Oracle("mean squares in NumPy, bounds by SciPy", by_numpy, "numpy"),
        ),
        hard=lambda: [Sample((randn(5, 3, seed=11) + 1e3, rand(3, seed=12, low=0.2)), {}, "large mean")],
        degenerate=lambda: [Sample((randn(1, 3, seed=13), rand(3, seed=14, low=0.2)), {}, "one draw")],
        bad=(
            Bad(lambda: prediction(torch.ones(0, 2)), r"^prediction: draws must be \(K, ...\) with K at least 1, got shape \(0, 2\)$"),
            Bad(lambda: prediction(torch.ones(())), r"^prediction: draws must be \(K, ...\) with K at least 1, got shape \(\)$"),
            Bad(lambda: prediction(torch.ones(4, 2), torch.ones(4)), r"^prediction: noise must broadcast to shape \(2,\), got \(4,\)$"),
            Bad(
                lambda: prediction(torch.ones(4, 2), torch.ones(1, 2)), r"^prediction: noise must broadcast to shape \(2,\), got \(1, 2\)$"
            ),
            Bad(lambda: CERTAIN.interval(0.0), r"^interval: level must lie between 0 and 1, got 0.0$"),
            Bad(lambda: CERTAIN.interval(1.0), r"^interval: level must lie between 0 and 1, got 1.0$"),
        ),
        gradcheck=2,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
        aliases=True,  # the noise may be what was given
    ),
    Case(
        METHOD,
        "noise of a held-out set",
        function(noise_variance),
        lambda: [
            Sample((randn(6, 2, seed=21), randn(6, 2, seed=22))),
            Sample((randn(5, seed=23), randn(5, seed=24)), {}, "one number each"),
        ],
        (
            Oracle(
                "torch.nn.functional.mse_loss",
                lambda _, p, t: torch.nn.functional.mse_loss(p, t, reduction="none").sum(0) / len(p),
            ),
            Oracle("a loop in NumPy", lambda _, p, t: sum((a - b) ** 2 for a, b in zip(p, t, strict=True)) / len(p), "numpy"),
        ),
        hard=lambda: [Sample((randn(6, seed=25) + 1e3, randn(6, seed=26) + 1e3), {}, "large mean")],
        degenerate=lambda: [Sample((randn(1, 2, seed=27), randn(1, 2, seed=28)), {}, "one example")],
        bad=(
            Bad(lambda: noise_variance(torch.ones(3), torch.ones(2)), WHERE + r"\(3,\) and \(2,\)$"),
            Bad(lambda: noise_variance(torch.ones(0), torch.ones(0)), WHERE + r"\(0,\) and \(0,\)$"),
            Bad(lambda: noise_variance(torch.ones(()), torch.ones(())), WHERE + r"\(\) and \(\)$"),
        ),
        gradcheck=2,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
    ),
]
