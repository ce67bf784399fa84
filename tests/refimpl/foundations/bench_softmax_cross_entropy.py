"""Softmax with cross-entropy beside PyTorch's own, at the sizes of image classification, language models and segmentation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from refimpl.foundations.softmax_cross_entropy import cross_entropy, softmax
from tests.refimpl.foundations.cases_softmax_cross_entropy import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn

BUILT_IN = "torch.nn.functional.cross_entropy"


def sample(*shape: int) -> tuple[Tensor, Tensor]:
    """Logits of ``shape`` and a class index for each position."""
    places = (shape[0], *shape[2:])
    return randn(*shape, seed=0), torch.randint(shape[1], places, generator=torch.Generator().manual_seed(1))


BENCHES = [
    Bench(METHOD, "256 rows, 1000 classes", lambda: cross_entropy, {BUILT_IN: lambda: F.cross_entropy}, lambda: sample(256, 1000)),
    Bench(METHOD, "512 rows, 10000 classes", lambda: cross_entropy, {BUILT_IN: lambda: F.cross_entropy}, lambda: sample(512, 10_000)),
    Bench(
        METHOD,
        "4 images of 128 x 128, 21 classes, smoothing 0.1",
        lambda: lambda z, t: cross_entropy(z, t, label_smoothing=0.1),
        {BUILT_IN: lambda: lambda z, t: F.cross_entropy(z, t, label_smoothing=0.1)},
        lambda: sample(4, 21, 128, 128),
    ),
    Bench(
        METHOD,
        "softmax, 256 rows, 1000 classes",
        lambda: lambda z: softmax(z, 1),
        {"torch.softmax": lambda: lambda z: torch.softmax(z, 1)},
        lambda: sample(256, 1000)[:1],
    ),
]
