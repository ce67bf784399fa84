"""The least-squares losses beside two calls of torch.nn.functional.mse_loss with tensors of labels."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from refimpl.generative.lsgan import discriminator_loss
from tests.refimpl.generative.cases_lsgan import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


def with_labels(real, fake):
    return 0.5 * (F.mse_loss(real, torch.ones_like(real)) + F.mse_loss(fake, torch.zeros_like(fake)))


BENCHES = [
    Bench(
        METHOD,
        "discriminator's loss, 2 x 1M scores",
        lambda: discriminator_loss,
        {"torch.nn.functional.mse_loss with labels": lambda: with_labels},
        lambda: (randn(1_000_000, seed=0), randn(1_000_000, seed=1)),
    )
]
