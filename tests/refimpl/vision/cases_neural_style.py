"""Cases of neural style: Gram matrices, both losses and their sum."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.vision.neural_style import content_loss, gram_matrix, style_loss, total_loss, transfer
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn

METHOD = "neural-style"


def numpy_gram(_, x):
    n, c, h, w = x.shape
    g = np.zeros((n, c, c))
    for m, i, j in np.ndindex(n, c, c):
        g[m, i, j] = sum(x[m, i, a, b] * x[m, j, a, b] for a in range(h) for b in range(w)) / (h * w)
    return g


def numpy_content(_, f, p):
    return np.array(sum(0.5 * (a - b) ** 2 for a, b in zip(f.flat, p.flat, strict=True)) / len(f))


def numpy_style(_, f, s):
    """The printed equation with sums over positions; both images have as many."""
    n, c, h, w = f.shape
    s = np.broadcast_to(s, (n, *s.shape[1:]))
    g, a = numpy_gram(_, f) * h * w, numpy_gram(_, s) * h * w  # for another size the mean is brought to this one's
    return np.array(((g - a) ** 2).sum() / (4 * c**2 * (h * w) ** 2 * n))


def torch_style(_, f, s):
    g, a = (torch.einsum("nchw,ndhw->ncd", v, v) / v[0, 0].numel() for v in (f, s))
    return F.mse_loss(g, a.expand_as(g)) / 4


ALPHA, BETA = 0.3, 0.7


def layered(content, style):
    def call(_, f, g, p, s, t):
        return ALPHA * content(_, g, p) + BETA * (0.2 * style(_, f, s) + 0.8 * style(_, g, t))

    return call


def weighted(f, g, p, s, t):
    return total_loss([f, g], [None, p], [s, t], ALPHA, BETA, [0.2, 0.8])


A, B, C, D = randn(2, 3, 4, 5, seed=1), randn(2, 3, 4, 5, seed=2), randn(1, 3, 4, 5, seed=3), randn(2, 3, 2, 7, seed=4)
DEEP, DEEP_AIM = randn(2, 4, 2, 3, seed=5), randn(2, 4, 2, 3, seed=6)
SHAPE = r"must be floating point \(N, C, H, W\), not empty, got torch.{} of shape {}"
BAD = (
    Bad(lambda: gram_matrix(A[0]), "gram_matrix: features " + SHAPE.format("float64", r"\(3, 4, 5\)")),
    Bad(lambda: gram_matrix(A.long()), "gram_matrix: features " + SHAPE.format("int64", r"\(2, 3, 4, 5\)")),
    Bad(lambda: gram_matrix(A[..., :0]), "gram_matrix: features " + SHAPE.format("float64", r"\(2, 3, 4, 0\)")),
    Bad(lambda: content_loss(A[:0], B[:0]), "content_loss: features " + SHAPE.format("float64", r"\(0, 3, 4, 5\)")),
    Bad(lambda: content_loss(A, C), r"content_loss: target must have the shape of features, \(2, 3, 4, 5\), got \(1, 3, 4, 5\)"),
    Bad(lambda: style_loss(A[0], B), "style_loss: features " + SHAPE.format("float64", r"\(3, 4, 5\)")),
    Bad(lambda: style_loss(A, B[0]), "style_loss: style " + SHAPE.format("float64", r"\(3, 4, 5\)")),
    Bad(lambda: style_loss(A, B[:, :2]), r"style_loss: style must have 3 channels and 1 or 2 images, got shape \(2, 2, 4, 5\)"),
    Bad(lambda: style_loss(A, B.repeat(2, 1, 1, 1)), r"style_loss: style must have 3 channels and 1 or 2 images, got shape \(4, 3, 4, 5\)"),
    Bad(lambda: total_loss([A], [A, B], [A]), r"total_loss: expected content and style for 1 layers, got 2 and 1"),
    Bad(lambda: total_loss([A], [A], []), r"total_loss: expected content and style for 1 layers, got 1 and 0"),
    Bad(
        lambda: total_loss([A, A], [A, A], [B, None], weights=[1, 1]), r"total_loss: expected a weight for each of 1 layers of style, got 2"
    ),
    Bad(lambda: transfer(torch.sum, A, 0), r"transfer: steps must be positive, got 0"),
)


def case(name, call, torch_oracle, numpy_oracle, samples, **more):
    oracles = (Oracle("the equation in torch", torch_oracle), Oracle("the equation in NumPy", numpy_oracle, "numpy"))
    args = samples[0].args
    hard = lambda: [Sample(tuple(a + 1e4 for a in args), name="mean 1e4"), Sample(tuple(a * 0 for a in args), name="zeros")]  # noqa: E731
    more.setdefault("hard", hard)
    return Case(METHOD, name, function(call), lambda: samples, oracles, **more)


def torch_content(_, f, p):
    return F.mse_loss(f, p, reduction="sum") / 2 / len(f)


def zeros():
    return [Sample((A * 0, B * 0), name="zeros"), Sample((A * 1e3, B * 1e3), name="values of 1e3")]


CASES = [
    case(
        "Gram matrix", gram_matrix, lambda _, x: torch.einsum("nchw,ndhw->ncd", x, x) / x[0, 0].numel(), numpy_gram, [Sample((A,))], bad=BAD
    ),
    case("content", content_loss, torch_content, numpy_content, [Sample((A, B))], hard=zeros),
    case(
        "style",
        style_loss,
        torch_style,
        numpy_style,
        [Sample((A, B)), Sample((A, C), name="one style for all"), Sample((A, D), name="another size")],
        hard=zeros,
    ),
    case(
        "total",
        weighted,
        layered(torch_content, torch_style),
        layered(numpy_content, numpy_style),
        [Sample((A, DEEP, DEEP_AIM, B, DEEP_AIM * 2 + 1))],
        hard=tuple,
        layouts=False,
        compiles="the sum of functions that compile",
    ),
]
