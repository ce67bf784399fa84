"""Cases of Bayes by Backprop: densities and divergence against ``torch.distributions`` and sums in NumPy, and a sampled network."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import distributions, nn

from refimpl.bayesian.bayes_by_backprop import BayesByBackprop, batch_weight, log_mixture, log_normal, normal_kl
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "bayes-by-backprop"
W, MEAN, SIGMA = randn(3, 4, seed=1), randn(3, 4, seed=2), rand(3, 4, seed=3, low=0.2, high=2.0)
MIXTURE = (0.3, 1.7, 0.25)


def torch_normal(_, w, mean, sigma):
    return distributions.Normal(*(torch.as_tensor(v, dtype=w.dtype) for v in (mean, sigma))).log_prob(w).sum()


def numpy_normal(_, w, mean, sigma):
    return np.log(np.exp(-((w - mean) ** 2) / (2 * sigma**2)) / np.sqrt(2 * np.pi * sigma**2)).sum()


def torch_mixture(_, w):
    pi, *sigmas = MIXTURE
    parts = distributions.Normal(w.new_zeros(2), w.new_tensor(sigmas))
    return distributions.MixtureSameFamily(distributions.Categorical(w.new_tensor([pi, 1 - pi])), parts).log_prob(w).sum()


def numpy_mixture(_, w):
    pi, *sigmas = MIXTURE
    first, second = (np.exp(-(w**2) / (2 * s * s)) / (s * math.sqrt(2 * math.pi)) for s in sigmas)
    return np.log(pi * first + (1 - pi) * second).sum()


def torch_kl(_, mean, sigma):
    return distributions.kl_divergence(
        distributions.Normal(mean, sigma), distributions.Normal(mean.new_zeros(()), mean.new_tensor(0.6))
    ).sum()


def integrated_kl(_, mean, sigma):
    """The integral of q log(q / P), number by number."""
    total = 0.0
    for m, s in zip(mean.flatten(), sigma.flatten(), strict=True):
        w = np.linspace(m - 12 * s, m + 12 * s, 4001)
        q = np.exp(-((w - m) ** 2) / (2 * s * s)) / (s * math.sqrt(2 * math.pi))
        log_p = -(w**2) / (2 * 0.36) - math.log(0.6 * math.sqrt(2 * math.pi))
        log_q = -((w - m) ** 2) / (2 * s * s) - math.log(s * math.sqrt(2 * math.pi))
        total += (q * (log_q - log_p)).sum() * (w[1] - w[0])
    return np.array(total)


class Sampled(BayesByBackprop):
    """Output and complexity as one result."""

    def forward(self, x):
        return self.sample(x) if self.training else super().forward(x)


def network(prior=(1.0,), kind=BayesByBackprop):
    return randomize(kind(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), 0.3, prior))


def drawn(p):
    """Weights by ``torch.distributions``, which draw from the same seed, and the complexity of the draw."""
    names = [name for name in p if name.startswith("module")]
    log_q, weights = 0.0, {}
    for i, name in enumerate(names):
        q = distributions.Normal(p[name], torch.log(1 + torch.exp(p[f"rho.{i}"])))
        weights[name] = q.rsample()
        log_q = log_q + q.log_prob(weights[name]).sum()
    return weights, log_q


def answer(weights, x):
    hidden = torch.tanh(F.linear(x, weights["module.0.weight"], weights["module.0.bias"]))
    return F.linear(hidden, weights["module.2.weight"], weights["module.2.bias"])


def sampled(prior, p, x):
    weights, log_q = drawn(p)
    log_p = prior(torch.cat([w.flatten() for w in weights.values()]))
    return answer(weights, x), log_q - log_p


BAD = (
    Bad(lambda: log_mixture(W, 1.0, 1.0, 1.0), r"^log_mixture: expected pi in \(0, 1\) and positive deviations, got 1.0, 1.0 and 1.0$"),
    Bad(lambda: log_mixture(W, 0.0, 1.0, 1.0), r"^log_mixture: .* got 0.0, 1.0 and 1.0$"),
    Bad(lambda: log_mixture(W, 0.5, 0.0, 1.0), r"^log_mixture: .* got 0.5, 0.0 and 1.0$"),
    Bad(lambda: log_mixture(W, 0.5, 1.0, 0.0), r"^log_mixture: .* got 0.5, 1.0 and 0.0$"),
    Bad(lambda: normal_kl(MEAN, SIGMA, 0.0), r"^normal_kl: prior_sigma must be positive, got 0.0$"),
    Bad(lambda: batch_weight(0, 3), r"^batch_weight: i must lie in 1 ... 3, got 0$"),
    Bad(lambda: batch_weight(4, 3), r"^batch_weight: i must lie in 1 ... 3, got 4$"),
    Bad(lambda: BayesByBackprop(nn.ReLU()), r"^BayesByBackprop: module must have parameters, got ReLU\(\)$"),
    Bad(lambda: BayesByBackprop(nn.Linear(1, 1), 0.0), r"^BayesByBackprop: expected a positive sigma .*, got 0.0 and \(1.0,\)$"),
    Bad(lambda: BayesByBackprop(nn.Linear(1, 1), 1.0, (1.0, 2.0)), r"^BayesByBackprop: .* a prior of 1 or 3 numbers, got 1.0 and"),
    Bad(lambda: network(MIXTURE).kl(), r"^kl: expected a normal prior \(s,\), got \(0.3, 1.7, 0.25\); use complexity$"),
)
HALF = (torch.float64, torch.float32)  # a log density sums up hundreds of terms: two bytes are too few

CASES = [
    Case(
        METHOD,
        "log density of normals",
        function(log_normal),
        lambda: [Sample((W, MEAN, SIGMA)), Sample((W, MEAN, SIGMA[0, 0]), name="one deviation")],
        (Oracle("torch.distributions.Normal", torch_normal), Oracle("the density in NumPy", numpy_normal, "numpy")),
        dtypes=HALF,
        gradcheck=2,
        degenerate=lambda: [Sample((W[:0], MEAN[:0], SIGMA[:0]), name="no weights")],
        bad=BAD,
    ),
    Case(
        METHOD,
        "log density of the mixture",
        function(log_mixture, pi=MIXTURE[0], sigma_1=MIXTURE[1], sigma_2=MIXTURE[2]),
        lambda: [Sample((W,))],
        (Oracle("torch.distributions.MixtureSameFamily", torch_mixture), Oracle("the density in NumPy", numpy_mixture, "numpy")),
        dtypes=HALF,
        hard=lambda: [Sample((0 * W,), name="zeros"), Sample((0.01 * W,), name="near zero")],
    ),
    Case(
        METHOD,
        "divergence from a normal prior",
        function(normal_kl, prior_sigma=0.6),
        lambda: [Sample((MEAN, SIGMA))],
        (Oracle("torch.distributions.kl_divergence", torch_kl), Oracle("numerical integration in NumPy", integrated_kl, "numpy")),
        dtypes=HALF,
        degenerate=lambda: [Sample((MEAN[:0], SIGMA[:0]), name="no weights")],
    ),
    Case(
        METHOD,
        "a sampled network, mixture prior",
        lambda: network(MIXTURE, Sampled),
        lambda: [Sample((randn(5, 3, seed=4),))],
        (Oracle("torch.distributions, same seed", lambda p, x: sampled(lambda w: torch_mixture(None, w), p, x)),),
        dtypes=(torch.float64,),  # other types draw other numbers
        seeded=True,
    ),
    Case(
        METHOD,
        "a sampled network, normal prior",
        lambda: network((0.6,), Sampled),
        lambda: [Sample((randn(5, 3, seed=4),))],
        (Oracle("torch.distributions, same seed", lambda p, x: sampled(lambda w: torch_normal(None, w, 0.0, 0.6), p, x)),),
        dtypes=(torch.float64,),
        seeded=True,
        compiles="as above",
        exports="as above",
    ),
    Case(
        METHOD,
        "training",
        network,
        lambda: [Sample((randn(5, 3, seed=4),))],
        (Oracle("torch.distributions, same seed", lambda p, x: answer(drawn(p)[0], x)),),
        dtypes=(torch.float64,),
        seeded=True,
        compiles="as above",
        exports="as above",
    ),
    Case(
        METHOD,
        "evaluation",
        network,
        lambda: [Sample((randn(5, 3, seed=4),))],
        (Oracle("the network at its means", answer),),
        training=False,
        compiles="as above",
        exports="as above",
    ),
]
