"""Cases of connectionist temporal classification: PyTorch's loss behind a log-softmax, and the sum over all paths."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.recurrent.ctc import CTCLoss, ctc_loss
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn

METHOD = "ctc"


def through_softmax(logits, *args, loss, **options):
    return loss(logits.log_softmax(-1), *args, **options)


def labels_of(path, blank):
    """The map B, step by step."""
    kept = []
    for j, symbol in enumerate(path):
        if symbol != blank and (j == 0 or symbol != path[j - 1]):
            kept.append(int(symbol))
    return kept


def strings(targets, lengths):
    if getattr(targets, "ndim", 1) == 2:
        return [[int(v) for v in row[:n]] for row, n in zip(targets, lengths, strict=True)]
    starts = np.cumsum([0, *lengths])
    return [[int(v) for v in targets[a:b]] for a, b in itertools.pairwise(starts)]


def path_sums(p, log_probs, targets, inputs, outputs, blank=0, reduction="mean", zero_infinity=False):
    """-ln of the sum of the probabilities of all paths that collapse to the string, in NumPy."""
    alone = log_probs.ndim == 2
    if alone:
        log_probs = log_probs[:, None]
    losses = []
    for n, string in enumerate(strings(targets, outputs)):
        total = 0.0
        for path in itertools.product(range(log_probs.shape[2]), repeat=int(inputs[n])):
            if labels_of(path, blank) == string:
                total += np.exp(sum(log_probs[t, n, k] for t, k in enumerate(path)))
        with np.errstate(divide="ignore"):
            losses.append(-np.log(total))
    losses = np.array(losses)
    if zero_infinity:
        losses[np.isinf(losses)] = 0.0
    if reduction == "mean":
        return np.mean(losses / np.maximum(np.array(outputs, dtype=float), 1))
    return losses.sum() if reduction == "sum" else losses[0] if alone else losses


def path_sums_by_autograd(p, log_probs, targets, inputs, outputs, blank=0):
    """The same, not reduced, to be differentiated by the log-probabilities themselves."""
    losses = []
    for n, string in enumerate(strings(targets, outputs)):
        paths = [q for q in itertools.product(range(log_probs.shape[2]), repeat=inputs[n]) if labels_of(q, blank) == string]
        losses.append(-torch.stack([log_probs[range(len(q)), n, q].sum() for q in paths]).logsumexp(0))
    return torch.stack(losses)


def numpy_softmax(p, logits, *args, **options):
    shifted = logits - logits.max(-1, keepdims=True)
    return path_sums(p, shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)), *args, **options)


ORACLES = (
    Oracle("torch.nn.functional.ctc_loss", lambda p, *args, **options: through_softmax(*args, loss=F.ctc_loss, **options)),
    Oracle("sum over all paths in NumPy", numpy_softmax, "numpy"),
)
BUILT_IN = ORACLES[:1]
LOGITS = randn(5, 3, 4, seed=1)
LONG = randn(23, 4, 6, seed=2)
PADDED = torch.tensor([[1, 2, 9], [3, 3, 9], [1, 1, 2]])  # the second has a repeat; its third label is padding
TOGETHER = torch.tensor([1, 2, 2, 5, 4, 1, 1, 1, 3, 2])
Z = torch.zeros
COMPILED = "compiled with the default options; the compiler unrolls the frames"
LP = Z(5, 2, 3)
T2 = torch.ones(2, 2).long()


def whole(**options) -> Case:
    """The loss behind a log-softmax with some options."""
    name = ", ".join(f"{k} {v}" for k, v in options.items()) or "defaults"
    make = function(through_softmax, loss=ctc_loss, **options)
    oracles = tuple(Oracle(o.name, partial(o.call, **options), o.kind) for o in ORACLES)
    targets = PADDED % 3 if options.get("blank") else PADDED
    samples = [Sample((LOGITS, targets, (5, 4, 5), (2, 2, 3)))]
    return Case(METHOD, f"loss of logits, {name}", make, lambda: samples, oracles, compiles=not options or COMPILED)


BAD = (
    Bad(
        lambda: ctc_loss(Z(5), T2, [5], [2]),
        r"^ctc_loss: log_probs must be floating point \(T, N, C\) or \(T, C\), got torch.float32 of shape \(5,\)$",
    ),
    Bad(
        lambda: ctc_loss(LP.long(), T2, [5], [2]),
        r"log_probs must be floating point \(T, N, C\) or \(T, C\), got torch.int64 of shape \(5, 2, 3\)$",
    ),
    Bad(lambda: ctc_loss(LP, T2, [5, 5], [2, 2], 3), r"^ctc_loss: blank must lie in \[0, 3\), got 3$"),
    Bad(lambda: ctc_loss(LP, T2, [5, 5], [2, 2], -1), r"^ctc_loss: blank must lie in \[0, 3\), got -1$"),
    Bad(lambda: ctc_loss(LP, T2, [5, 5], [2, 2], reduction="max"), r"^ctc_loss: reduction must be one of none, mean, sum, got 'max'$"),
    Bad(lambda: ctc_loss(LP, T2, [5], [2, 2]), r"^ctc_loss: input_lengths must be 2 numbers in \[0, 5\], got \[5\]$"),
    Bad(lambda: ctc_loss(LP, T2, [5, 6], [2, 2]), r"^ctc_loss: input_lengths must be 2 numbers in \[0, 5\], got \[5, 6\]$"),
    Bad(lambda: ctc_loss(LP, T2, torch.tensor([-1, 5]), [2, 2]), r"^ctc_loss: input_lengths must be 2 numbers in \[0, 5\], got \[-1, 5\]$"),
    Bad(lambda: ctc_loss(LP, T2, [5, 5], [2, 3]), r"^ctc_loss: target_lengths must be 2 numbers in \[0, 2\], got \[2, 3\]$"),
    Bad(
        lambda: ctc_loss(LP, T2.double(), [5, 5], [2, 2]),
        r"^ctc_loss: targets must be integers \(N, S\) or \(sum,\), got torch.float64 of shape \(2, 2\)$",
    ),
    Bad(
        lambda: ctc_loss(LP, T2[None], [5, 5], [2, 2]),
        r"targets must be integers \(N, S\) or \(sum,\), got torch.int64 of shape \(1, 2, 2\)$",
    ),
    Bad(lambda: ctc_loss(LP, T2[:1], [5, 5], [2, 2]), r"^ctc_loss: targets must have 2 rows, got shape \(1, 2\)$"),
    Bad(lambda: ctc_loss(LP, T2[0], [5, 5], [2, 1]), r"^ctc_loss: targets must hold the sum of target_lengths, 3 labels, got 2$"),
)

CASES = [
    whole(),
    Case(
        METHOD,
        "loss of longer logits",
        function(through_softmax, loss=ctc_loss, blank=5),
        lambda: [Sample((LONG, TOGETHER % 5, (23, 20, 11, 9), (3, 4, 0, 3)))],
        tuple(Oracle(o.name, partial(o.call, blank=5), o.kind) for o in BUILT_IN),
        hard=lambda: [
            Sample((LONG * 100, TOGETHER % 5, (23, 20, 11, 9), (3, 4, 0, 3)), name="logits of 300"),
            Sample((LONG + 1e4, TOGETHER % 5, (23, 20, 11, 9), (3, 4, 0, 3)), name="mean 1e4"),
            Sample((LONG * 0, TOGETHER % 5, (23, 20, 11, 9), (3, 4, 0, 3)), name="all equal"),
        ],
        hard_tolerance=5e-4,  # logits near 1e4 are known to 1e-3 in float32
        compiles=COMPILED,
    ),
    whole(reduction="none", blank=3),
    whole(reduction="sum", zero_infinity=True),
    Case(
        METHOD,
        "loss of logits, no batch",
        function(through_softmax, loss=ctc_loss, reduction="none"),
        lambda: [Sample((LOGITS[:, 0], torch.tensor([2, 2]), (5,), (2,)))],
        tuple(Oracle(o.name, partial(o.call, reduction="none"), o.kind) for o in ORACLES),
        bad=BAD,
        compiles=COMPILED,
    ),
    Case(
        METHOD,
        "gradient by the log-probabilities",
        function(ctc_loss, reduction="none"),
        lambda: [Sample((LOGITS, PADDED, (5, 4, 3), (2, 2, 0))), Sample((LOGITS, PADDED % 3, (5, 4, 5), (2, 1, 3)), {"blank": 3})],
        (Oracle("sum over all paths, by autograd", path_sums_by_autograd),),
        compiles=COMPILED,
    ),
    Case(
        METHOD,
        "layer",
        partial(CTCLoss, blank=2, reduction="sum"),
        lambda: [Sample((LOGITS, torch.tensor([[1, 3], [3, 3]]).repeat(2, 1)[:3], (5, 4, 5), (2, 2, 1)))],
        (Oracle("torch.nn.functional.ctc_loss on log-probabilities", lambda p, *a: path_sums_by_autograd(p, *a, blank=2).sum()),),
        compiles=COMPILED,
    ),
]
