"""The estimates beside the literal norms of appendix A.1, on 32 gradients of a million parameters."""

from __future__ import annotations

import torch

from refimpl.training.noise_scale import gradient_moments
from tests.refimpl.harness.bench import Bench
from tests.refimpl.training.cases_noise_scale import METHOD, by_norms

BENCHES = [
    Bench(
        METHOD,
        "32 gradients of 1M parameters",
        lambda: gradient_moments,
        {"the norms of the paper": lambda: lambda gradients: by_norms({}, gradients)},
        lambda: (torch.randn(32, 1_000_000, generator=torch.Generator().manual_seed(0)),),
        backward=False,  # an estimate is read, not descended
    )
]
