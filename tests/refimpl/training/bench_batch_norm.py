"""Batch normalization beside PyTorch's own and the annotated implementation of labml-nn."""

from __future__ import annotations

import torch

from refimpl.training.batch_norm import BatchNorm1d, BatchNorm2d
from tests.refimpl.harness.bench import Bench, published
from tests.refimpl.harness.case import randn
from tests.refimpl.training.cases_batch_norm import METHOD


def annotated(channels: int):
    """labml-nn's layer, where it is installed."""
    return published("labml_nn.normalization.batch_norm", "BatchNorm", channels)


def images():
    return (randn(32, 64, 56, 56, seed=0),)


BENCHES = [
    Bench(
        METHOD,
        "32 images of 64 x 56 x 56, training",
        lambda: BatchNorm2d(64),
        {"torch.nn.BatchNorm2d": lambda: torch.nn.BatchNorm2d(64)},
        images,
    ),
    Bench(
        METHOD,
        "4096 vectors of 256, training",
        lambda: BatchNorm1d(256),
        {"torch.nn.BatchNorm1d": lambda: torch.nn.BatchNorm1d(256)},
        lambda: (randn(4096, 256, seed=0),),
    ),
    Bench(
        METHOD,
        "32 images of 64 x 56 x 56, training, eager",
        lambda: BatchNorm2d(64),
        {"labml_nn BatchNorm": lambda: annotated(64)},
        images,
        compiled=False,  # its moving averages keep the graph, which a compiled backward refuses to cross twice
    ),
]
