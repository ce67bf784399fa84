"""Cases of targeted dropout; the oracles compare with thresholds or rank in Python, the masks come from the same seed."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.training.targeted_dropout import TargetedDropout, targeted_dropout
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn

METHOD = "targeted-dropout"
DENSE, IMAGE = randn(5, 7, seed=1), randn(6, 2, 3, 2, seed=2)


def by_threshold(_, w, gamma=0.5, alpha=0.5, training=True, units=False):
    """The authors' way: sort, and compare with the first magnitude that is not targeted."""
    rows = w.reshape(len(w), -1)
    norm = ((rows**2).sum(1)[None].sqrt() if units else rows.abs()).detach()
    ordered = torch.cat((norm.sort(1).values, torch.full((len(norm), 1), torch.inf)), 1)
    low = norm < ordered[:, int(gamma * norm.shape[1]), None]
    dropped = F.dropout(torch.ones_like(norm), alpha).eq(0) if training else torch.ones_like(low)
    keep = (~(low & dropped)).to(w.dtype)
    return (rows * (keep.T if units else keep)).view_as(w)


def by_rank(_, w, gamma=0.5, alpha=0.5, training=True, units=False):
    """One row and weight after the other, in NumPy."""
    y = w.copy()
    n = len(w) if units else w[0].size
    torch.manual_seed(20_024)
    drawn = F.dropout(torch.ones(n if units else (len(w), n), dtype=torch.float64), alpha).numpy() == 0
    rank = [[sum(b < a for b in row) for a in row] for row in (np.abs(w[o]).flatten().tolist() for o in range(len(w)))]
    lengths = [float((w[o] ** 2).sum() ** 0.5) for o in range(len(w))]
    for o in range(len(w)):
        if units:
            if sum(b < lengths[o] for b in lengths) < int(gamma * n) and (drawn[o] or not training):
                y[o] = 0
            continue
        for k, i in enumerate(np.ndindex(w.shape[1:])):
            if rank[o][k] < int(gamma * n) and (drawn[o, k] or not training):
                y[(o, *i)] = 0
    return y


BAD = (
    Bad(lambda: targeted_dropout(DENSE, 1.1), r"^targeted_dropout: gamma must lie in \[0, 1\], got 1.1$"),
    Bad(lambda: targeted_dropout(DENSE, -0.1), r"^targeted_dropout: gamma must lie in \[0, 1\], got -0.1$"),
    Bad(lambda: targeted_dropout(DENSE, 0.5, 2.0), r"^targeted_dropout: alpha must lie in \[0, 1\], got 2.0$"),
    Bad(lambda: targeted_dropout(DENSE[0]), r"^targeted_dropout: weight must be floating point \(O, I, ...\), got .* of shape \(7,\)$"),
    Bad(lambda: targeted_dropout(DENSE.long()), r"^targeted_dropout: weight must be .*, got torch.int64 of shape \(5, 7\)$"),
    Bad(lambda: TargetedDropout(2.0), r"^TargetedDropout: gamma must lie in \[0, 1\], got 2.0$"),
    Bad(lambda: TargetedDropout(alpha=-1.0), r"^TargetedDropout: alpha must lie in \[0, 1\], got -1.0$"),
)
ORACLES = (Oracle("sorted thresholds in torch", by_threshold), Oracle("ranks in NumPy, weight by weight", by_rank, "numpy"))
SHARES = {"gamma": 0.6, "alpha": 0.35}

CASES = [
    Case(
        METHOD,
        name,
        function(targeted_dropout, **options),
        lambda: [Sample((DENSE,)), Sample((IMAGE,), name="convolution")],
        tuple(Oracle(o.name, lambda *a, o=o, options=options: o.call(*a, **options), o.kind) for o in ORACLES),
        hard=lambda: [Sample((DENSE * 1e4 + 1e4,), name="large")],
        degenerate=lambda: [Sample((DENSE[:1, :1],), name="one weight"), Sample((DENSE[:1],), name="one unit")],
        seeded=True,
        bad=BAD if name == "weights" else (),
    )
    for name, options in (
        ("weights", SHARES),
        ("units", SHARES | {"units": True}),
        ("weights, evaluation", SHARES | {"training": False}),
        ("units, evaluation", SHARES | {"training": False, "units": True}),
        ("defaults", {}),
    )
] + [
    Case(
        METHOD,
        "parametrization",
        lambda: TargetedDropout(0.3, 0.8),
        lambda: [Sample((rand(4, 11, seed=3),))],
        (Oracle("sorted thresholds in torch", lambda *a: by_threshold(*a, gamma=0.3, alpha=0.8)),),
        seeded=True,
    )
]
