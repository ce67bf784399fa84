"""Cases of sparse coding: the steps as printed, in torch by gradients of the squared error and in NumPy number by number."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn.functional import softshrink

from refimpl.foundations.sparse_coding import (
    LISTA,
    dictionary_step,
    fista,
    ista,
    optimality_gap,
    soft_threshold,
    sparse_objective,
)
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "sparse-coding"
D = randn(4, 6, seed=1)
X, X3 = randn(3, 4, seed=2), randn(2, 3, 4, seed=3)
Z = randn(3, 6, seed=4) * (rand(3, 6, seed=5) > 0)
TALL = randn(5, 2, seed=6)


def numpy_shrink(v, t):
    return math.copysign(max(abs(v) - t, 0.0), v)


def numpy_threshold(_, v, threshold):
    t = np.broadcast_to(threshold, v.shape)
    return np.array([numpy_shrink(a, b) for a, b in zip(v.flat, t.flat, strict=True)]).reshape(v.shape)


def torch_threshold(_, v, threshold):
    """Where v lies, branch by branch."""
    return torch.where(v > threshold, v - threshold, torch.where(v < -threshold, v + threshold, 0 * v))


def numpy_objective(_, x, z, dictionary, penalty):
    out = np.zeros(x.shape[:-1])
    for at in np.ndindex(out.shape):
        rest = [x[at][i] - sum(dictionary[i, j] * z[at][j] for j in range(len(z[at]))) for i in range(len(x[at]))]
        out[at] = sum(r * r for r in rest) / 2 + penalty * sum(abs(v) for v in z[at])
    return out


def torch_objective(_, x, z, dictionary, penalty):
    """PyTorch's own losses, which sum over everything, one code at a time."""
    out = []
    for a, b in zip(x.reshape(-1, x.shape[-1]), z.reshape(-1, z.shape[-1]), strict=True):
        error = torch.nn.functional.mse_loss(torch.mv(dictionary, b), a, reduction="sum")
        out.append(error / 2 + penalty * torch.linalg.vector_norm(b, 1))
    return torch.stack(out).view(x.shape[:-1]) if out else x.sum(-1)


def numpy_gap(_, x, z, dictionary, penalty):
    out = np.zeros(x.shape[:-1])
    for at in np.ndindex(out.shape):
        slope = dictionary.T @ (dictionary @ z[at] - x[at])
        out[at] = max(abs(v - numpy_shrink(v - g, penalty)) for v, g in zip(z[at], slope, strict=True))
    return out


def torch_gap(_, x, z, dictionary, penalty):
    """The slope by automatic differentiation; of it and the penalty what the code does not hold off."""
    inside = z if z.requires_grad else z.clone().requires_grad_()
    error = (x - inside @ dictionary.T).square().sum() / 2
    (slope,) = torch.autograd.grad(error, inside, create_graph=True)
    held = torch.maximum(slope - penalty, torch.minimum(z, slope + penalty))
    return held.abs().amax(-1)


def largest(dictionary):
    """Its square root is the largest singular value, by the larger Gram matrix."""
    return torch.linalg.eigvalsh(dictionary @ dictionary.T)[-1]


def torch_ista(_, x, dictionary, penalty, steps=100, start=None):
    """softshrink after a step down the gradient of the squared error, with the step 1 / L."""
    z = x.new_zeros(*x.shape[:-1], dictionary.shape[1]) if start is None else start
    big = largest(dictionary)
    for _ in range(steps):
        v = z + (x - z @ dictionary.T) @ dictionary / big
        z = torch_threshold(None, v, penalty / big)
    return z


def torch_fista(_, x, dictionary, penalty, steps=100, start=None):
    z = x.new_zeros(*x.shape[:-1], dictionary.shape[1]) if start is None else start
    w, t, big = z, 1.0, largest(dictionary)
    for _ in range(steps):
        new = torch_threshold(None, w + (x - w @ dictionary.T) @ dictionary / big, penalty / big)
        later = (1 + math.sqrt(1 + 4 * t**2)) / 2
        w, z, t = new + (t - 1) / later * (new - z), new, later
    return z


