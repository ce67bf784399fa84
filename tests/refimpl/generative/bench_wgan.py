"""Clipping a critic's weights beside a clamp of each, as the authors' code does it."""

from __future__ import annotations

import torch

from refimpl.generative.wgan import clip_weights_
from tests.refimpl.generative.cases_wgan import METHOD
from tests.refimpl.harness.bench import Bench


def ours(*weights):
    clip_weights_(weights, 0.5)
    return weights[0]


def one_by_one(*weights):
    for w in weights:
        w.data.clamp_(-0.5, 0.5)
    return weights[0]


BENCHES = [
    Bench(
        METHOD,
        "clip 400 weights of 64 x 64",
        lambda: ours,
        {"Tensor.clamp_ one by one": lambda: one_by_one},
        lambda: tuple(torch.randn(64, 64, generator=torch.Generator().manual_seed(i)) for i in range(400)),
        backward=False,
        compiled=False,
    )
]
