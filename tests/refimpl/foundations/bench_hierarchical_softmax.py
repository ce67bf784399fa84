"""Hierarchical softmax beside two ways to the same number: all leaves, and a loop over the rows."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from refimpl.foundations.hierarchical_softmax import hierarchical_softmax, leaf_log_probabilities
from refimpl.foundations.huffman import huffman_tree
from tests.refimpl.foundations.cases_hierarchical_softmax import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn

CLASSES, ROWS, SIZE = 2000, 256, 64


def sample():
    counts = 1 / torch.arange(1.0, CLASSES + 1)
    target = torch.multinomial(counts, ROWS, replacement=True, generator=torch.Generator().manual_seed(0))
    return randn(ROWS, SIZE, seed=1), target, 0.1 * randn(CLASSES - 1, SIZE, seed=2), *huffman_tree(counts)


def all_leaves(x, target, weight, paths, signs):
    return F.nll_loss(leaf_log_probabilities(x, weight, paths, signs), target)


def loop(x, target, weight, paths, signs):
    losses = []
    for row, leaf in zip(x, target.tolist(), strict=True):
        steps = signs[leaf] != 0
        scores = weight[paths[leaf][steps]] @ row
        losses.append(F.softplus(-signs[leaf][steps] * scores).sum())
    return torch.stack(losses).mean()


BENCHES = [
    Bench(
        METHOD,
        f"{ROWS} rows of {SIZE} numbers, {CLASSES} classes",
        lambda: hierarchical_softmax,
        {"a loop over the rows": lambda: loop, "the log-probabilities of all classes": lambda: all_leaves},
        sample,
        compiled=False,
    )
]
