"""Cases of GAN evaluation: Inception scores number by number, Frechet distances by eigenvalues of products of covariances."""

from __future__ import annotations

import math

import numpy as np
import torch

from refimpl.generative.gan_evaluation import frechet_distance, frechet_inception_distance, inception_score
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn

METHOD = "gan-evaluation"


def torch_score(_, logits):
    p = torch.softmax(logits, 1)
    return ((p * (p / p.mean(0)).log()).sum(1).mean()).exp()


def numpy_score(_, logits):
    p = np.array([np.exp(row - row.max()) / sum(np.exp(row - row.max())) for row in logits])
    every = [sum(p[:, k]) / len(p) for k in range(p.shape[1])]
    total = 0.0
    for row in p:
        total += sum(a * math.log(a / b) for a, b in zip(row, every, strict=True) if a > 0)
    return np.exp(total / len(p))


def numpy_distance(_, mean, covariance, other_mean, other_covariance):
    """The trace of the root is the sum of the roots of the product's eigenvalues."""
    roots = np.sqrt(np.maximum(np.linalg.eigvals(covariance @ other_covariance).real, 0)).sum()
    return sum((a - b) ** 2 for a, b in zip(mean, other_mean, strict=True)) + np.trace(covariance) + np.trace(other_covariance) - 2 * roots


def symmetric_root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(np.sqrt(np.maximum(values, 0))) @ vectors.T


def numpy_symmetric(_, mean, covariance, other_mean, other_covariance):
    """tr (C C_w)^(1/2) = tr (C^(1/2) C_w C^(1/2))^(1/2)."""
    root = symmetric_root(covariance)
    inner = symmetric_root(root @ other_covariance @ root)
    return ((mean - other_mean) ** 2).sum() + np.trace(covariance + other_covariance - 2 * inner)


def of_samples(distance):
    def call(_, x, y):
        moments = []
        for sample in (x, y):
            mean = sum(sample) / len(sample)
            covariance = sum(np.outer(row - mean, row - mean) for row in sample) / (len(sample) - 1)
            moments += [mean, covariance]
        return distance(_, *moments)

    return call


def covariance(size, *, seed):
    root = randn(size, size, seed=seed)
    return root @ root.T / size + 0.2 * torch.eye(size, dtype=torch.float64)


PLAIN = (randn(3, seed=1), covariance(3, seed=2), randn(3, seed=3), covariance(3, seed=4))
FEATURES = (randn(7, 3, seed=5) @ randn(3, 3, seed=6) + 0.5, randn(9, 3, seed=7))
DISTANCES = (
    Oracle("eigenvalues of the product of covariances in NumPy", numpy_distance, "numpy"),
    Oracle("symmetric roots in NumPy", numpy_symmetric, "numpy"),
)
SAMPLED = tuple(Oracle(oracle.name, of_samples(oracle.call), "numpy") for oracle in DISTANCES)
GRADIENTS = 0  # the distance is a measure and has none
DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)

SCORE, FRECHET, FID = "inception_score: ", "frechet_distance: ", "frechet_inception_distance: "
BAD_SCORE = (
    Bad(lambda: inception_score(PLAIN[0]), SCORE + r"logits must be floating point \(N, K\), got torch.float64 of shape \(3,\)"),
    Bad(lambda: inception_score(PLAIN[1].long()), SCORE + r"logits must be .*, got torch.int64 of shape \(3, 3\)"),
    Bad(lambda: inception_score(PLAIN[1][:0]), SCORE + r"logits must be .*, got torch.float64 of shape \(0, 3\)"),
)
BAD_DISTANCE = (
    Bad(
        lambda: frechet_distance(PLAIN[0], PLAIN[1], PLAIN[2][:2], PLAIN[3]),
        FRECHET
        + r"expected means \(D,\) and covariances \(D, D\), got mean \(3,\), covariance \(3, 3\), other_mean \(2,\), other_c.* \(3, 3\)",
    ),
    Bad(lambda: frechet_distance(PLAIN[1], PLAIN[1], PLAIN[2], PLAIN[3]), FRECHET + r"expected .*, got mean \(3, 3\),"),
    Bad(lambda: frechet_distance(PLAIN[0], PLAIN[1][:2], PLAIN[2], PLAIN[3]), FRECHET + r"expected .*, covariance \(2, 3\),"),
    Bad(lambda: frechet_distance(PLAIN[0], PLAIN[1], PLAIN[2], PLAIN[3][:, :1]), FRECHET + r"expected .*, other_covariance \(3, 1\)"),
)
BAD_FID = (
    Bad(
        lambda: frechet_inception_distance(PLAIN[0], FEATURES[1]),
        FID + r"features must be floating point \(N, 3\) with N at least 2, got torch.float64 of shape \(3,\)",
    ),
    Bad(lambda: frechet_inception_distance(PLAIN[0][0], FEATURES[1]), FID + r"features must be floating point \(N, D\) with .* shape \(\)"),
    Bad(lambda: frechet_inception_distance(FEATURES[0], FEATURES[1][:1]), FID + r"other_features must be .* of shape \(1, 3\)"),
    Bad(lambda: frechet_inception_distance(FEATURES[0], FEATURES[1][:, :2]), FID + r"other_features must be .* of shape \(9, 2\)"),
    Bad(lambda: frechet_inception_distance(FEATURES[0].long(), FEATURES[1]), FID + r"features must be .*, got torch.int64"),
)

