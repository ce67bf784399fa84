"""Cases of the variational autoencoder; the NumPy oracles take one number at a time."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.distributions import Bernoulli, Normal, kl_divergence

from refimpl.generative.vae import VAE, bernoulli_log_likelihood, gaussian_kl, gaussian_log_likelihood, reparameterize
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "vae"
ALL = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def by_rows(formula):
    """Sum of a formula of single numbers over the last dimension, in NumPy."""

    def call(_, *arrays):
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
        arrays = [np.broadcast_to(a, shape) for a in arrays]
        out = np.zeros(shape[:-1])
        for at in np.ndindex(shape):
            out[at[:-1]] += formula(*(a[at] for a in arrays))
        return out

    return call


def numpy_normal(x, m, s):
    return np.log(np.exp(-((x - m) ** 2) / (2 * np.exp(s))) / np.sqrt(2 * np.pi * np.exp(s)))


def numpy_coin(x, logit):
    y = 1 / (1 + np.exp(-logit))
    return x * np.log(y) + (1 - x) * np.log(1 - y)


def numpy_kl(m, s):
    """E_q log q - log p with q's moments."""
    return -0.5 * (1 + s) + 0.5 * (m**2 + np.exp(s))


def function_case(name, call, torch_call, numpy_call, *samples, **more):
    return Case(
        METHOD,
        name,
        function(call),
        lambda: [Sample(args) for args in samples],
        (
            Oracle("torch.distributions", lambda _, *args: torch_call(*args)),
            Oracle("the equation in NumPy, number by number", numpy_call, "numpy"),
        ),
        gradcheck=2,
        dtypes=ALL,
        **more,
    )


class Bound(nn.Module):
    """The estimate of the bound as a module."""

    def __init__(self) -> None:
        super().__init__()
        self.vae = VAE(5, 4, 2)

    def forward(self, x, noise):
        return self.vae.elbo(x, noise)


def numpy_networks(p, x, noise, prefix=""):
    def affine(name, inputs):
        return (
            np.array([[sum(w * v for w, v in zip(row, one, strict=True)) for row in p[name + ".weight"]] for one in inputs])
            + p[name + ".bias"]
        )

    both = affine(prefix + "encoder.2", np.tanh(affine(prefix + "encoder.0", x)))
    mu, logvar = both[:, : noise.shape[1]], both[:, noise.shape[1] :]
    z = mu + np.sqrt(np.exp(logvar)) * noise
    return affine(prefix + "decoder.2", np.tanh(affine(prefix + "decoder.0", z))), mu, logvar


def torch_networks(p, x, noise, prefix=""):
    def affine(name, inputs):
        return torch.einsum("oi,ni->no", p[prefix + name + ".weight"], inputs) + p[prefix + name + ".bias"]

    both = affine("encoder.2", torch.tanh(affine("encoder.0", x)))
    mu, logvar = both[:, : noise.shape[1]], both[:, noise.shape[1] :]
    return affine("decoder.2", torch.tanh(affine("decoder.0", mu + torch.exp(logvar).sqrt() * noise))), mu, logvar


def torch_bound(p, x, noise):
    logits, mu, logvar = torch_networks(p, x, noise, "vae.")
    posterior = Normal(mu, torch.exp(logvar / 2))
    divergence = kl_divergence(posterior, Normal(torch.zeros_like(mu), torch.ones_like(mu))).sum(1)
    return Bernoulli(logits=logits, validate_args=False).log_prob(x).sum(1) - divergence


def numpy_bound(p, x, noise):
    logits, mu, logvar = numpy_networks(p, x, noise, "vae.")
    return by_rows(numpy_coin)(None, x, logits) - by_rows(numpy_kl)(None, mu, logvar)


