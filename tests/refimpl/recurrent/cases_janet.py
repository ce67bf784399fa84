"""Cases of JANET; the oracles step through time, in torch with single products, in NumPy one example at a time."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from refimpl.recurrent.janet import JANET, janet_layer
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn
from tests.refimpl.harness.recurrent import by_steps, stack_cases

METHOD = "janet"


def sigmoid(x):
    return (1 + np.tanh(x / 2)) / 2


def one_sequence(x, h, p):
    n, states = len(h), []
    for row in x:
        a = p["weight_ih"] @ row + p.get("bias_ih", 0) + p["weight_hh"] @ h + p.get("bias_hh", 0)
        h = sigmoid(a[:n]) * h + (1 - sigmoid(a[:n] - 1.0)) * np.tanh(a[n:])
        states.append(h)
    return np.array(states)


def step(row, h, p, beta=1.0):
    n = h.shape[1]
    a = torch.einsum("bd,jd->bj", row, p["weight_ih"]) + torch.einsum("bk,jk->bj", h, p["weight_hh"])
    for name in ("bias_ih", "bias_hh"):
        a = a + p[name] if name in p else a
    return h / (1 + torch.exp(-a[:, :n])) + torch.tanh(a[:, n:]) / (1 + torch.exp(a[:, :n] - beta))


def composed(options):
    return Oracle("composition of single products, by autograd", partial(by_steps, step, options))


def layer_by_steps(_, projected, h, weight, beta=1.0):
    n = h.shape[1]
    states = []
    for a in projected:
        h = step(a, h, {"weight_ih": torch.eye(2 * n, dtype=a.dtype), "weight_hh": weight}, beta)
        states.append(h)
    return torch.stack(states)


def layer(seed, **more):
    return Sample((randn(4, 2, 6, seed=seed), randn(2, 3, seed=seed + 1), randn(6, 3, seed=seed + 2)), more)


Z = torch.zeros
P, H0, U = Z(5, 2, 6), Z(2, 3), Z(6, 3)
BAD = (
    Bad(lambda: JANET(3, 4, longest=1), r"^JANET: longest must be at least 2, with bias=True, got 1 and bias=True$"),
    Bad(lambda: JANET(3, 4, bias=False, longest=9), r"^JANET: longest must be at least 2, with bias=True, got 9 and bias=False$"),
    Bad(lambda: janet_layer(P, H0, Z(5, 3)), r"^janet_layer: weight_hh must have shape \(2 H, H\), got \(5, 3\)$"),
    Bad(lambda: janet_layer(P, H0, Z(6)), r"^janet_layer: weight_hh must have shape \(2 H, H\), got \(6,\)$"),
    Bad(lambda: janet_layer(Z(5, 2, 5), H0, U), r"^janet_layer: projected must have shape \(T, B, 6\) with T > 0, got \(5, 2, 5\)$"),
    Bad(lambda: janet_layer(Z(5, 6), H0, U), r"^janet_layer: projected must have shape \(T, B, 6\) with T > 0, got \(5, 6\)$"),
    Bad(lambda: janet_layer(Z(0, 2, 6), H0, U), r"^janet_layer: projected must have shape \(T, B, 6\) with T > 0, got \(0, 2, 6\)$"),
    Bad(lambda: janet_layer(P, Z(1, 3), U), r"^janet_layer: h0 must have shape \(2, 3\), got \(1, 3\)$"),
)

ROUNDED = {torch.bfloat16: 4e-2, torch.float16: 6e-3}
"""Each layer rounds its outputs."""

CASES = [
    *stack_cases(METHOD, JANET, composed, one_sequence, BAD, ROUNDED),
    Case(
        METHOD,
        "all states",
        function(janet_layer),
        lambda: [layer(60, beta=0.4), layer(70)],
        (Oracle("composition of single products, by autograd", layer_by_steps),),
        degenerate=lambda: [Sample((Z(3, 0, 4).double(), Z(0, 2).double(), randn(4, 2, seed=80)), {}, "empty batch")],
        gradcheck=2,
    ),
]
