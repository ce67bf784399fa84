"""The losses on logits beside cross-entropies with tensors of labels, as most codes compute them."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from refimpl.generative.gan import discriminator_loss
from tests.refimpl.generative.cases_gan import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


def with_labels(real, fake):
    bce = F.binary_cross_entropy_with_logits
    return bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))


BENCHES = [
    Bench(
        METHOD,
        "discriminator's loss, 2 x 1M logits",
        lambda: discriminator_loss,
        {"binary_cross_entropy_with_logits with labels": lambda: with_labels},
        lambda: (randn(1_000_000, seed=0), randn(1_000_000, seed=1)),
    )
]