def numpy_iterate(x, dictionary, penalty, steps, start, accelerated):
    big = np.linalg.svd(dictionary)[1][0] ** 2
    out = np.zeros((*x.shape[:-1], dictionary.shape[1]))
    for at in np.ndindex(x.shape[:-1]):
        z = np.zeros(dictionary.shape[1]) if start is None else start[at]
        w, t = z, 1.0
        for _ in range(steps):
            v = w - dictionary.T @ (dictionary @ w - x[at]) / big
            new = np.array([numpy_shrink(a, penalty / big) for a in v])
            later = (1 + math.sqrt(1 + 4 * t**2)) / 2
            w = new + (t - 1) / later * (new - z) if accelerated else new
            z, t = new, later
        out[at] = z
    return out


def numpy_ista(_, x, dictionary, penalty, steps=100, start=None):
    return numpy_iterate(x, dictionary, penalty, steps, start, False)


def numpy_fista(_, x, dictionary, penalty, steps=100, start=None):
    return numpy_iterate(x, dictionary, penalty, steps, start, True)


def torch_lista(p, x, steps=3):
    """z as it grows from 0, so that W x passes through all steps alike."""
    z = x.new_zeros(*x.shape[:-1], len(p["threshold"]))
    for _ in range(steps):
        v = torch.einsum("mn,...n->...m", p["encoder"], x) + torch.einsum("mk,...k->...m", p["inhibition"], z)
        z = torch.where(v > 0, 1.0, -1.0) * torch.relu(v.abs() - p["threshold"])
    return z


def numpy_lista(p, x, steps=3):
    out = np.zeros((*x.shape[:-1], len(p["threshold"])))
    for at in np.ndindex(x.shape[:-1]):
        for _ in range(steps):
            v = p["encoder"] @ x[at] + p["inhibition"] @ out[at]
            out[at] = [numpy_shrink(a, t) for a, t in zip(v, p["threshold"], strict=True)]
    return out


def torch_dictionary(_, x, z, dictionary, lr):
    """The slope of the mean squared error by automatic differentiation."""
    inside = dictionary if dictionary.requires_grad else dictionary.clone().requires_grad_()
    count = max(x[..., 0].numel(), 1)
    error = (x - torch.einsum("nm,...m->...n", inside, z)).square().sum() / 2 / count
    (slope,) = torch.autograd.grad(error, inside, create_graph=True)
    moved = inside - lr * slope
    return moved / moved.square().sum(0).sqrt()


def numpy_dictionary(_, x, z, dictionary, lr):
    step = np.zeros(dictionary.shape)
    for at in np.ndindex(x.shape[:-1]):
        step += np.outer(x[at] - dictionary @ z[at], z[at])
    moved = dictionary + lr * step / max(math.prod(x.shape[:-1]), 1)
    return np.stack([column / math.sqrt(sum(column**2)) for column in moved.T], 1)


def lista(steps):
    """Positive thresholds of their own, so that no shrinkage passes everything."""
    made = randomize(LISTA(D, 0.3, steps))
    with torch.no_grad():
        made.threshold.copy_(rand(6, seed=7, low=0.05, high=0.4))
    return made


def of_module(call, steps):
    return lambda p, x: call(p, x, steps)


