"""Masks of the smallest weights over several tensors beside ``torch.nn.utils.prune``."""

from __future__ import annotations

from torch import nn
from torch.nn.utils import prune

from refimpl.compression.pruning import magnitude_masks
from tests.refimpl.compression.cases_pruning import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


def ours(*weights):
    return tuple(w * mask for w, mask in zip(weights, magnitude_masks(weights, 0.8), strict=True))


def theirs(*weights):
    module = nn.ParameterList([nn.Parameter(w) for w in weights])
    prune.global_unstructured([(module, str(i)) for i in range(len(weights))], prune.L1Unstructured, amount=0.8)
    return tuple(getattr(module, str(i)) for i in range(len(weights)))


BENCHES = [
    Bench(
        METHOD,
        "80% of 8 x 512 x 512 weights",
        lambda: ours,
        {"torch.nn.utils.prune.global_unstructured": lambda: theirs},
        lambda: tuple(randn(512, 512, seed=i) for i in range(8)),
        backward=False,
        compiled=False,
    )
]
