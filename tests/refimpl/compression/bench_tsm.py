"""The temporal shift beside the authors' formulation, which fills a tensor of zeros slice by slice."""

from __future__ import annotations

import torch

from refimpl.compression.tsm import temporal_shift
from tests.refimpl.compression.cases_tsm import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


def slices(input, n_segment):
    x = input.view(-1, n_segment, *input.shape[1:])
    fold = x.shape[2] // 8
    out = torch.zeros_like(x)
    out[:, :-1, :fold] = x[:, 1:, :fold]
    out[:, 1:, fold : 2 * fold] = x[:, :-1, fold : 2 * fold]
    out[:, :, 2 * fold :] = x[:, :, 2 * fold :]
    return out.view(input.shape)


BENCHES = [
    Bench(
        METHOD,
        "2 clips of 8 frames, 64 x 56 x 56",
        lambda: temporal_shift,
        {"slices": lambda: slices},
        lambda: (randn(16, 64, 56, 56, seed=0), 8),
    )
]