CASES = [
    Case(
        METHOD,
        "Inception score",
        function(inception_score),
        lambda: [Sample((randn(4, 3, seed=8) * 2,)), Sample((randn(50, 10, seed=9) * 3 + 2,), {}, "50 images")],
        (
            Oracle("softmax and the logarithm of quotients in torch", torch_score),
            Oracle("the score in NumPy, number by number", numpy_score, "numpy"),
        ),
        degenerate=lambda: [Sample((randn(1, 4, seed=10),), {}, "one image"), Sample((randn(5, 1, seed=11),), {}, "one class")],
        hard=lambda: [
            Sample((randn(6, 3, seed=12) + 1e4,), {}, "mean 1e4"),
            Sample((torch.zeros(4, 3, dtype=torch.float64),), {}, "all zero"),
        ],
        bad=BAD_SCORE,
        dtypes=DTYPES,
        gradcheck=2,
        hard_tolerance=1e-3,  # numbers around 1e4 have 3 decimals in float32, and slopes beside them
    ),
    Case(
        METHOD,
        "sure classifier",
        function(inception_score),
        lambda: [Sample((randn(6, 3, seed=13) * 300,), {}, "probabilities of 0 and 1")],
        (Oracle("the score in NumPy, number by number", numpy_score, "numpy"),),
        gradcheck=0,  # flat: all slopes are zero to the last bit
        compiles=True,
    ),
    Case(
        METHOD,
        "Frechet distance",
        function(frechet_distance),
        lambda: [
            Sample(PLAIN),
            Sample((randn(20, seed=14), covariance(20, seed=15), randn(20, seed=16), covariance(20, seed=17)), {}, "20"),
        ],
        DISTANCES,
        degenerate=lambda: [
            Sample((PLAIN[0][:1], PLAIN[1][:1, :1], PLAIN[2][:1], PLAIN[3][:1, :1]), {}, "one feature"),
            Sample((PLAIN[0][:0], PLAIN[1][:0, :0], PLAIN[2][:0], PLAIN[3][:0, :0]), {}, "no feature"),
        ],
        hard=lambda: [Sample((PLAIN[0] + 1e4, PLAIN[1] * 1e4, PLAIN[2], PLAIN[3] * 1e-4), {}, "mean 1e4")],
        bad=BAD_DISTANCE,
        dtypes=DTYPES,
        gradcheck=GRADIENTS,
    ),
    Case(
        METHOD,
        "Frechet distance of samples",
        function(frechet_inception_distance),
        lambda: [Sample(FEATURES), Sample((randn(40, 12, seed=18), randn(30, 12, seed=19) * rand(12, seed=20)), {}, "12 features")],
        SAMPLED,
        degenerate=lambda: [Sample((FEATURES[0][:, :1], FEATURES[1][:, :1]), {}, "one feature")],
        hard=lambda: [Sample((FEATURES[0] + 1e4, FEATURES[1]), {}, "mean 1e4")],
        bad=BAD_FID,
        dtypes=DTYPES,
        gradcheck=GRADIENTS,
    ),
]
