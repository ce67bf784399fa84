"""Cases of the gated recurrent unit; the NumPy oracle steps through time one example at a time, gate by gate."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from refimpl.recurrent.gru import GRU, gru_layer
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn, randomize
from tests.refimpl.harness.recurrent import by_steps, called, in_numpy, stack_cases

METHOD = "gru"


def sigmoid(x):
    return (1 + np.tanh(x / 2)) / 2


def one_sequence(x, h, p, reset_after=True):
    n, states = len(h), []
    w = {name: p["weight_ih"][j * n : (j + 1) * n] for j, name in enumerate("rzn")}
    u = {name: p["weight_hh"][j * n : (j + 1) * n] for j, name in enumerate("rzn")}
    b, d = (p.get(kind, np.zeros(3 * n)).reshape(3, n) for kind in ("bias_ih", "bias_hh"))
    for row in x:
        r = sigmoid(w["r"] @ row + b[0] + u["r"] @ h + d[0])
        z = sigmoid(w["z"] @ row + b[1] + u["z"] @ h + d[1])
        candidate = np.tanh(w["n"] @ row + b[2] + (r * (u["n"] @ h + d[2]) if reset_after else u["n"] @ (r * h) + d[2]))
        h = (1 - z) * candidate + z * h
        states.append(h)
    return np.array(states)


def built_in(options):
    return Oracle("torch.gru", partial(called, torch.gru, options))


def composed(_, projected, h, weight, bias=None):
    n, states = h.shape[1], []
    for v in projected:
        u = torch.einsum("bk,jk->bj", h, weight).split(n, 1)
        r, z = (1 / (1 + torch.exp(-v[:, j * n : (j + 1) * n] - u[j])) for j in (0, 1))
        candidate = torch.tanh(v[:, 2 * n :] + r * (u[2] if bias is None else u[2] + bias))
        h = candidate - z * candidate + z * h
        states.append(h)
    return torch.stack(states)


def paper_step(x, h, p):
    """The papers' equations for one step of a batch, to be differentiated by autograd."""
    n = h.shape[1]
    w, u = (torch.split(p[kind], n) for kind in ("weight_ih", "weight_hh"))
    b = torch.split(p["bias_ih"] + p["bias_hh"], n)
    r, z = (1 / (1 + torch.exp(-(x @ w[j].T + h @ u[j].T + b[j]))) for j in (0, 1))
    return z * h + (1 - z) * torch.tanh(x @ w[2].T + (r * h) @ u[2].T + b[2])


def layer(seed, *more):
    return Sample((randn(4, 2, 9, seed=seed), randn(2, 3, seed=seed + 1), randn(9, 3, seed=seed + 2), *more))


BOTH = {"num_layers": 2, "bidirectional": True}
Z = torch.zeros
P, H0, U = Z(5, 2, 9), Z(2, 3), Z(9, 3)
BAD = (
    Bad(lambda: gru_layer(P, H0, Z(8, 3)), r"^gru_layer: weight_hh must have shape \(3 H, H\), got \(8, 3\)$"),
    Bad(lambda: gru_layer(P, H0, Z(9)), r"^gru_layer: weight_hh must have shape \(3 H, H\), got \(9,\)$"),
    Bad(lambda: gru_layer(Z(5, 2, 8), H0, U), r"^gru_layer: projected must have shape \(T, B, 9\) with T > 0, got \(5, 2, 8\)$"),
    Bad(lambda: gru_layer(Z(5, 9), H0, U), r"^gru_layer: projected must have shape \(T, B, 9\) with T > 0, got \(5, 9\)$"),
    Bad(lambda: gru_layer(Z(0, 2, 9), H0, U), r"^gru_layer: projected must have shape \(T, B, 9\) with T > 0, got \(0, 2, 9\)$"),
    Bad(lambda: gru_layer(P, Z(1, 3), U), r"^gru_layer: h0 must have shape \(2, 3\), got \(1, 3\)$"),
    Bad(lambda: gru_layer(P, H0, U, Z(4)), r"^gru_layer: bias_n must have shape \(3,\), got \(4,\)$"),
)

CASES = [
    *stack_cases(METHOD, GRU, built_in, one_sequence, BAD),
    Case(
        METHOD,
        "all states",
        function(gru_layer),
        lambda: [layer(60, randn(3, seed=63)), layer(70)],
        (Oracle("composition of single products, by autograd", composed),),
        degenerate=lambda: [Sample((Z(3, 0, 6).double(), Z(0, 2).double(), randn(6, 2, seed=80)), name="empty batch")],
        gradcheck=2,
    ),
    Case(
        METHOD,
        "reset before the product, two layers in both directions",
        lambda: randomize(GRU(2, 3, reset_after=False, **BOTH)),
        lambda: [Sample((randn(4, 2, 2, seed=90), randn(4, 2, 3, seed=91))), Sample((randn(5, 1, 2, seed=92),))],
        (
            Oracle("the papers' equations, by autograd", partial(by_steps, paper_step, BOTH)),
            Oracle("the papers' equations in NumPy", partial(in_numpy, partial(one_sequence, reset_after=False), BOTH), "numpy"),
        ),
        hard=lambda: [Sample((randn(4, 2, 2, seed=93) * 10,), name="nearly saturated")],
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
        gradcheck=2,
    ),
]
