"""Cases of pruning: weights under their masks against ``torch.nn.utils.prune`` and ranks counted in NumPy; the slimming penalty."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn.utils import prune

from refimpl.compression.pruning import channel_masks, filter_mask, magnitude_masks, prune_, slim_, slimming_penalty
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn

METHOD = "pruning"
A, B = randn(5, 7, seed=1), randn(4, 3, 2, 3, seed=2)


def pruned_by_magnitude(*weights, amount):
    return tuple(w * mask for w, mask in zip(weights, magnitude_masks(weights, amount), strict=True))


def pruned_by_filter(weight, **options):
    return weight * filter_mask(weight, **options)


def holder(*weights):
    """A module whose parameters have these values, for ``prune``, which acts on modules."""
    made = nn.ParameterList([nn.Parameter(w.detach().clone()) for w in weights])
    return made, [(made, str(i)) for i in range(len(weights))]


def torch_magnitude(_, *weights, amount):
    module, names = holder(*weights)
    prune.global_unstructured(names, prune.L1Unstructured, amount=amount)
    return tuple(w * getattr(module, f"{i}_mask") for i, w in enumerate(weights))


def torch_filter(_, weight, amount, p=1.0, dim=0):
    module, _ = holder(weight)
    prune.ln_structured(module, "0", amount, p, dim)
    return weight * getattr(module, "0_mask")


def ranked_magnitude(_, *weights, amount):
    every = sorted(abs(v) for w in weights for v in w.flatten())
    removed = set(every[: round(amount * len(every))])
    return tuple(np.array([0.0 if abs(v) in removed else v for v in w.flatten()]).reshape(w.shape) for w in weights)


def ranked_filter(_, weight, amount, p=1.0, dim=0):
    slices = np.moveaxis(weight.copy(), dim, 0)
    norms = [(abs(s) ** p).sum() ** (1 / p) for s in slices]
    for o in np.argsort(norms)[: round(amount * len(norms))]:
        slices[o] = 0
    return np.moveaxis(slices, 0, dim)


def network():
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.BatchNorm2d(3, affine=False), nn.Flatten(), nn.Linear(3, 2)).double()


class Penalized(nn.Module):
    """A convolution, two normalizations with scale, one without, and the penalty of the whole."""

    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList(
            [nn.Conv1d(2, 3, 1), nn.BatchNorm2d(3), nn.Sequential(nn.BatchNorm1d(2)), nn.BatchNorm3d(4, affine=False)]
        )
        with torch.no_grad():
            self.parts[1].weight.copy_(torch.tensor([0.5, -2.0, 0.25]))
            self.parts[2][0].weight.copy_(torch.tensor([-1.5, 3.0]))

    def forward(self, loss):
        return loss + slimming_penalty(self, 0.3)


BAD = (
    Bad(lambda: magnitude_masks([A], 1.2), r"^magnitude_masks: amount must lie in \[0, 1\], got 1.2$"),
    Bad(lambda: magnitude_masks([A], -0.1), r"^magnitude_masks: amount must lie in \[0, 1\], got -0.1$"),
    Bad(lambda: magnitude_masks([], 0.2), r"^magnitude_masks: expected at least one tensor, got none$"),
    Bad(lambda: filter_mask(A, 2.0), r"^filter_mask: amount must lie in \[0, 1\], got 2.0$"),
    Bad(lambda: filter_mask(A[0], 0.5), r"^filter_mask: weight must have at least 2 dimensions, got shape \(7,\)$"),
    Bad(lambda: prune_(nn.Linear(2, 3), torch.ones(3, 2), "scale"), r"^prune_: expected the name of a parameter of Linear, got 'scale'$"),
    Bad(lambda: prune_(nn.ReLU(), torch.ones(1)), r"^prune_: expected the name of a parameter of ReLU, got 'weight'$"),
    Bad(lambda: prune_(nn.Linear(2, 3), torch.ones(2, 3)), r"^prune_: mask must broadcast to weight \(3, 2\), got shape \(2, 3\)$"),
    Bad(lambda: prune_(nn.Linear(2, 3), torch.ones(3)), r"^prune_: mask must broadcast to weight \(3, 2\), got shape \(3,\)$"),
    Bad(lambda: slimming_penalty(nn.Linear(2, 2), 0.1), r"^slimming_penalty: expected a model with batch normalization .*, got Linear$"),
    Bad(lambda: channel_masks(nn.Linear(2, 2), 0.1), r"^channel_masks: expected a model with batch normalization .*, got Linear$"),
    Bad(lambda: slim_(*network()[:2], [], torch.ones(2) > 0), r"^slim_: keep must have shape \(3,\) with a True, got \[True, True\]$"),
    Bad(
        lambda: slim_(*network()[:2], [], torch.zeros(3) > 0),
        r"^slim_: keep must have shape \(3,\) with a True, got \[False, False, False\]$",
    ),
    Bad(
        lambda: slim_(nn.Conv2d(3, 3, 1, groups=3), network()[1], [], torch.ones(3) > 0),
        r"^slim_: convolutions must have one group, got Conv",
    ),
    Bad(
        lambda: slim_(*network()[:2], [nn.Linear(3, 2), nn.Conv2d(3, 6, 1, groups=3)], torch.ones(3) > 0),
        r"^slim_: convolutions must have one group, got Conv2d\(3, 6, .*groups=3\)$",
    ),
)

CASES = [
    Case(
        METHOD,
        "magnitude",
        function(pruned_by_magnitude),
        lambda: [
            Sample((A, B), {"amount": 0.37}, "two tensors"),
            Sample((B,), {"amount": 0.9}),
            Sample((A,), {"amount": 0.0}, "nothing"),
            Sample((A,), {"amount": 1.0}, "everything"),
        ],
        (Oracle("torch.nn.utils.prune", torch_magnitude), Oracle("ranks in NumPy", ranked_magnitude, "numpy")),
        dtypes=(torch.float64, torch.float32),  # in two bytes magnitudes tie, and which of them goes is open
        bad=BAD,
        compiles="what is tested is a wrapper; masks are made once, before training",
    ),
    *(
        Case(
            METHOD,
            f"filters, {name}",
            function(pruned_by_filter, **options),
            lambda: [Sample((B,), {"amount": 0.5}), Sample((A,), {"amount": 0.6}, "dense")],
            (
                Oracle("torch.nn.utils.prune", lambda *a, o=options, **k: torch_filter(*a, **o, **k)),
                Oracle("norms in NumPy", lambda *a, o=options, **k: ranked_filter(*a, **o, **k), "numpy"),
            ),
            compiles="as above",
        )
        for name, options in (("L1", {}), ("L2 of inputs", {"p": 2.0, "dim": 1}), ("L3, last", {"p": 3.0, "dim": -1}))
    ),
    Case(
        METHOD,
        "slimming penalty",
        Penalized,
        lambda: [Sample((randn(seed=4),))],
        (
            Oracle(
                "sum of magnitudes in torch",
                lambda p, x: x + 0.3 * torch.cat([p["parts.1.weight"], p["parts.2.0.weight"]]).abs().sum(),
            ),
            Oracle("by hand", lambda _, x: x + 0.3 * (0.5 + 2 + 0.25 + 1.5 + 3), "numpy"),
        ),
    ),
]
