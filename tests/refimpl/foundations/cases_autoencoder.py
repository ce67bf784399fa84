"""Cases of autoencoders; the NumPy oracles take one row and one unit at a time."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.foundations.autoencoder import (
    Autoencoder,
    TiedAutoencoder,
    contractive_penalty,
    corrupt,
    reconstruction_loss,
    sparsity_penalty,
)
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "autoencoder"


def sigma(z):
    return 1 / (1 + math.exp(-z))


def numpy_layer(weight, bias, x, f):
    return [f(bias[j] + sum(w * v for w, v in zip(weight[j], x, strict=True))) for j in range(len(bias))]


def numpy_deep(p, x):
    """Sigmoid layers, a tanh code, an affine output."""
    out = np.zeros(x.shape)
    for place in np.ndindex(x.shape[:-1]):
        h = x[place]
        for name, f in (("encoder.0", sigma), ("encoder.2", math.tanh), ("decoder.0", sigma), ("decoder.2", float)):
            h = numpy_layer(p[f"{name}.weight"], p[f"{name}.bias"], h, f)
        out[place] = h
    return out


def torch_deep(p, x):
    for name, f in (("encoder.0", torch.sigmoid), ("encoder.2", torch.tanh), ("decoder.0", torch.sigmoid), ("decoder.2", lambda z: z)):
        x = f(F.linear(x, p[f"{name}.weight"], p[f"{name}.bias"]))
    return x


def numpy_tied(p, x):
    out = np.zeros(x.shape)
    for place in np.ndindex(x.shape[:-1]):
        code = numpy_layer(p["weight"], p["code_bias"], x[place], math.tanh)
        out[place] = numpy_layer(p["weight"].T, p["output_bias"], code, sigma)
    return out


def torch_tied(p, x):
    return torch.sigmoid(torch.tanh(x @ p["weight"].T + p["code_bias"]) @ p["weight"] + p["output_bias"])


def numpy_contractive(_, sums, weight, activation="sigmoid"):
    slope = {"sigmoid": lambda z: sigma(z) * sigma(-z), "tanh": lambda z: 1 / math.cosh(z) ** 2}[activation]
    total = 0.0
    for row in sums:
        total += sum((slope(z) * w) ** 2 for z, weights in zip(row, weight, strict=True) for w in weights)
    return np.array(total / len(sums))


def torch_contractive(_, sums, weight, activation="sigmoid"):
    """From the Jacobian of each row, formed."""
    f = getattr(torch, activation)
    jacobians = [
        torch.autograd.functional.jacobian(lambda d, z=z: f(z + weight @ d), torch.zeros_like(weight[0]), create_graph=True) for z in sums
    ]
    return torch.stack([j.square().sum() for j in jacobians]).mean()


def numpy_sparsity(_, code, rho=0.05):
    total = 0.0
    for unit in code.T:
        r = sum(unit) / len(unit)
        total += rho * math.log(rho / r) + (1 - rho) * math.log((1 - rho) / (1 - r))
    return np.array(total)


def torch_sparsity(_, code, rho=0.05):
    """Of Bernoulli distributions."""
    wanted = torch.distributions.Bernoulli(torch.full_like(code[0], rho))
    return torch.distributions.kl_divergence(wanted, torch.distributions.Bernoulli(code.mean(0), validate_args=False)).sum()


def numpy_loss(_, output, input):
    return np.array(sum(((o - i) ** 2).sum() for o, i in zip(output, input, strict=True)) / len(output))


X, X3 = randn(5, 3, seed=1), randn(2, 2, 3, seed=2)
SUMS, WEIGHT, ACTIVE = randn(5, 4, seed=3), randn(4, 3, seed=4), rand(5, 4, seed=5, low=0.05, high=0.95)
IMAGES = randn(2, 3, 2, 4, seed=6), randn(2, 3, 2, 4, seed=7)
LOOP = "the equations in NumPy, unit by unit"

BAD = (
    Bad(lambda: reconstruction_loss(X, X[:3]), r"^reconstruction_loss: input must have the shape of output \(5, 3\), got \(3, 3\)$"),
    Bad(lambda: reconstruction_loss(X.long(), X), r"^reconstruction_loss: output must be floating point, got torch.int64$"),
    Bad(lambda: reconstruction_loss(X[0], X[0]), r"^reconstruction_loss: output must be \(N, ...\), got \(3,\)$"),
)
BAD_CONTRACTIVE = (
    Bad(lambda: contractive_penalty(SUMS, WEIGHT.T), r"^contractive_penalty: expected sums \(N, H\) .* got \(5, 4\) and \(3, 4\)$"),
    Bad(lambda: contractive_penalty(SUMS[0], WEIGHT), r"^contractive_penalty: expected .* got \(4,\) and \(4, 3\)$"),
    Bad(lambda: contractive_penalty(SUMS, WEIGHT[:, 0]), r"^contractive_penalty: expected .* got \(5, 4\) and \(4,\)$"),
    Bad(lambda: contractive_penalty(SUMS, WEIGHT, "soft"), r"^contractive_penalty: activation must be one of step, .*, got 'soft'$"),
)
BAD_SPARSITY = (
    Bad(lambda: sparsity_penalty(ACTIVE[0]), r"^sparsity_penalty: code must be floating point \(N, H\), got torch.float64 \(4,\)$"),
    Bad(lambda: sparsity_penalty(ACTIVE.long()), r"^sparsity_penalty: code must be floating point \(N, H\), got torch.int64 \(5, 4\)$"),
    Bad(lambda: sparsity_penalty(ACTIVE, 0.0), r"^sparsity_penalty: rho must lie between 0 and 1, both excluded, got 0.0$"),
    Bad(lambda: sparsity_penalty(ACTIVE, 1.0), r"^sparsity_penalty: rho must lie .* got 1.0$"),
)
BAD_MODULES = (
    Bad(lambda: TiedAutoencoder(0, 2), r"^TiedAutoencoder: in_features must be positive, got 0$"),
    Bad(lambda: TiedAutoencoder(2, 0), r"^TiedAutoencoder: code_features must be positive, got 0$"),
    Bad(lambda: TiedAutoencoder(2, 2, "soft"), r"^TiedAutoencoder: activation must be one of .* got 'soft'$"),
    Bad(lambda: TiedAutoencoder(2, 2, output="soft"), r"^TiedAutoencoder: activation must be one of .* got 'soft'$"),
    Bad(lambda: TiedAutoencoder(2, 2)(X.float()), r"^TiedAutoencoder: input must have shape \(..., 2\), got \(5, 3\)$"),
    Bad(lambda: TiedAutoencoder(2, 2)(X[0, 0].float()), r"^TiedAutoencoder: input must have shape \(..., 2\), got \(\)$"),
    Bad(lambda: Autoencoder((3,)), r"^MLP: sizes must be two or more positive numbers, got \[3\]$"),
    Bad(lambda: corrupt(X, 1.5), r"^corrupt: p must lie in \[0, 1\], got 1.5$"),
    Bad(lambda: corrupt(X, -0.5), r"^corrupt: p must lie in \[0, 1\], got -0.5$"),
)

CASES = [
    Case(
        METHOD,
        "deep",
        lambda: randomize(Autoencoder((3, 4, 2), code="tanh")),
        lambda: [Sample((X,)), Sample((X3,), {}, "sequence")],
        (Oracle("torch.nn.functional.linear, layer by layer", torch_deep), Oracle(LOOP, numpy_deep, "numpy")),
        degenerate=lambda: [Sample((X[:0],), {}, "empty batch")],
        bad=BAD_MODULES,
        compiles="its layers are compiled in the case of mlp",
    ),
    Case(
        METHOD,
        "tied",
        lambda: randomize(TiedAutoencoder(3, 2, "tanh")),
        lambda: [Sample((X,)), Sample((X3,), {}, "sequence")],
        (Oracle("the matrix and its transpose", torch_tied), Oracle(LOOP, numpy_tied, "numpy")),
        hard=lambda: [Sample((X + 1e4,), {}, "mean 1e4"), Sample((X * 0,), {}, "all zero")],
        degenerate=lambda: [Sample((X[:0],), {}, "empty batch"), Sample((X[0],), {}, "one row")],
    ),
    Case(
        METHOD,
        "loss",
        function(reconstruction_loss),
        lambda: [Sample((X, randn(5, 3, seed=8))), Sample(IMAGES, {}, "images")],
        (
            Oracle("torch.nn.functional.mse_loss, summed", lambda _, o, i: F.mse_loss(o, i, reduction="sum") / len(o)),
            Oracle("the equation in NumPy, row by row", numpy_loss, "numpy"),
        ),
        bad=BAD,
    ),
    Case(
        METHOD,
        "contractive",
        function(contractive_penalty),
        lambda: [Sample((SUMS, WEIGHT)), Sample((SUMS, WEIGHT, "tanh"), {}, "tanh")],
        (Oracle("the Jacobian of each row, formed", torch_contractive), Oracle(LOOP, numpy_contractive, "numpy")),
        hard=lambda: [Sample((SUMS * 0, WEIGHT), {}, "all zero")],
        bad=BAD_CONTRACTIVE,
    ),
    Case(
        METHOD,
        "sparse",
        function(sparsity_penalty),
        lambda: [Sample((ACTIVE,)), Sample((ACTIVE, 0.3), {}, "rho")],
        (Oracle("torch.distributions.kl_divergence", torch_sparsity), Oracle(LOOP, numpy_sparsity, "numpy")),
        bad=BAD_SPARSITY,
    ),
]
