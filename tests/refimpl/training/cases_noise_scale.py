"""Cases of the gradient noise scale: known moments, and their estimates against sums over pairs of gradients."""

from __future__ import annotations

import numpy as np
import torch

from refimpl.training.noise_scale import RunningNoiseScale, best_step, gradient_moments, moments_of_norms, noise_scale
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn

METHOD = "noise-scale"


def covariance(n, seed):
    a = randn(n, n, seed=seed)
    return a @ a.mT / n + 0.2 * torch.eye(n)


def problem(n, seed):
    """A gradient, a covariance and a Hessian that do not commute."""
    return randn(n, seed=seed), covariance(n, seed + 1), covariance(n, seed + 2)


def loops(parameters, gradient, sigma, hessian=None):
    """Both traces and the quadratic form, one product at a time."""
    n = len(gradient)
    h = np.eye(n) if hessian is None else hessian
    noise = sum(h[i, j] * sigma[j, i] for i in range(n) for j in range(n))
    return np.asarray(noise / sum(gradient[i] * h[i, j] * gradient[j] for i in range(n) for j in range(n)))


def steps(parameters, gradient, sigma, hessian, batch_size):
    """eps_max / (1 + B_noise / B) and dL_max / (1 + B_noise / B), as the paper writes them."""
    square = (gradient**2).sum()
    longest = square / (gradient @ hessian @ gradient)
    share = 1 / (1 + np.trace(hessian @ sigma) / (gradient @ hessian @ gradient) / batch_size)
    return share * longest, share * longest * square / 2


def norms(parameters, small, big, small_batch, big_batch):
    """The two equations E |G_b|^2 = N + S / b and E |G_B|^2 = N + S / B, solved for N and S."""
    system = np.array([[1, 1 / small_batch], [1, 1 / big_batch]])
    found = np.linalg.solve(system, np.stack([small.reshape(-1), big.reshape(-1)]))
    return found[0].reshape(small.shape), found[1].reshape(small.shape)


def pairs(parameters, gradients, batch_size=1):
    """N is the mean product of two different gradients, S half of b times the mean squared distance of two."""
    k = len(gradients)
    rows = gradients.reshape(k, -1)
    two = [(i, j) for i in range(k) for j in range(k) if i != j]
    square = np.mean([rows[i] @ rows[j] for i, j in two])
    return square, batch_size * np.mean([((rows[i] - rows[j]) ** 2).sum() / 2 for i, j in two])


def by_norms(parameters, gradients, batch_size=1):
    """The estimates of appendix A.1 from the mean squared norm of K gradients and that of their mean."""
    k, rows = len(gradients), gradients.reshape(len(gradients), -1)
    small, big = rows.square().sum(1).mean(), rows.mean(0).square().sum()
    b, whole = batch_size, k * batch_size
    return (whole * big - b * small) / (whole - b), (small - big) / (1 / b - 1 / whole)


def covariances(parameters, gradients, batch_size=1):
    rows = gradients.reshape(len(gradients), -1)
    trace = torch.atleast_2d(torch.cov(rows.mT)).trace()
    return rows.mean(0).square().sum() - trace / len(rows), batch_size * trace


EYE, ONE = torch.eye(3), torch.ones(())
WHERE = r"^noise_scale: "

