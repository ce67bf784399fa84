"""Cases of DeepDream: one step and the objective, on layers whose gradients are worked out by hand in NumPy."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.convolution.deep_dream import class_model, dream, dream_step, energy
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, randn

METHOD = "deep-dream"
W = randn(3, 2, 2, 3, seed=1)


def layer(x):
    """A convolution without bias."""
    return F.conv2d(x, W.to(x.dtype))


def numpy_step(_, image, rate, shift=(0, 0)):
    """g = W^T W x, spread tap by tap."""
    w = W.numpy()
    x = np.roll(image, shift, (2, 3))
    ho, wo = x.shape[2] - 1, x.shape[3] - 2
    a = sum(np.einsum("nchw,oc->nohw", x[:, :, i : i + ho, j : j + wo], w[:, :, i, j]) for i in range(2) for j in range(3))
    g = np.zeros_like(x)
    for i in range(2):
        for j in range(3):
            g[:, :, i : i + ho, j : j + wo] += np.einsum("nohw,oc->nchw", a, w[:, :, i, j])
    g = np.roll(g, (-shift[0], -shift[1]), (2, 3))
    return image + (rate * g / np.abs(g).mean() if g.any() else 0 * g)


def torch_step(_, image, rate, shift=(0, 0)):
    x = torch.roll(image.detach(), shift, (2, 3))
    g = torch.roll(F.conv_transpose2d(layer(x), W), tuple(-s for s in shift), (2, 3))
    return image + rate * F.normalize(g, 1, (0, 1, 2, 3)) * g.numel()


X = randn(2, 2, 4, 5, seed=2)
WRONG = r"dream: expected steps >= 0, octaves >= 1, scale >= 1 and jitter >= 0, got "
BAD = (
    Bad(
        lambda: dream_step(layer, X[0], 0.1),
        r"dream_step: image must be floating point .*, got torch.float64 of shape \(2, 4, 5\)",
    ),
    Bad(lambda: dream_step(layer, X.long(), 0.1), r"dream_step: image must be floating point .*, got torch.int64"),
    Bad(lambda: dream(layer, X, steps=-1), WRONG + "-1, 3, 1.4 and 4"),
    Bad(lambda: dream(layer, X, octaves=0), WRONG + "10, 0, 1.4 and 4"),
    Bad(lambda: dream(layer, X, scale=0.9), WRONG + "10, 3, 0.9 and 4"),
    Bad(lambda: dream(layer, X, jitter=-1), WRONG + "10, 3, 1.4 and -1"),
    Bad(lambda: class_model(layer, (1, 2, 4, 5), 0, decay=-0.1), r"class_model: expected decay >= 0 and steps >= 0, got -0.1 and 100"),
    Bad(lambda: class_model(layer, (1, 2, 4, 5), 0, steps=-1), r"class_model: expected decay >= 0 and steps >= 0, got 0.01 and -1"),
)


def step(image, rate, shift=(0, 0)):
    return dream_step(layer, image, rate, shift)


CASES = [
    Case(
        METHOD,
        "step",
        lambda: step,
        lambda: [Sample((X, 0.3)), Sample((X, 0.7, (1, -2)), name="shifted")],
        (Oracle("a transposed convolution in torch", torch_step), Oracle("the gradient by hand in NumPy", numpy_step, "numpy")),
        hard=lambda: [Sample((X * 1e4, 0.3), name="values of 1e4"), Sample((X * 0, 0.3), name="all zero")],
        gradcheck=0,  # the gradient by the image is taken apart from what called it
        dtypes=(torch.float64, torch.float32),
        compiles="it calls torch.autograd.grad, which makes its own graph",
        exports="as for torch.compile",
    ),
    Case(
        METHOD,
        "energy",
        lambda: energy,
        lambda: [Sample((X,))],
        (
            Oracle("torch.linalg.vector_norm", lambda _, a: torch.linalg.vector_norm(a) ** 2 / 2),
            Oracle("the sum in Python", lambda _, a: sum(v * v for v in a.ravel().tolist()) / 2, "numpy"),
        ),
        degenerate=lambda: [Sample((X[:0],), name="empty")],
        bad=BAD,
        gradcheck=2,
    ),
]
