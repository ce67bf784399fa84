"""Cases of the least-squares GAN: its losses and its best discriminator."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from refimpl.generative.lsgan import discriminator_loss, generator_loss, optimal_discriminator
from tests.refimpl.generative.scores import score_case
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn

METHOD = "lsgan"
CODES = {"a": -0.75, "b": 1.25}


def losses(real, fake, a, b, c):
    return discriminator_loss(real, fake, a, b), generator_loss(fake, c)


def by_torch(r, f, a, b, c):
    half = torch.nn.functional.mse_loss
    return half(r, torch.full_like(r, b)) / 2 + half(f, torch.full_like(f, a)) / 2, half(f, torch.full_like(f, c)) / 2


def by_numpy(r, f, a, b, c):
    real = sum((x - b) ** 2 for x in r) / len(r)
    fake = sum((x - a) ** 2 for x in f) / len(f)
    return np.array((real + fake) / 2), np.array(sum((x - c) ** 2 for x in f) / (2 * len(f)))


CASES = [
    score_case(
        METHOD,
        "losses",
        partial(losses, **CODES, c=0.5),
        partial(by_torch, **CODES, c=0.5),
        partial(by_numpy, **CODES, c=0.5),
        hard=lambda: [Sample((randn(5, seed=38) * 1e4, randn(5, seed=39) * 1e4 + 1e4), {}, "scores of 1e4")],
        bad=(
            Bad(
                lambda: discriminator_loss(torch.ones(2), torch.ones(2), 0.5, 0.5),
                r"^discriminator_loss: a and b must differ, got 0.5 and 0.5$",
            ),
        ),
    ),
    Case(
        METHOD,
        "best discriminator",
        function(optimal_discriminator, **CODES),
        lambda: [Sample((rand(6, seed=1, low=0.1), rand(6, seed=2, low=0.1)))],
        (
            Oracle(
                "a weighted mean of the codes", lambda _, p, q: torch.lerp(torch.full_like(p, -0.75), torch.full_like(p, 1.25), p / (p + q))
            ),
            Oracle(
                "the least squares of two codes with weights p and q, in NumPy",
                lambda _, p, q: np.array([np.average([1.25, -0.75], weights=w) for w in zip(p, q, strict=True)]),
                "numpy",
            ),
        ),
        degenerate=lambda: [Sample((torch.tensor([0.0, 0.3]).double(), torch.tensor([0.2, 0.0]).double()), {}, "one of them zero")],
        gradcheck=2,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
    ),
]
