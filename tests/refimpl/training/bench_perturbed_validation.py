"""Wrong labels for a million examples beside the same in NumPy."""

from __future__ import annotations

import numpy as np
import torch

from refimpl.training.perturbed_validation import perturb_labels
from tests.refimpl.harness.bench import Bench
from tests.refimpl.training.cases_perturbed_validation import METHOD


def in_numpy(labels, ratio, classes):
    source, perturbed = np.random.default_rng(0), labels.cpu().numpy().copy()
    chosen = source.choice(len(perturbed), round(ratio * len(perturbed)), replace=False)
    perturbed[chosen] = (perturbed[chosen] + source.integers(1, classes, len(chosen))) % classes
    return torch.from_numpy(perturbed)


BENCHES = [
    Bench(
        METHOD,
        "30% of 1M labels, 10 classes",
        lambda: perturb_labels,
        {"numpy.random.Generator.choice": lambda: in_numpy},
        lambda: (torch.arange(1_000_000) % 10, 0.3, 10),
        backward=False,
        compiled=False,
    )
]
