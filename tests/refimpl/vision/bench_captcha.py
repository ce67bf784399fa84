"""The likelihood of sequences beside cross-entropies with the places behind the end ignored."""

from __future__ import annotations

import torch

from refimpl.vision.captcha import sequence_log_prob
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.vision.cases_captcha import METHOD, torch_log_prob


def sample():
    generator = torch.Generator().manual_seed(0)
    characters, lengths = torch.randint(36, (512, 6), generator=generator), torch.randint(7, (512,), generator=generator)
    return randn(512, 7, seed=1), randn(512, 6, 36, seed=2), characters, lengths


BENCHES = [
    Bench(
        METHOD,
        "log-probability, 512 sequences of up to 6 out of 36",
        lambda: sequence_log_prob,
        {"torch.nn.functional.cross_entropy": lambda: lambda *args: torch_log_prob(None, *args)},
        sample,
    )
]
