"""k-means of weights beside scipy's, and beside the loop that measures all distances."""

from __future__ import annotations

import importlib.util

import torch

from refimpl.compression.deep_compression import kmeans
from tests.refimpl.compression.cases_deep_compression import METHOD, distances
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn

STEPS = 20


def ours(weights, values):
    return kmeans(weights, values, STEPS)


def loop(weights, values):
    return distances(None, weights, values, STEPS)


def scipy():
    if importlib.util.find_spec("scipy") is None:
        return None
    from scipy.cluster.vq import kmeans2

    return lambda w, v: torch.from_numpy(kmeans2(w[:, None].numpy(), v[:, None].numpy(), iter=STEPS, minit="matrix")[0][:, 0])


BENCHES = [
    Bench(
        METHOD,
        f"{STEPS} steps of k-means, {count:,} weights and {size} values",
        lambda: ours,
        {"scipy.cluster.vq.kmeans2": scipy, "the loop over all distances": lambda: loop},
        lambda count=count, size=size: (randn(count, seed=0), torch.linspace(-2, 2, size)),
        backward=False,
        compiled=False,
    )
    for count, size in ((100_000, 16), (100_000, 64))
]