MU, LOGVAR, NOISE = randn(3, 4, seed=1), randn(3, 4, seed=2), randn(3, 4, seed=3)
X, LOGITS = rand(3, 5, seed=4, low=0.0), randn(3, 5, seed=5) * 2
FEATURES = ((rand(4, 5, seed=6, low=0.0), randn(4, 2, seed=7)),)
BAD = (
    Bad(lambda: reparameterize(MU, LOGVAR[:2]), r"^reparameterize: logvar must have shape \(3, 4\), got \(2, 4\)$"),
    Bad(lambda: reparameterize(MU, LOGVAR, NOISE[:, :1]), r"^reparameterize: noise must have shape \(3, 4\), got \(3, 1\)$"),
    Bad(lambda: gaussian_kl(MU, LOGVAR[0]), r"^gaussian_kl: logvar must have shape \(3, 4\), got \(4,\)$"),
    Bad(lambda: bernoulli_log_likelihood(X, MU), r"^bernoulli_log_likelihood: logits must have shape \(3, 5\), got \(3, 4\)$"),
    Bad(lambda: gaussian_log_likelihood(X, MU, LOGVAR), r"^gaussian_log_likelihood: mean must have shape \(3, 5\), got \(3, 4\)$"),
    Bad(lambda: VAE(0), r"^VAE: input_size must be positive, got 0$"),
    Bad(lambda: VAE(3, 0), r"^VAE: hidden_size must be positive, got 0$"),
    Bad(lambda: VAE(3, 2, 0), r"^VAE: latent_size must be positive, got 0$"),
    Bad(lambda: VAE(3, 2, 1)(torch.ones(2, 4)), r"^VAE: x must be \(N, 3\), got \(2, 4\)$"),
    Bad(lambda: VAE(3, 2, 1)(torch.ones(3)), r"^VAE: x must be \(N, 3\), got \(3,\)$"),
)


def module_case(name, make, torch_call, numpy_call, **more):
    return Case(
        METHOD,
        name,
        lambda: randomize(make()),
        lambda: [Sample(args) for args in FEATURES],
        (
            Oracle("sums of products and torch.distributions", torch_call),
            Oracle("the equations in NumPy, number by number", numpy_call, "numpy"),
        ),
        tolerance={torch.bfloat16: 4e-2},  # rounding at each of four layers
        degenerate=lambda: [Sample((X[:1], NOISE[:1, :2]), {}, "one example")],
        **more,
    )


CASES = [
    function_case(
        "reparameterization",
        reparameterize,
        lambda m, s, noise: m + Normal(m, torch.exp(s / 2)).scale * noise,
        lambda _, m, s, noise: m + np.sqrt(np.exp(s)) * noise,
        (MU, LOGVAR, NOISE),
        hard=lambda: [Sample((MU + 1e4, LOGVAR - 30, NOISE), {}, "mean 1e4, tiny variance")],
        bad=BAD,
    ),
    function_case(
        "divergence from the prior",
        gaussian_kl,
        lambda m, s: kl_divergence(Normal(m, torch.exp(s / 2)), Normal(torch.zeros_like(m), torch.ones_like(m))).sum(-1),
        by_rows(numpy_kl),
        (MU, LOGVAR),
        (randn(2, 3, 2, seed=8), randn(2, 3, 2, seed=9) * 2),
        hard=lambda: [Sample((MU * 1e3, LOGVAR + 10), {}, "far away")],
        degenerate=lambda: [Sample((MU[:0], LOGVAR[:0]), {}, "no example"), Sample((MU[:, :0], LOGVAR[:, :0]), {}, "no dimension")],
    ),
    function_case(
        "coins",
        bernoulli_log_likelihood,
        lambda x, logits: Bernoulli(logits=logits, validate_args=False).log_prob(x).sum(-1),
        by_rows(numpy_coin),
        (X, LOGITS),
    ),
    function_case(
        "normal distributions",
        gaussian_log_likelihood,
        lambda x, m, s: Normal(m, torch.exp(s / 2)).log_prob(x).sum(-1),
        by_rows(numpy_normal),
        (NOISE, MU, LOGVAR),
        (NOISE, MU, LOGVAR[0]),
        (NOISE, MU, LOGVAR[:, :1]),
    ),
    module_case("networks", lambda: VAE(5, 4, 2), torch_networks, numpy_networks),
    module_case("bound", Bound, torch_bound, numpy_bound, compiles="the networks and each term are compiled in their own cases"),
]
