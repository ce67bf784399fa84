"""Cases of the restricted Boltzmann machine; the NumPy oracles add up energies term by term and sum over all states."""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch

from refimpl.foundations.rbm import RBM, energy, free_energy, log_partition
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "rbm"


def bits(n):
    return [np.array(state, dtype=float) for state in itertools.product((0, 1), repeat=n)]


def numpy_term(v, h, weight, a, b):
    total = -sum(x * y for x, y in zip(a, v, strict=True)) - sum(x * y for x, y in zip(b, h, strict=True))
    return total - sum(h[j] * weight[j, i] * v[i] for j in range(len(h)) for i in range(len(v)))


def numpy_energy(_, v, h, weight, a, b):
    out = np.zeros(v.shape[:-1])
    for at in np.ndindex(out.shape):
        out[at] = numpy_term(v[at], h[at], weight, a, b)
    return out


def numpy_free_energy(_, v, weight, a, b):
    """From the sum over all hidden states."""
    out = np.zeros(v.shape[:-1])
    for at in np.ndindex(out.shape):
        terms = [-numpy_term(v[at], h, weight, a, b) for h in bits(len(b))]
        out[at] = -max(terms) - math.log(sum(math.exp(t - max(terms)) for t in terms))
    return out


def numpy_log_partition(_, weight, a, b):
    """From the sum over all visible and hidden states."""
    terms = [-numpy_term(v, h, weight, a, b) for v in bits(len(a)) for h in bits(len(b))]
    return np.array(max(terms) + math.log(sum(math.exp(t - max(terms)) for t in terms)))


def numpy_hidden(_, v, weight, a, b):
    """From the energies of the two states of each unit, the others at 0."""
    out = np.zeros((*v.shape[:-1], len(b)))
    for at in np.ndindex(out.shape):
        off = np.zeros(len(b))
        on = off.copy()
        on[at[-1]] = 1
        difference = numpy_term(v[at[:-1]], on, weight, a, b) - numpy_term(v[at[:-1]], off, weight, a, b)
        out[at] = 1 / (1 + math.exp(difference))
    return out


def torch_energy(_, v, h, weight, a, b):
    return -torch.einsum("...j,ji,...i->...", h, weight, v) - (v * a).sum(-1) - (h * b).sum(-1)


def torch_free_energy(_, v, weight, a, b):
    states = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=v.dtype)] * len(b)).view(-1, len(b))
    terms = [-torch_energy(None, v, h.expand(*v.shape[:-1], -1), weight, a, b) for h in states]
    return -torch.logsumexp(torch.stack(terms), 0)


def torch_log_partition(_, weight, a, b):
    """Over all hidden states, with the product over the visible units in closed form."""
    states = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=a.dtype)] * len(b)).view(-1, len(b))
    return torch.logsumexp(states @ b + torch.nn.functional.softplus(a + states @ weight).sum(1), 0)


def of_module(call):
    return lambda p, v: call(None, v, p["weight"], p["visible_bias"], p["hidden_bias"])


V, H, V3 = (rand(5, 4, seed=1) > 0).double(), (rand(5, 3, seed=2) > 0).double(), rand(2, 3, 4, seed=3, low=0.0)
P = randn(3, 4, seed=4), randn(4, seed=5), randn(3, seed=6)
WIDE = randn(4, 3, seed=7), randn(3, seed=8), randn(4, seed=9)
SUMS = "the sum over states in NumPy, term by term"

BAD = (
    Bad(lambda: energy(V.long(), H, *P), r"^energy: v must be floating point, got torch.int64$"),
    Bad(lambda: energy(V, H[:, :2], *P), r"^energy: h must have shape \(5, 3\), got \(5, 2\)$"),
    Bad(lambda: free_energy(V[:, :3], *P), r"^free_energy: weight must be \(H, V\) for v \(..., V\), got \(3, 4\) for \(5, 3\)$"),
    Bad(lambda: free_energy(V[0, 0], *P), r"^free_energy: weight must be .* got \(3, 4\) for \(\)$"),
    Bad(lambda: free_energy(V, P[0][0], *P[1:]), r"^free_energy: weight must be .* got \(4,\) for \(5, 4\)$"),
    Bad(lambda: free_energy(V, P[0], P[2], P[2]), r"^free_energy: visible_bias must have shape \(4,\), got \(3,\)$"),
    Bad(lambda: free_energy(V, P[0], P[1], P[1]), r"^free_energy: hidden_bias must have shape \(3,\), got \(4,\)$"),
    Bad(
        lambda: log_partition(torch.zeros(21, 22), torch.zeros(22), torch.zeros(21)),
        r"^log_partition: expected at most 20 visible or hidden units, got 22 and 21$",
    ),
    Bad(lambda: log_partition(P[0][0], P[1], P[2]), r"^log_partition: weight must be \(H, V\)"),
    Bad(lambda: log_partition(P[0], P[1], P[1]), r"^log_partition: hidden_bias must have shape \(3,\), got \(4,\)$"),
    Bad(lambda: RBM(0, 2), r"^RBM: visible must be positive, got 0$"),
    Bad(lambda: RBM(2, 0), r"^RBM: hidden must be positive, got 0$"),
    Bad(lambda: RBM(2, 2)(V.float()), r"^RBM: weight must be \(H, V\) for v \(..., V\), got \(2, 2\) for \(5, 4\)$"),
    Bad(lambda: RBM(4, 2).gibbs(V.float(), -1), r"^RBM: steps must be non-negative, got -1$"),
)

CASES = [
    Case(
        METHOD,
        "energy",
        function(energy),
        lambda: [Sample((V, H, *P)), Sample((V3, V3[..., :3], *P), {}, "probabilities")],
        (Oracle("torch.einsum", torch_energy), Oracle("the energy in NumPy, term by term", numpy_energy, "numpy")),
        degenerate=lambda: [Sample((V[:0], H[:0], *P), {}, "empty batch"), Sample((V[0], H[0], *P), {}, "one state")],
        bad=BAD,
    ),
    Case(
        METHOD,
        "free energy",
        function(free_energy),
        lambda: [Sample((V, *P)), Sample((V3, *P), {}, "probabilities")],
        (Oracle("the sum over all hidden states", torch_free_energy), Oracle(SUMS, numpy_free_energy, "numpy")),
        hard=lambda: [Sample((V, P[0] * 1e3, *P[1:]), {}, "large weights"), Sample((V * 0, *P), {}, "all zero")],
        degenerate=lambda: [Sample((V[:0], *P), {}, "empty batch"), Sample((V[0], *P), {}, "one state")],
    ),
    Case(
        METHOD,
        "partition function",
        function(log_partition),
        lambda: [Sample(P), Sample(WIDE, {}, "fewer visible units"), Sample((P[0][:, :3], P[1][:3], P[2]), {}, "as many")],
        (Oracle("the sum over all hidden states", torch_log_partition), Oracle(SUMS, numpy_log_partition, "numpy")),
        hard=lambda: [Sample((P[0] * 1e3, *P[1:]), {}, "large weights")],
        degenerate=lambda: [Sample((P[0][:1, :1], P[1][:1], P[2][:1]), {}, "one unit of each kind")],
    ),
    Case(
        METHOD,
        "module",
        lambda: randomize(RBM(4, 3)),
        lambda: [Sample((V,)), Sample((V3,), {}, "probabilities")],
        (
            Oracle("torch.sigmoid", of_module(lambda _, v, w, a, b: torch.sigmoid(v @ w.T + b))),
            Oracle("the energies of both states in NumPy", of_module(numpy_hidden), "numpy"),
        ),
        compiles="the free energy is compiled above",
    ),
]