BAD = (
    Bad(lambda: ista(X, D[0], 0.1), r"^ista: dictionary must be floating point \(N, M\), not empty, got torch.float64 of shape \(6,\)$"),
    Bad(lambda: ista(X, D[:, :0], 0.1), r"^ista: dictionary must be .* not empty, got torch.float64 of shape \(4, 0\)$"),
    Bad(lambda: ista(X, D.long(), 0.1), r"^ista: dictionary must be floating point .*, got torch.int64"),
    Bad(lambda: fista(X.T, D, 0.1), r"^fista: x must be torch.float64 \(..., 4\), got torch.float64 of shape \(4, 3\)$"),
    Bad(lambda: fista(X.float(), D, 0.1), r"^fista: x must be torch.float64 \(..., 4\), got torch.float32 of shape \(3, 4\)$"),
    Bad(lambda: ista(X[0, 0], D, 0.1), r"^ista: x must be torch.float64 \(..., 4\), got torch.float64 of shape \(\)$"),
    Bad(lambda: ista(X, D, -0.1), r"^ista: penalty must be non-negative, got -0.1$"),
    Bad(lambda: ista(X, D, math.nan), r"^ista: penalty must be non-negative, got nan$"),
    Bad(lambda: ista(X, D, 0.1, -1), r"^ista: steps must be non-negative, got -1$"),
    Bad(lambda: ista(X, D, 0.1, start=Z[:2]), r"^ista: codes must have shape \(3, 6\), got \(2, 6\)$"),
    Bad(lambda: sparse_objective(X, Z.T, D, 0.1), r"^sparse_objective: codes must have shape \(3, 6\), got \(6, 3\)$"),
    Bad(lambda: sparse_objective(X, Z, D, -1), r"^sparse_objective: penalty must be non-negative, got -1$"),
    Bad(lambda: optimality_gap(X, Z[0], D, 0.1), r"^optimality_gap: codes must have shape \(3, 6\), got \(6,\)$"),
    Bad(lambda: optimality_gap(X, Z, D, -1), r"^optimality_gap: penalty must be non-negative, got -1$"),
    Bad(
        lambda: dictionary_step(X, Z, D.T, 0.1),
        r"^dictionary_step: x must be torch.float64 \(..., 6\), got torch.float64 of shape \(3, 4\)$",
    ),
    Bad(lambda: dictionary_step(X, X, D, 0.1), r"^dictionary_step: codes must have shape \(3, 6\), got \(3, 4\)$"),
    Bad(lambda: LISTA(D[0], 0.1), r"^LISTA: dictionary must be floating point \(N, M\), not empty, got .* \(6,\)$"),
    Bad(lambda: LISTA(D, -0.1), r"^LISTA: penalty must be non-negative, got -0.1$"),
    Bad(lambda: LISTA(D, 0.1, 0), r"^LISTA: steps must be positive, got 0$"),
)
HALF = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
NUMBERS = "the equations in NumPy, number by number"


def iterations(name, method, *oracles, **more):
    return Case(
        METHOD,
        name,
        function(method),
        lambda: [
            Sample((X, D, 0.3, 4)),
            Sample((X3, D), {"penalty": 0.4, "steps": 7, "start": randn(2, 3, 6, seed=8)}, "all arguments"),
            Sample((randn(2, 5, seed=9), TALL, 0.2), {}, "more inputs than codes, default steps"),
        ],
        oracles,
        hard=lambda: [
            Sample((X + 1e4, D, 0.3, 5), {}, "mean 1e4"),
            Sample((X * 0, D, 0.3, 5), {}, "all zero"),
            Sample((X, D * 1e-6, 1e-6, 5), {}, "small atoms"),
            Sample((X * 1e4, D * 1e4, 0.3, 5), {}, "large"),
        ],
        degenerate=lambda: [
            Sample((X[:0], D, 0.3, 2), {}, "no input"),
            Sample((X[0], D, 0.3, 3), {}, "one input"),
            Sample((X, D[:, :1], 0.3, 3), {}, "one atom"),
            Sample((X, D, 0.0, 3), {}, "no penalty"),
            Sample((X, D, 0.3, 0), {"start": Z}, "no step"),
            Sample((X[:, :1], D[:1], 0.3, 3), {}, "one number"),
        ],
        dtypes=HALF,
        aliases=True,  # without a step the codes are those to start from
        **more,
    )