CASES = [
    Case(
        METHOD,
        "known moments",
        function(noise_scale),
        lambda: [
            Sample(problem(3, seed=1), name="Hessian"),
            Sample(problem(3, seed=4)[:2], name="simple"),
            Sample(problem(1, seed=7), name="one parameter"),
            Sample(problem(8, seed=9), name="eight parameters"),
        ],
        (Oracle("NumPy loops", loops, "numpy"),),
        hard=lambda: [
            Sample((1e-4 * randn(3, seed=1), *problem(3, seed=1)[1:]), name="gradient near zero"),
            Sample((1e4 * randn(3, seed=1), *problem(3, seed=1)[1:]), name="long gradient"),
            Sample((randn(3, seed=1), torch.zeros(3, 3, dtype=torch.float64)), name="no noise"),
        ],
        bad=(
            Bad(lambda: noise_scale(EYE, EYE), WHERE + r"gradient must be \(P,\), got shape \(3, 3\)$"),
            Bad(lambda: noise_scale(torch.ones(2), EYE), WHERE + r"covariance must be \(2, 2\), got shape \(3, 3\)$"),
            Bad(lambda: noise_scale(torch.ones(3), torch.ones(3)), WHERE + r"covariance must be \(3, 3\), got shape \(3,\)$"),
            Bad(lambda: noise_scale(torch.ones(3), EYE, torch.eye(2)), WHERE + r"hessian must be \(3, 3\), got shape \(2, 2\)$"),
        ),
        tolerance={torch.bfloat16: 5e-2},  # products of three numbers of 8 bits, and their quotient
    ),
    Case(
        METHOD,
        "best step",
        function(best_step),
        lambda: [
            Sample((*problem(3, seed=11), 5), name="five examples"),
            Sample((*problem(4, seed=14), 1), name="one example"),
            Sample((*problem(4, seed=14), float("inf")), name="true gradient"),
            Sample((*problem(1, seed=17), 0.5), name="one parameter"),
        ],
        (Oracle("the paper's quotients in NumPy", steps, "numpy"),),
        bad=(
            Bad(lambda: best_step(ONE, EYE, EYE, 2), r"^best_step: gradient must be \(P,\), got shape \(\)$"),
            Bad(lambda: best_step(torch.ones(3), EYE, torch.eye(2), 2), r"^best_step: hessian must be \(3, 3\), got shape \(2, 2\)$"),
            Bad(lambda: best_step(torch.ones(3), torch.eye(2), EYE, 2), r"^best_step: covariance must be \(3, 3\), got shape \(2, 2\)$"),
            Bad(lambda: best_step(torch.ones(3), EYE, EYE, 0), r"^best_step: batch_size must be positive, got 0$"),
        ),
        tolerance={torch.bfloat16: 5e-2},  # as above
    ),
    Case(
        METHOD,
        "estimates from two norms",
        function(moments_of_norms),
        lambda: [
            Sample((rand(3, 2, seed=21, low=2.0, high=3.0), rand(3, 2, seed=22, low=0.5), 4, 32), name="many"),
            Sample((rand(seed=23, low=2.0, high=3.0), rand(seed=24, low=0.5), 1, 2), name="scalars"),
        ],
        (Oracle("numpy.linalg.solve of the two expectations", norms, "numpy"),),
        hard=lambda: [Sample((torch.full((2,), 3e8).double(), torch.zeros(2).double(), 3, 5), name="large and zero")],
        degenerate=lambda: [Sample((torch.zeros(0).double(), torch.zeros(0).double(), 2, 3), name="empty")],
        bad=(
            Bad(lambda: moments_of_norms(ONE, ONE, 0, 2), r"^moments_of_norms: small_batch must be at least 1, got 0$"),
            Bad(lambda: moments_of_norms(ONE, ONE, 4, 4), r"^moments_of_norms: big_batch must be above small_batch 4, got 4$"),
        ),
    ),
    Case(
        METHOD,
        "estimates from gradients",
        function(gradient_moments),
        lambda: [
            Sample((randn(4, 3, seed=31) + 0.7,), {"batch_size": 5}, name="batches of five"),
            Sample((randn(2, 3, 2, seed=32) - 0.4,), name="two examples of a matrix"),
            Sample((randn(7, 1, seed=33) + 2.0, 3), name="one parameter"),
        ],
        (
            Oracle("pairs of gradients in NumPy", pairs, "numpy"),
            Oracle("the norms of appendix A.1", by_norms),
            Oracle("torch.cov", covariances),
        ),
        hard=lambda: [
            Sample((randn(6, 5, seed=34) + 1e4,), name="large mean"),
            Sample((torch.zeros(3, 4).double(),), name="zeros"),
            Sample((1e15 * randn(3, 4, seed=35),), {"batch_size": 2}, name="extreme values"),
        ],
        degenerate=lambda: [
            Sample((torch.zeros(3, 0).double(),), name="no parameters"),
            Sample((randn(2, 1, seed=36),), name="two examples, one parameter"),
            Sample((randn(4, seed=37) + 1.0,), name="a scalar parameter"),
        ],
        bad=(
            Bad(
                lambda: gradient_moments(torch.ones(1, 4)),
                r"^gradient_moments: gradients must be \(K, \.\.\.\) with K at least 2, got shape \(1, 4\)$",
            ),
            Bad(lambda: gradient_moments(ONE), r"^gradient_moments: gradients must be \(K, \.\.\.\) with K at least 2, got shape \(\)$"),
            Bad(lambda: gradient_moments(torch.ones(2, 2), 0), r"^gradient_moments: batch_size must be at least 1, got 0$"),
            Bad(lambda: RunningNoiseScale(1.0), r"^RunningNoiseScale: decay must be in \[0, 1\), got 1.0$"),
            Bad(lambda: RunningNoiseScale(-0.1), r"^RunningNoiseScale: decay must be in \[0, 1\), got -0.1$"),
        ),
        tolerance={torch.bfloat16: 2e-2},
    ),
]
