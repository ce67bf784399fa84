"""Cases of translation without parallel texts: geometry of words and the discriminator; the NumPy oracles go from word to word."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.language.unsupervised_mt import Discriminator, language_loss, noise
from refimpl.language.word_alignment import csls, procrustes
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn, randomize

METHOD = "unsupervised-mt"
X, Y = randn(6, 3, seed=1), randn(5, 3, seed=2)
LENGTHS, LANGUAGE = torch.tensor([2, 4, 1]), torch.tensor([0, 1, 1])


def numpy_csls(_, x, y, k=10):
    def cosine(a, b):
        return a @ b / np.sqrt((a @ a) * (b @ b))

    around_x = [np.mean(sorted(cosine(a, b) for b in y)[-k:]) for a in x]
    around_y = [np.mean(sorted(cosine(a, b) for a in x)[-k:]) for b in y]
    return np.array([[2 * cosine(a, b) - around_x[i] - around_y[j] for j, b in enumerate(y)] for i, a in enumerate(x)])


def torch_csls(_, x, y, k=10):
    cosine = F.cosine_similarity(x[:, None], y[None], dim=2)
    return 2 * cosine - cosine.sort(1).values[:, -k:].mean(1)[:, None] - cosine.sort(0).values[-k:].mean(0)


def torch_procrustes(_, x, y):
    """The orthogonal factor of the polar decomposition of Y^T X: (A A^T)^(-1/2) A."""
    a = y.T @ x
    values, vectors = torch.linalg.eigh(a @ a.T)
    return vectors @ torch.diag(values**-0.5) @ vectors.T @ a


def numpy_procrustes(_, x, y):
    """Newton's iteration for the polar factor."""
    w = y.T @ x
    for _ in range(60):
        w = (w + np.linalg.inv(w).T) / 2
    return w


def torch_language_loss(_, logits, lengths, language, smoothing=0.0):
    """A softmax over both languages, sentence by sentence."""
    losses, count = [], 0
    for row, n, own in zip(logits, lengths.tolist(), language.tolist(), strict=True):
        both = F.log_softmax(torch.stack((torch.zeros_like(row[:n]), row[:n]), 1), 1)
        losses.append(-((1 - smoothing) * both[:, own] + smoothing * both[:, 1 - own]).sum())
        count += n
    return torch.stack(losses).sum() / count


def numpy_language_loss(_, logits, lengths, language, smoothing=0.0):
    terms = []
    for row, n, own in zip(logits, lengths, language, strict=True):
        for z in row[:n]:
            second = -np.logaddexp(0, -z), -np.logaddexp(0, z)  # log-probabilities of the second and the first language
            terms.append(-(1 - smoothing) * second[1 - own] - smoothing * second[own])
    return np.mean(terms)


def torch_discriminator(p, x):
    h = x
    for i in (0, 2, 4):
        h = torch.einsum("bsh,oh->bso", h, p[f"layers.{i}.weight"]) + p[f"layers.{i}.bias"]
        h = torch.where(h > 0, h, 0.2 * h) if i < 4 else h
    return h[..., 0]


def numpy_discriminator(p, x):
    found = np.zeros(x.shape[:2])
    for at in np.ndindex(found.shape):
        h = x[at]
        for i in (0, 2, 4):
            h = p[f"layers.{i}.weight"] @ h + p[f"layers.{i}.bias"]
            h = np.maximum(h, 0.2 * h) if i < 4 else h
        found[at] = h[0]
    return found


