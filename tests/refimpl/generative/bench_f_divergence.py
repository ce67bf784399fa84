"""Jensen-Shannon divergence of many distributions beside two calls of PyTorch's kl_div."""

from __future__ import annotations

import torch.nn.functional as F

from refimpl.generative.f_divergence import f_divergence
from tests.refimpl.generative.cases_f_divergence import METHOD, probabilities
from tests.refimpl.harness.bench import Bench


def two_divergences(p, q, kind):
    middle = ((p + q) / 2).log()
    return (F.kl_div(middle, p, reduction="none") + F.kl_div(middle, q, reduction="none")).sum(-1)


BENCHES = [
    Bench(
        METHOD,
        "jensen-shannon, 10,000 distributions of 100 places",
        lambda: f_divergence,
        {"torch.nn.functional.kl_div, twice": lambda: two_divergences},
        lambda: (probabilities(10_000, 100, seed=0), probabilities(10_000, 100, seed=1), "jensen-shannon"),
    )
]