CASES = [
    Case(
        METHOD,
        "shrinkage",
        function(soft_threshold),
        lambda: [
            Sample((X3, 0.35)),
            Sample((X3, rand(3, 4, seed=10, low=0.1, high=0.9)), {}, "a threshold each"),
        ],
        (Oracle("branch by branch in torch", torch_threshold), Oracle(NUMBERS, numpy_threshold, "numpy")),
        hard=lambda: [Sample((X3 * 1e30, 1e29), {}, "extreme"), Sample((X3 * 0, 0.5), {}, "all zero")],
        degenerate=lambda: [Sample((X3[:0], 0.3), {}, "empty"), Sample((X3, 0.0), {}, "no threshold")],
        gradcheck=2,
        dtypes=HALF,
    ),
    Case(
        METHOD,
        "softshrink",
        function(soft_threshold, threshold=0.25),
        lambda: [Sample((X3,))],
        (Oracle("torch.nn.functional.softshrink", lambda _, v: softshrink(v, 0.25)),),
        gradcheck=2,
        dtypes=HALF,
    ),
    Case(
        METHOD,
        "objective",
        function(sparse_objective),
        lambda: [Sample((X, Z, D, 0.3)), Sample((X3, randn(2, 3, 6, seed=8), D), {"penalty": 0.7}, "a batch of batches")],
        (Oracle("torch's losses, one code at a time", torch_objective), Oracle(NUMBERS, numpy_objective, "numpy")),
        hard=lambda: [Sample((X + 1e4, Z, D, 0.3), {}, "mean 1e4"), Sample((X * 0, Z * 0, D, 0.3), {}, "all zero")],
        degenerate=lambda: [Sample((X[:0], Z[:0], D, 0.3), {}, "no input"), Sample((X[0], Z[0], D, 0.3), {}, "one input")],
        bad=BAD,
    ),
    Case(
        METHOD,
        "optimality gap",
        function(optimality_gap),
        lambda: [Sample((X, Z, D, 0.3)), Sample((X3, randn(2, 3, 6, seed=8), D), {"penalty": 0.7}, "a batch of batches")],
        (Oracle("slopes by automatic differentiation", torch_gap), Oracle(NUMBERS, numpy_gap, "numpy")),
        hard=lambda: [Sample((X + 1e4, Z, D, 0.3), {}, "mean 1e4"), Sample((X * 0, Z * 0, D, 0.3), {}, "all zero")],
        degenerate=lambda: [Sample((X[0], Z[0], D, 0.3), {}, "one input"), Sample((X, Z * 0, D, 0.3), {}, "no atom in use")],
        dtypes=(torch.float64, torch.float32),  # what is left of slopes that nearly cancel
    ),
    iterations("ISTA", ista, Oracle("steps down the squared error in torch", torch_ista), Oracle(NUMBERS, numpy_ista, "numpy")),
    iterations("FISTA", fista, Oracle("steps down the squared error in torch", torch_fista), Oracle(NUMBERS, numpy_fista, "numpy")),
    *(
        Case(
            METHOD,
            f"LISTA, {steps} steps",
            lambda steps=steps: lista(steps),
            lambda: [Sample((X,)), Sample((X3,), {}, "a batch of batches")],
            (
                Oracle("the recurrence from 0 in torch", of_module(torch_lista, steps)),
                Oracle(NUMBERS, of_module(numpy_lista, steps), "numpy"),
            ),
            degenerate=lambda: [Sample((X[:0],), {}, "no input"), Sample((X[0],), {}, "one input")],
            hard=lambda: [Sample((X + 1e4,), {}, "mean 1e4"), Sample((X * 0,), {}, "all zero")],
        )
        for steps in (1, 2, 3)
    ),
    Case(
        METHOD,
        "step of the dictionary",
        function(dictionary_step),
        lambda: [Sample((X, Z, D, 0.6)), Sample((X3, randn(2, 3, 6, seed=8), D), {"lr": 0.2}, "a batch of batches")],
        (Oracle("automatic differentiation of the squared error", torch_dictionary), Oracle(NUMBERS, numpy_dictionary, "numpy")),
        hard=lambda: [Sample((X + 1e4, Z, D, 0.6), {}, "mean 1e4")],
        degenerate=lambda: [Sample((X[0], Z[0], D, 0.6), {}, "one input"), Sample((X[:0], Z[:0], D, 0.6), {}, "no input")],
        dtypes=(torch.float64, torch.float32),
    ),
]