TOKENS = torch.arange(1, 9).view(2, 4)
CASES = [
    Case(
        METHOD,
        "similarity of words",
        function(csls),
        lambda: (Sample((X, Y, 2)), Sample((Y, X, 5), name="all of the fewer words")),
        (Oracle("cosine_similarity and sorting in torch", torch_csls), Oracle("word by word in NumPy", numpy_csls, "numpy")),
        hard=lambda: (Sample((X * 1e4, Y * 1e-4, 3), name="lengths far apart"), Sample((X + 20, Y + 20, 2), name="nearly parallel")),
        hard_tolerance=1e-3,  # cosines near 1 keep seven digits, their differences fewer
        degenerate=lambda: (Sample((X[:1], Y[:1], 1), name="one word each"),),
        bad=(
            Bad(lambda: csls(X, Y[:, 1:], 1), r"^csls: x and y must be \(N, D\) and \(M, D\), got \(6, 3\) and \(5, 2\)$"),
            Bad(lambda: csls(X[0], Y, 1), r"^csls: x and y must be .* got \(3,\) and \(5, 3\)$"),
            Bad(lambda: csls(X, Y[0], 1), r"^csls: x and y must be .* got \(6, 3\) and \(3,\)$"),
            Bad(lambda: csls(X, Y, 0), r"^csls: k must lie in \[1, 5\], got 0$"),
            Bad(lambda: csls(X, Y, 6), r"^csls: k must lie in \[1, 5\], got 6$"),
            Bad(lambda: csls(X, Y), r"^csls: k must lie in \[1, 5\], got 10$"),
            Bad(lambda: procrustes(X, Y), r"^procrustes: x and y must have one shape \(N, D\), got \(6, 3\) and \(5, 3\)$"),
            Bad(lambda: procrustes(X[0], X[0]), r"^procrustes: x and y must .* got \(3,\) and \(3,\)$"),
        ),
    ),
    Case(
        METHOD,
        "rotation of words",
        function(procrustes),
        lambda: (Sample((X, randn(6, 3, seed=3))),),
        (
            Oracle("the polar decomposition by eigenvectors", torch_procrustes),
            Oracle("Newton's iteration for the polar factor in NumPy", numpy_procrustes, "numpy"),
        ),
        dtypes=(torch.float64, torch.float32),  # torch.linalg.svd knows no two-byte types
        tolerance={torch.float32: 1e-4},  # the factor of a matrix with singular values of 1 to 6, through its square in the oracle
        compiles="torch.linalg.svd is not traced by the compiler's backend without a graph break",
    ),
    Case(
        METHOD,
        "language of a state",
        function(language_loss),
        lambda: (
            Sample((randn(3, 4, seed=4), LENGTHS, LANGUAGE, 0.1)),
            Sample((randn(3, 4, seed=5), LENGTHS, LANGUAGE), name="no smoothing"),
            Sample((randn(3, 4, seed=4), LENGTHS, LANGUAGE, 0.5), name="most smoothing"),
        ),
        (Oracle("a softmax over both languages", torch_language_loss), Oracle("state by state in NumPy", numpy_language_loss, "numpy")),
        hard=lambda: (Sample((randn(3, 4, seed=6) * 300, LENGTHS, LANGUAGE, 0.2), name="extreme logits"),),
        degenerate=lambda: (Sample((randn(1, 1, seed=7), LENGTHS[2:], LANGUAGE[2:]), name="one state"),),
        compiles="the states that count are chosen by a mask, whose number of entries is data",
        exports="as above",
        bad=(
            Bad(
                lambda: language_loss(randn(3, 4, seed=4), LENGTHS[:2], LANGUAGE),
                r"^language_loss: logits, lengths and language must be \(B, S\), \(B,\) and \(B,\), got \(3, 4\), \(2,\) and \(3,\)$",
            ),
            Bad(lambda: language_loss(randn(3, 4, seed=4), LENGTHS, LANGUAGE[:2]), r"^language_loss: .* got \(3, 4\), \(3,\) and \(2,\)$"),
            Bad(
                lambda: language_loss(randn(3, 4, seed=4), LENGTHS[:2], LANGUAGE[:2]),
                r"^language_loss: .* got \(3, 4\), \(2,\) and \(2,\)$",
            ),
            Bad(lambda: language_loss(randn(3, seed=4), LENGTHS, LANGUAGE), r"^language_loss: .* got \(3,\), \(3,\) and \(3,\)$"),
            Bad(
                lambda: language_loss(randn(3, 4, seed=4), LENGTHS, LANGUAGE, 0.6),
                r"^language_loss: smoothing must .* \[0, 0.5\], got 0.6$",
            ),
            Bad(lambda: language_loss(randn(3, 4, seed=4), LENGTHS, LANGUAGE, -0.1), r"^language_loss: smoothing must .* got -0.1$"),
            Bad(lambda: Discriminator(0), r"^Discriminator: hidden_size and width must be positive, got 0 and 1024$"),
            Bad(lambda: Discriminator(3, 0), r"^Discriminator: hidden_size and width must be positive, got 3 and 0$"),
            Bad(lambda: noise(TOKENS, LENGTHS), r"^noise: tokens and lengths must be \(B, T\) and \(B,\), got \(2, 4\) and \(3,\)$"),
            Bad(lambda: noise(LENGTHS, LENGTHS), r"^noise: tokens and lengths must .* got \(3,\) and \(3,\)$"),
            Bad(lambda: noise(TOKENS[0], LENGTHS), r"^noise: tokens and lengths must .* got \(4,\) and \(3,\)$"),
            Bad(lambda: noise(TOKENS, LENGTHS[:2], 1.1), r"^noise: expected drop in \[0, 1\] and shuffle >= 0, got 1.1 and 3$"),
            Bad(lambda: noise(TOKENS, LENGTHS[:2], -0.1), r"^noise: expected drop .* got -0.1 and 3$"),
            Bad(lambda: noise(TOKENS, LENGTHS[:2], 0.1, -1), r"^noise: expected drop .* got 0.1 and -1$"),
        ),
    ),
    Case(
        METHOD,
        "discriminator",
        lambda: randomize(Discriminator(3, 5)),
        lambda: (Sample((randn(2, 4, 3, seed=8),)),),
        (Oracle("products and where in torch", torch_discriminator), Oracle("state by state in NumPy", numpy_discriminator, "numpy")),
        degenerate=lambda: (Sample((randn(0, 4, 3, seed=9),), name="no sentence"), Sample((randn(1, 1, 3, seed=10),), name="one state")),
    ),
]
