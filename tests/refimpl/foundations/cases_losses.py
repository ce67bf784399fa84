"""Cases of the losses; the NumPy oracles take the formulas of the papers one number, one pair or one row at a time."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.foundations.losses import LOSSES
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn

METHOD = "losses"
IN_NUMPY = "the formula in NumPy, number by number"


def reduced(values, reduction, batch=1):
    values = np.asarray(values, dtype=float)
    return {
        "none": values,
        "sum": values.sum(),
        "mean": values.sum() / values.size if values.size else np.nan,
        "batchmean": values.sum() / batch,
    }[reduction]


def entries(formula):
    """A NumPy oracle from a formula of one input and one target."""

    def call(_, input, target, reduction="mean", **options):
        flat = [formula(float(s), float(t), **options) for s, t in zip(input.ravel(), target.ravel(), strict=True)]
        return reduced(np.array(flat).reshape(input.shape), reduction, max(len(input), 1))

    return Oracle(IN_NUMPY, call, "numpy")


def huber(s, t, delta=1.0):
    r = abs(s - t)
    return r * r / 2 if r <= delta else delta * (r - delta / 2)


def smooth_l1(s, t, beta=1.0):
    r = abs(s - t)
    return r * r / 2 / beta if r < beta else r - beta / 2


def tukey(s, t, c=4.685):
    r = s - t
    return c * c / 6 * (1 - (1 - (r / c) ** 2) ** 3) if abs(r) <= c else c * c / 6


def torch_tukey(_, input, target, reduction="mean", c=4.685):
    r = (input - target) / c
    loss = torch.where(r.abs() < 1, r.square() / 2 - r**4 / 2 + r**6 / 6, 1 / 6) * c**2
    return {"none": loss, "mean": loss.mean(), "sum": loss.sum()}[reduction]


def log_p(s):
    """log of 1 / (1 + exp(-s)) where exp does not overflow."""
    return -math.log1p(math.exp(-s)) if s > -30 else s


def bce(s, t):
    return -t * log_p(s) - (1 - t) * log_p(-s)


def focal(s, t, alpha=0.25, gamma=2.0):
    p = math.exp(log_p(s))
    p_t, a_t = p * t + (1 - p) * (1 - t), (alpha * t + (1 - alpha) * (1 - t)) if alpha >= 0 else 1.0
    return a_t * (1 - p_t) ** gamma * bce(s, t)


def torch_hinge(input, target, reduction="mean", margin=1.0):
    loss = torch.relu(margin - target * input)
    return {"none": loss, "mean": loss.mean(), "sum": loss.sum()}[reduction]


def focal_entries():
    """As ``entries``, with the reduction that is the default of this loss."""
    oracle = entries(focal)
    return Oracle(oracle.name, lambda _, s, target, reduction="none", **options: oracle.call(_, s, target, reduction, **options), "numpy")


def torch_focal(_, input, target, alpha=0.25, gamma=2.0, reduction="none"):
    """Of hard targets: the loss of the signed score."""
    sign = 2 * target - 1
    p = torch.sigmoid(sign * input)
    weight = 1.0 if alpha < 0 else torch.where(target > 0.5, torch.full_like(input, alpha), torch.full_like(input, 1 - alpha))
    loss = -weight * (1 - p) ** gamma * p.log() if gamma else -weight * p.log()
    return {"none": loss, "mean": loss.mean(), "sum": loss.sum()}[reduction]


def divergence(q, t, log_target=False):
    t = math.exp(t) if log_target else t
    return t * (math.log(t) - q) if t else 0.0


def numpy_weighted_bce(_, input, target, weight=None, *, reduction="mean", pos_weight=None):
    weight = np.ones(1) if weight is None else weight
    positive = np.ones(1) if pos_weight is None else pos_weight
    w, c = np.broadcast_to(weight, input.shape), np.broadcast_to(positive, input.shape)
    loss = np.zeros(input.shape)
    for at in np.ndindex(input.shape):
        s, t = input[at], target[at]
        loss[at] = w[at] * (-c[at] * t * log_p(s) - (1 - t) * log_p(-s))
    return reduced(loss, reduction)


def numpy_multi_margin(_, input, target, p=1, margin=1.0, weight=None, *, reduction="mean"):
    classes = input.shape[1]
    loss = []
    for row, y in zip(input, target, strict=True):
        short = sum(max(0.0, margin - row[y] + row[j]) ** p for j in range(classes) if j != y)
        loss.append((1.0 if weight is None else weight[y]) * short / classes)
    return reduced(loss, reduction)


def numpy_contrastive(_, a, b, target, margin=1.0, reduction="mean"):
    loss = np.zeros(target.shape)
    for at in np.ndindex(target.shape):
        d = math.sqrt(sum((u - v) ** 2 for u, v in zip(a[at], b[at], strict=True)))
        loss[at] = (1 - target[at]) * d * d / 2 + target[at] * max(0.0, margin - d) ** 2 / 2
    return reduced(loss, reduction)


def torch_contrastive(_, a, b, target, margin=1.0, reduction="mean"):
    d = F.pairwise_distance(a, b, eps=0.0)
    loss = torch.where(target > 0, F.relu(margin - d) ** 2, d**2) / 2
    return {"none": loss, "mean": loss.mean(), "sum": loss.sum()}[reduction]


def numpy_triplet(_, anchor, positive, negative, margin=1.0, p=2.0, eps=1e-6, swap=False, *, reduction="mean"):
    def distance(u, v):
        return sum(abs(x - y + eps) ** p for x, y in zip(u, v, strict=True)) ** (1 / p)

    loss = []
    for a, b, c in zip(anchor, positive, negative, strict=True):
        far = min(distance(a, c), distance(b, c)) if swap else distance(a, c)
        loss.append(max(0.0, distance(a, b) - far + margin))
    return reduced(loss, reduction)


def numpy_nt_xent(_, first, second, temperature=0.5, reduction="mean"):
    views = [v / np.sqrt((v * v).sum()) for v in (*first, *second)]
    n, loss = len(first), []
    for i, z in enumerate(views):
        j = (i + n) % (2 * n)
        scores = {k: float(z @ other) / temperature for k, other in enumerate(views) if k != i}
        top = max(scores.values())
        loss.append(-scores[j] + top + math.log(sum(math.exp(s - top) for s in scores.values())))
    return reduced(loss, reduction)


def torch_nt_xent(_, first, second, temperature=0.5, reduction="mean"):
    """From all cosine similarities, row by row."""
    views = torch.cat([first, second])
    cosine = F.cosine_similarity(views[:, None], views[None], dim=2) / temperature
    n = len(first)
    rows = [torch.logsumexp(cosine[i][torch.arange(2 * n) != i], 0) - cosine[i, (i + n) % (2 * n)] for i in range(2 * n)]
    loss = torch.stack(rows)
    return {"none": loss, "mean": loss.mean(), "sum": loss.sum()}[reduction]


def built_in(name):
    return Oracle(f"torch.nn.functional.{name}", lambda _, *a, **k: getattr(F, name)(*a, **k))


S, T = randn(4, 3, seed=1) * 2, randn(4, 3, seed=2) * 2
SIDES, COINS = torch.sign(rand(4, 3, seed=3)), (rand(4, 3, seed=4) > 0).double()
SOFT, ROWS = rand(4, 3, seed=5, low=0.05, high=0.95), torch.tensor([2, 0, 1, 1])
Q, P = torch.log_softmax(randn(4, 3, seed=6), 1), torch.softmax(randn(4, 3, seed=7), 1)
WEIGHT = torch.tensor([0.5, 2.0, 1.5], dtype=torch.float64)
A, B, C = randn(4, 3, seed=8), randn(4, 3, seed=9), randn(4, 3, seed=10)
PAIRS = torch.tensor([0.0, 1, 1, 0], dtype=torch.float64)
EMPTY = torch.zeros(0, 3, dtype=torch.float64)


def bad(name, *rows):
    """Errors of one loss: (arguments, options, what follows its name)."""
    return tuple(Bad(lambda a=a, k=k: LOSSES[name](*a, **k), f"^{name}: {message}") for a, k, message in rows)


SHAPE = ((S, T[:3]), {}, r"target must have the shape of input \(4, 3\), got \(3, 3\)$")
TYPES = (
    ((S.long(), T), {}, r"input must be floating point, got torch.int64$"),
    ((S, T.int()), {}, r"target must be floating point, got torch.int32$"),
)
REDUCTION = ((S, T), {"reduction": "avg"}, r"reduction must be one of none, mean, sum, got 'avg'$")


def case(name, samples, oracles, errors=(), hard=(), degenerate=None, **options):
    """Defaults are tried by the first sample, every reduction by the others."""
    empty = [Sample((EMPTY, EMPTY), {"reduction": "sum"}, "empty batch")] if degenerate is None else degenerate
    return Case(
        METHOD,
        name,
        function(LOSSES[name]),
        lambda: samples,
        oracles,
        hard=lambda: hard,
        degenerate=lambda: empty,
        bad=bad(name, *errors),
        **options,
    )


def regression(name, formula, oracle, option, value, errors=()):
    """A loss of a residual with one parameter."""
    return case(
        name,
        [
            Sample((S, T)),
            Sample((S, T), {"reduction": "none", option: value}, "no reduction"),
            Sample((S, T), {"reduction": "sum", option: 2 * value}, "sum"),
        ],
        (oracle, entries(formula)),
        (SHAPE, *TYPES, REDUCTION, *errors),
        [Sample((S + 1e4, T + 1e4), {}, "mean 1e4"), Sample((S * 1e4, T), {}, "large"), Sample((S, S), {}, "no residual")],
    )


CASES = [
    case(
        "mse_loss",
        [Sample((S, T)), Sample((S, T), {"reduction": "none"}, "no reduction"), Sample((S, T), {"reduction": "sum"}, "sum")],
        (built_in("mse_loss"), entries(lambda s, t: (s - t) ** 2)),
        (SHAPE, *TYPES, REDUCTION),
        [Sample((S, S), {}, "no residual")],
        gradcheck=2,
    ),
    case(
        "l1_loss",
        [Sample((S, T)), Sample((S, T), {"reduction": "none"}, "no reduction"), Sample((S, T), {"reduction": "sum"}, "sum")],
        (built_in("l1_loss"), entries(lambda s, t: abs(s - t))),
        (SHAPE, *TYPES, REDUCTION),
        [Sample((S, S), {}, "no residual")],
    ),
    regression(
        "huber_loss",
        huber,
        built_in("huber_loss"),
        "delta",
        0.7,
        [((S, T), {"delta": 0.0}, r"delta must be positive, got 0.0$")],
    ),
    regression(
        "smooth_l1_loss",
        smooth_l1,
        built_in("smooth_l1_loss"),
        "beta",
        0.7,
        [((S, T), {"beta": -0.5}, r"beta must be non-negative, got -0.5$")],
    ),
    regression(
        "tukey_biweight_loss",
        tukey,
        Oracle("the polynomial r^2/2 - r^4/2 + r^6/6 in torch", torch_tukey),
        "c",
        1.2,
        [((S, T), {"c": 0.0}, r"c must be positive, got 0.0$")],
    ),
    case(
        "hinge_loss",
        [
            Sample((S, SIDES)),
            Sample((S, SIDES), {"reduction": "none", "margin": 0.3}, "margin"),
            Sample((S, SIDES), {"reduction": "sum", "margin": 2.0}, "sum"),
        ],
        (
            Oracle("torch.relu", lambda _, *a, **k: torch_hinge(*a, **k)),
            entries(lambda s, t, margin=1.0: max(0.0, margin - t * s)),
        ),
        (SHAPE, *TYPES, REDUCTION),
        [Sample((S * 1e4, SIDES), {}, "large")],
    ),
    case(
        "multi_margin_loss",
        [
            Sample((S, ROWS)),
            Sample((S, ROWS, 2, 0.4), {"weight": WEIGHT, "reduction": "none"}, "squared, weighted"),
            Sample((S, ROWS, 1, 2.5), {"weight": WEIGHT, "reduction": "sum"}, "sum"),
        ],
        (built_in("multi_margin_loss"), Oracle("the formula in NumPy, row by row", numpy_multi_margin, "numpy")),
        (
            ((S[0], ROWS), {}, r"expected floating input \(N, C\) and target \(N,\), got torch.float64 \(3,\) and \(4,\)$"),
            ((S[:, 0], ROWS), {}, r"expected floating input .* got torch.float64 \(4,\) and \(4,\)$"),
            ((S.long(), ROWS), {}, r"expected floating input .* got torch.int64 \(4, 3\) and \(4,\)$"),
            ((S, ROWS[:2]), {}, r"expected floating input .* got torch.float64 \(4, 3\) and \(2,\)$"),
            ((S, ROWS, 3), {}, r"p must be 1 or 2, got 3$"),
            ((S, ROWS), {"weight": WEIGHT[:2]}, r"weight must have shape \(3,\), one number a class, got \(2,\)$"),
            ((S, ROWS), {"reduction": "avg"}, r"reduction must be one of none, mean, sum, got 'avg'$"),
        ),
        [Sample((S * 1e4, ROWS), {}, "large")],
        [Sample((EMPTY, ROWS[:0]), {"reduction": "sum"}, "empty batch"), Sample((S[:, :1], ROWS * 0), {}, "one class")],
    ),
    case(
        "binary_cross_entropy_with_logits",
        [
            Sample((S, SOFT)),
            Sample((S, SOFT), {"weight": SOFT + 0.5, "pos_weight": WEIGHT, "reduction": "none"}, "weighted"),
            Sample((S, COINS), {"pos_weight": WEIGHT, "weight": WEIGHT.flip(0), "reduction": "sum"}, "sum"),
        ],
        (
            built_in("binary_cross_entropy_with_logits"),
            Oracle(IN_NUMPY, numpy_weighted_bce, "numpy"),
        ),
        (SHAPE, *TYPES, REDUCTION),
        [Sample((S * 1e4, COINS), {"reduction": "none"}, "extreme logits"), Sample((S * 0, SOFT), {}, "all zero")],
    ),
    case(
        "sigmoid_focal_loss",
        [
            Sample((S,), {"target": COINS}),
            Sample((S,), {"target": COINS, "alpha": 0.4, "gamma": 1.5, "reduction": "mean"}, "mean"),
            Sample((S,), {"target": COINS, "alpha": -1.0, "gamma": 3.0, "reduction": "sum"}, "no alpha, sum"),
            Sample((S,), {"target": COINS, "alpha": 0.0, "gamma": 0.0}, "alpha 0, gamma 0"),
            Sample((S,), {"target": COINS, "alpha": 1.0}, "alpha 1"),
        ],
        (Oracle("the loss of the signed score in torch", torch_focal), focal_entries()),
        (
            SHAPE,
            *TYPES,
            REDUCTION,
            ((S, COINS), {"alpha": 1.5}, r"alpha must be at most 1, got 1.5$"),
            ((S, COINS), {"gamma": -0.5}, r"gamma must be non-negative, got -0.5$"),
        ),
        [Sample((S * 10,), {"target": COINS}, "large logits"), Sample((S * 0,), {"target": COINS}, "all zero")],
        [Sample((EMPTY,), {"target": EMPTY}, "empty batch")],
    ),
    case(
        "kl_div",
        [
            Sample((Q, P)),
            Sample((Q, P), {"reduction": "batchmean"}, "divergence"),
            Sample((Q, P.log()), {"reduction": "none", "log_target": True}, "log target"),
            Sample((Q, P.log()), {"reduction": "sum", "log_target": True}, "sum, log target"),
        ],
        (built_in("kl_div"), entries(divergence)),
        (SHAPE, *TYPES, REDUCTION),
        [Sample((Q,), {"target": COINS}, "zeros in the target"), Sample((Q - 1e4,), {"target": P}, "improbable")],
    ),
    case(
        "contrastive_loss",
        [
            Sample((A, A + 0.2 * B), {"target": PAIRS}),
            Sample((A, B), {"target": PAIRS, "margin": 3.5, "reduction": "none"}, "margin"),
            Sample((A, B), {"target": 1 - PAIRS, "margin": 3.5, "reduction": "sum"}, "sum"),
        ],
        (
            Oracle("torch.nn.functional.pairwise_distance", torch_contrastive),
            Oracle("the formula in NumPy, pair by pair", numpy_contrastive, "numpy"),
        ),
        (
            ((A, B[:3], PAIRS), {}, r"input2 must have the shape of input1 \(4, 3\), got \(3, 3\)$"),
            ((A, B, PAIRS[:2]), {}, r"target must have shape \(4,\), got \(2,\)$"),
            ((A, B, PAIRS), {"reduction": "avg"}, r"reduction must be one of none, mean, sum, got 'avg'$"),
        ),
        [Sample((A + 1e4, A + 1e4), {"target": PAIRS}, "same places"), Sample((A * 1e4, B), {"target": PAIRS}, "far apart")],
        [
            Sample((EMPTY, EMPTY), {"target": PAIRS[:0], "reduction": "sum"}, "empty batch"),
            Sample((A[0], B[0]), {"target": PAIRS[1]}, "one pair"),
        ],
    ),
    case(
        "triplet_margin_loss",
        [
            Sample((A, B, C)),
            Sample((A, B, C, 2.5, 3.0, 0.1, True), {"reduction": "none"}, "swap, norm of order 3"),
            Sample((A, B, C), {"margin": 0.3, "p": 1.5, "reduction": "sum"}, "sum"),
        ],
        (built_in("triplet_margin_loss"), Oracle("the formula in NumPy, triple by triple", numpy_triplet, "numpy")),
        (
            ((A, B[:3], C), {}, r"positive must have the shape of anchor \(4, 3\), got \(3, 3\)$"),
            ((A, B, C.long()), {}, r"negative must be floating point, got torch.int64$"),
            ((A, B, C), {"margin": 0.0}, r"margin must be positive, got 0.0$"),
            ((A, B, C), {"reduction": "avg"}, r"reduction must be one of none, mean, sum, got 'avg'$"),
        ),
        [Sample((A, A, A), {}, "same places"), Sample((A * 100, B, C), {}, "far apart")],
        [Sample((EMPTY, EMPTY, EMPTY), {"reduction": "sum"}, "empty batch")],
    ),
    case(
        "nt_xent_loss",
        [
            Sample((A, B)),
            Sample((A, B, 0.1), {"reduction": "none"}, "sharp"),
            Sample((A, B), {"temperature": 2.0, "reduction": "sum"}, "sum"),
        ],
        (
            Oracle("torch.nn.functional.cosine_similarity, row by row", torch_nt_xent),
            Oracle("the formula in NumPy, view by view", numpy_nt_xent, "numpy"),
        ),
        (
            ((A, B[:3]), {}, r"input2 must have the shape of input1 \(4, 3\), got \(3, 3\)$"),
            ((A[0], B[0]), {}, r"input1 must be \(N, D\), got \(3,\)$"),
            ((A, B, 0.0), {}, r"temperature must be positive, got 0.0$"),
        ),
        [Sample((A * 1e4, B * 1e-4), {}, "lengths that do not matter"), Sample((A, A, 1e-2), {"reduction": "none"}, "very sharp")],
        [Sample((A[:1], B[:1]), {}, "one example")],
        tolerance={torch.bfloat16: 4e-2},  # the gradient is orthogonal to the view: what remains of a difference of rounded numbers
    ),
]
