"""Losses beside PyTorch's own; NT-Xent beside its formula with all cosine similarities."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from refimpl.foundations.losses import LOSSES
from tests.refimpl.foundations.cases_losses import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import rand, randn


def bench(name, what, sample):
    return Bench(METHOD, f"{name}, {what}", lambda: LOSSES[name], {f"torch.nn.functional.{name}": lambda: getattr(F, name)}, sample)


def similarities(a, b):
    """The batch as one matrix, the diagonal pushed out of reach."""
    views = torch.cat([a, b])
    views = views / views.norm(dim=1, keepdim=True)
    logits = views @ views.T / 0.5 - 1e9 * torch.eye(len(views), dtype=a.dtype, device=a.device)
    partner = (torch.arange(len(views), device=a.device) + len(a)) % len(views)
    return F.cross_entropy(logits, partner)


BENCHES = [
    *(
        bench(name, "1M numbers", lambda: (randn(1024, 1024, seed=0), randn(1024, 1024, seed=1)))
        for name in ("huber_loss", "smooth_l1_loss")
    ),
    bench("binary_cross_entropy_with_logits", "1M logits", lambda: (randn(1024, 1024, seed=0), rand(1024, 1024, seed=1, low=0.0))),
    bench("kl_div", "1024 x 1000", lambda: (randn(1024, 1000, seed=0).log_softmax(1), randn(1024, 1000, seed=1).softmax(1))),
    bench("multi_margin_loss", "1024 x 1000", lambda: (randn(1024, 1000, seed=0), torch.arange(1024) % 1000)),
    bench("triplet_margin_loss", "4096 x 128", lambda: tuple(randn(4096, 128, seed=i) for i in range(3))),
    Bench(
        METHOD,
        "nt_xent_loss, 512 pairs of 128 numbers",
        lambda: LOSSES["nt_xent_loss"],
        {"torch.nn.functional.cross_entropy of a masked matrix": lambda: similarities},
        lambda: (randn(512, 128, seed=0), randn(512, 128, seed=1)),
    ),
]
