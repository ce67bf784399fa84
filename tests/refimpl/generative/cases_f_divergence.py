"""Cases of f-divergences: the sum of q f(p / q) and the bound by the tables of the paper, one number at a time."""

from __future__ import annotations

import math

import numpy as np
import torch

from refimpl.generative.f_divergence import KINDS, f_divergence, output_activation, variational_bound
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn

METHOD = "optimal-transport"

GENERATORS = {
    "kl": lambda u: u * math.log(u),
    "reverse-kl": lambda u: -math.log(u),
    "pearson": lambda u: (u - 1) ** 2,
    "hellinger": lambda u: (math.sqrt(u) - 1) ** 2,
    "jensen-shannon": lambda u: u * math.log(u) - (u + 1) * math.log((u + 1) / 2),
    "gan": lambda u: u * math.log(u) - (u + 1) * math.log(u + 1),
}
ACTIVATIONS = {
    "kl": lambda v: v,
    "reverse-kl": lambda v: -math.exp(-v),
    "pearson": lambda v: v,
    "hellinger": lambda v: 1 - math.exp(-v),
    "jensen-shannon": lambda v: math.log(2) - math.log(1 + math.exp(-v)),
    "gan": lambda v: -math.log(1 + math.exp(-v)),
}
CONJUGATES = {
    "kl": lambda t: math.exp(t - 1),
    "reverse-kl": lambda t: -1 - math.log(-t),
    "pearson": lambda t: t * t / 4 + t,
    "hellinger": lambda t: t / (1 - t),
    "jensen-shannon": lambda t: -math.log(2 - math.exp(t)),
    "gan": lambda t: -math.log(1 - math.exp(t)),
}
IN_TORCH = {
    "kl": lambda u: u * u.log(),
    "reverse-kl": lambda u: -u.log(),
    "pearson": lambda u: u * u - 2 * u + 1,
    "hellinger": lambda u: u - 2 * u.sqrt() + 1,
    "jensen-shannon": lambda u: u * u.log() - (u + 1) * ((u + 1) / 2).log(),
    "gan": lambda u: u * u.log() - (u + 1) * (u + 1).log(),
}
BOUNDS_IN_TORCH = {  # T and f*(T) of numbers from p and q
    "kl": (lambda v: v, lambda t: torch.exp(t) / math.e),
    "reverse-kl": (lambda v: -1 / v.exp(), lambda t: -1 - (-t).log()),
    "pearson": (lambda v: v, lambda t: (t / 2 + 1) ** 2 - 1),
    "hellinger": (lambda v: 1 - 1 / v.exp(), lambda t: 1 / (1 - t) - 1),
    "jensen-shannon": (lambda v: (2 * torch.sigmoid(v)).log(), lambda t: -(2 - t.exp()).log()),
    "gan": (lambda v: torch.sigmoid(v).log(), lambda t: -(1 - t.exp()).log()),
}


def numpy_divergence(kind):
    def call(_, p, q):
        found = np.zeros(p.shape[:-1])
        for *batch, k in np.ndindex(p.shape):
            a, b = p[*batch, k], q[*batch, k]
            found[tuple(batch)] += b * GENERATORS[kind](a / b)
        return found

    return call


def numpy_bound(kind):
    def call(_, p_scores, q_scores):
        t_p, t_q = ([ACTIVATIONS[kind](v) for v in scores.flatten()] for scores in (p_scores, q_scores))
        return sum(t_p) / len(t_p) - sum(CONJUGATES[kind](t) for t in t_q) / len(t_q)

    return call


def torch_bound(kind):
    of_p, of_q = BOUNDS_IN_TORCH[kind]
    return lambda _, p_scores, q_scores: of_p(p_scores).mean() - of_q(of_p(q_scores)).mean()


def probabilities(*shape, seed):
    found = rand(*shape, seed=seed, low=0.1, high=1.0)
    return found / found.sum(-1, keepdim=True)


P, Q = probabilities(4, seed=1), probabilities(4, seed=2)
BAD = (
    Bad(
        lambda: f_divergence(P, Q[:3], "kl"),
        r"f_divergence: p and q must be floating point of one shape \(..., K\), got torch.float64 of shape \(4,\) and \(3,\)",
    ),
    Bad(lambda: f_divergence(P.long(), Q.long(), "kl"), r"f_divergence: p and q must be .*, got torch.int64 of shape \(4,\) and \(4,\)"),
    Bad(lambda: f_divergence(P[0], Q[0], "kl"), r"f_divergence: p and q must be .*, got torch.float64 of shape \(\) and \(\)"),
    Bad(lambda: f_divergence(P, Q, "tv"), "f_divergence: kind must be one of kl, reverse-kl, pearson, .*, gan, got 'tv'"),
    Bad(lambda: output_activation(P, "js"), "output_activation: kind must be one of kl, .*, got 'js'"),
    Bad(lambda: variational_bound(P, Q, "KL"), "variational_bound: kind must be one of kl, .*, got 'KL'"),
)

CASES = [
    Case(
        METHOD,
        f"{kind} divergence",
        function(f_divergence, kind=kind),
        lambda: [Sample((P, Q)), Sample((probabilities(2, 3, 5, seed=3), probabilities(2, 3, 5, seed=4)), {}, "batches")],
        (
            Oracle("sum of q f(p / q)", lambda _, p, q, kind=kind: (q * IN_TORCH[kind](p / q)).sum(-1)),
            Oracle("sum of q f(p / q) in NumPy, term by term", numpy_divergence(kind), "numpy"),
        ),
        degenerate=lambda: [
            Sample((P[:1] * 0 + 0.7, Q[:1] * 0 + 0.4), {}, "one place"),
            Sample((probabilities(0, 3, seed=1), probabilities(0, 3, seed=2)), {}, "empty batch"),
        ],
        hard=lambda: [Sample((P * 1e-12, Q), {}, "p far below q"), Sample((P, Q * 1e-3), {}, "q far below p")],
        hard_tolerance=1e-3 if kind == "hellinger" else 1e-4,  # the oracle squares what the code does not
        tolerance={torch.bfloat16: 5e-2},  # what is left of terms of both signs
        bad=BAD if kind == "kl" else (),
    )
    for kind in KINDS
] + [
    Case(
        METHOD,
        f"{kind} bound",
        function(variational_bound, kind=kind),
        lambda: [
            Sample((randn(5, seed=5), randn(3, seed=6) + 0.5)),
            Sample((randn(2, 3, seed=7), randn(2, 1, 4, seed=8)), {}, "any shape"),
        ],
        (
            Oracle("mean of T minus mean of f*(T)", torch_bound(kind)),
            Oracle("tables 1 and 2 in NumPy, number by number", numpy_bound(kind), "numpy"),
        ),
        degenerate=lambda: [Sample((randn(1, seed=9), randn(1, seed=10)), {}, "one example each")],
        tolerance={torch.bfloat16: 5e-2},  # what is left of terms of both signs
        gradcheck=2,
    )
    for kind in KINDS
]
