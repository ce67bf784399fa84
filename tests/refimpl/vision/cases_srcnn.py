"""Cases of SRCNN: the network, bicubic interpolation and the two scores."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.vision.srcnn import SRCNN, bicubic, psnr, ssim
from tests.refimpl.convolution import numpy_layers, torch_layers
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "srcnn"


def network(layers, pads):
    def call(p, x):
        for i, pad in enumerate(pads):
            x = layers.conv(x, p[f"conv{i + 1}.weight"], p[f"conv{i + 1}.bias"], 1, pad)
            x = layers.relu(x) if i < 2 else x
        return x

    return call


def kernel(t, a):
    t = abs(t)
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a if t < 2 else 0.0


def numpy_bicubic(_, x, size, a=-0.75, antialias=False):
    """Pixel by pixel: the sixteen nearest old pixels, or with antialias all that a wider kernel reaches."""
    y = np.zeros((*x.shape[:-2], *size))
    for i, j in np.ndindex(*size):
        shares = []
        for new, old, n in ((i, x.shape[-2], size[0]), (j, x.shape[-1], size[1])):
            center = (new + 0.5) * old / n - 0.5
            if antialias:
                weights = {k: kernel((k - center) / max(1, old / n), a) for k in range(old)}
                shares.append([(k, w / sum(weights.values())) for k, w in weights.items()])
            else:
                first = math.floor(center) - 1
                shares.append([(min(max(k, 0), old - 1), kernel(k - center, a)) for k in range(first, first + 4)])
        y[..., i, j] = sum(wa * wb * x[..., a_, b_] for a_, wa in shares[0] for b_, wb in shares[1])
    return y


def torch_bicubic(_, x, size, a=-0.75, antialias=False):
    flat = x.reshape(1, -1, *x.shape[-2:]) if x.numel() else x.new_zeros(1, 0, *x.shape[-2:])
    if not flat.numel():
        return x.sum() + x.new_zeros(*x.shape[:-2], *size)
    return F.interpolate(flat, size, mode="bicubic", antialias=antialias).view(*x.shape[:-2], *size)


def numpy_psnr(_, x, y, data_range=1.0):
    return np.array(20 * math.log10(data_range / math.sqrt(np.mean((x - y) ** 2))))


def torch_psnr(_, x, y, data_range=1.0):
    return 20 * math.log10(data_range) - 10 * F.mse_loss(x, y).log10()


def similarity(total, x, y, data_range=1.0, window=11, sigma=1.5):
    """Window by window."""
    w = [
        [math.exp(-((i - (window - 1) / 2) ** 2 + (j - (window - 1) / 2) ** 2) / (2 * sigma**2)) for j in range(window)]
        for i in range(window)
    ]
    w = np.array(w) / np.sum(w)
    w = torch.from_numpy(w) if isinstance(x, torch.Tensor) else w
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    scores = []
    for n, c in np.ndindex(x.shape[:2]):
        for i in range(x.shape[2] - window + 1):
            for j in range(x.shape[3] - window + 1):
                a, b = (v[n, c, i : i + window, j : j + window] for v in (x, y))
                ma, mb = (w * a).sum(), (w * b).sum()
                va, vb, ab = (w * (a - ma) ** 2).sum(), (w * (b - mb) ** 2).sum(), (w * (a - ma) * (b - mb)).sum()
                scores.append((2 * ma * mb + c1) * (2 * ab + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    return total(scores) / len(scores)


X, Y = rand(2, 2, 6, 5, seed=1, low=0.0), rand(2, 2, 6, 5, seed=2, low=0.0)
NOISE = 0.1 * randn(2, 2, 6, 5, seed=3)
SIMILAR = {"data_range": 2.0, "window": 4, "sigma": 0.9}
LARGE = rand(1, 1, 13, 12, seed=4, low=0.0), rand(1, 1, 13, 12, seed=5, low=0.0)
PIXELS = r"must be floating point \(N, C, H, W\) with H and W of at least {}, got torch.{} of shape {}"
BAD = (
    Bad(
        lambda: SRCNN(2)(X[:, :1].float()),
        "SRCNN: input must be .*" + r"\(N, 2, H, W\) .* at least 1, got torch.float32 of shape \(2, 1, 6, 5\)",
    ),
    Bad(lambda: SRCNN(2)(X[0].float()), r"SRCNN: input must be .*, got torch.float32 of shape \(2, 6, 5\)"),
    Bad(lambda: SRCNN(2)(X[0].movedim(0, 1).float()), r"SRCNN: input must be .*, got torch.float32 of shape \(6, 2, 5\)"),
    Bad(lambda: SRCNN(2)(X.long()), r"SRCNN: input must be .*, got torch.int64"),
    Bad(lambda: SRCNN(2, padding=False)(torch.zeros(1, 2, 12, 13)), r"SRCNN: input .*, got torch.float32 of shape \(1, 2, 12, 13\)"),
    Bad(
        lambda: SRCNN(2, padding=False)(torch.zeros(1, 2, 13, 12)),
        r"SRCNN: input .* of at least 13, got torch.float32 of shape \(1, 2, 13, 12\)",
    ),
    Bad(lambda: SRCNN(0), r"SRCNN: expected positive channels and two numbers of filters, got 0 and \(64, 32\)"),
    Bad(lambda: SRCNN(1, (2, 0)), r"SRCNN: expected .*, got 1 and \(2, 0\)"),
    Bad(lambda: SRCNN(1, (2,)), r"SRCNN: expected .*, got 1 and \(2,\)"),
    Bad(lambda: SRCNN(1, (2, 3), (9, 2, 5)), r"SRCNN: kernels must be three positive odd numbers, got \(9, 2, 5\)"),
    Bad(lambda: SRCNN(1, (2, 3), (9, -1, 5)), r"SRCNN: kernels must be .*, got \(9, -1, 5\)"),
    Bad(lambda: SRCNN(1, (2, 3), (9, 5)), r"SRCNN: kernels must be .*, got \(9, 5\)"),
    Bad(lambda: bicubic(X.long(), (3, 3)), r"bicubic: input must be floating point \(..., H, W\), got torch.int64 of shape \(2, 2, 6, 5\)"),
    Bad(lambda: bicubic(X[0, 0, 0], (3, 3)), r"bicubic: input must be .*, got torch.float64 of shape \(5,\)"),
    Bad(lambda: bicubic(X[..., :0], (3, 3)), r"bicubic: input must be .*, got torch.float64 of shape \(2, 2, 6, 0\)"),
    Bad(lambda: bicubic(X, (3, 0)), r"bicubic: size must be positive, got \(3, 0\)"),
    Bad(lambda: psnr(X[0], X[0]), "psnr: input " + PIXELS.format(1, "float64", r"\(2, 6, 5\)")),
    Bad(lambda: psnr(X[:0], X[:0]), "psnr: input " + PIXELS.format(1, "float64", r"\(0, 2, 6, 5\)")),
    Bad(lambda: psnr(X.long(), X), "psnr: input " + PIXELS.format(1, "int64", r"\(2, 2, 6, 5\)")),
    Bad(lambda: ssim(X, Y, window=6), "ssim: input " + PIXELS.format(6, "float64", r"\(2, 2, 6, 5\)")),
    Bad(lambda: ssim(X.mT, Y.mT, window=6), "ssim: input " + PIXELS.format(6, "float64", r"\(2, 2, 5, 6\)")),
    Bad(lambda: psnr(X, Y[:1]), r"psnr: target must be torch.float64 of shape \(2, 2, 6, 5\), got torch.float64 of shape \(1, 2, 6, 5\)"),
    Bad(lambda: psnr(X, Y.float()), r"psnr: target must be torch.float64 .*, got torch.float32"),
    Bad(lambda: ssim(*LARGE, 0.0), r"ssim: data_range must be positive, got 0.0"),
)


def net(name, make, pads, **more):
    return Case(
        METHOD,
        name,
        lambda: randomize(make(), scale=0.5),
        lambda: [Sample((randn(2, 2, 7, 6, seed=6),)), Sample((randn(1, 2, 9, 5, seed=7),), name="another size")],
        (
            Oracle("the network in torch.nn.functional", network(torch_layers, pads)),
            Oracle("the network in NumPy", network(numpy_layers, pads), "numpy"),
        ),
        hard=lambda: [Sample((randn(1, 2, 9, 7, seed=8) * 1e4,), name="values of 1e4")],
        degenerate=lambda: [Sample((randn(0, 2, 9, 7, seed=8),), name="empty batch")],
        tolerance={torch.bfloat16: 3e-2},  # errors add up from layer to layer
        gradcheck=0,  # kinks; the gradients are compared with the oracle's
        **more,
    )


CASES = [
    net("padded", lambda: SRCNN(2, (3, 4), (5, 1, 3)), (2, 0, 1), bad=BAD),
    net("not padded", lambda: SRCNN(2, (3, 4), (3, 1, 3), False), (0, 0, 0), compiles="as with padding", exports="as with padding"),
    Case(
        METHOD,
        "bicubic",
        function(bicubic),
        lambda: [
            Sample((X,), {"size": (12, 10)}, "twice as large"),
            Sample((X,), {"size": (9, 7)}, "by uneven factors"),
            Sample((X[0, 0],), {"size": (4, 3)}, "smaller, one channel"),
            Sample((X,), {"size": (3, 2), "a": -0.5, "antialias": True}, "smaller, antialias"),
            Sample((X,), {"size": (8, 11), "a": -0.5, "antialias": True}, "larger, antialias"),
        ],
        (Oracle("torch.nn.functional.interpolate", torch_bicubic), Oracle("the kernel in NumPy, pixel by pixel", numpy_bicubic, "numpy")),
        hard=lambda: [Sample((X + 1e4,), {"size": (9, 7)}, "mean 1e4")],
        degenerate=lambda: [
            Sample((X[:0],), {"size": (9, 7)}, "empty batch"),
            Sample((X[:, :0],), {"size": (9, 7)}, "no channel"),
            Sample((X[..., :1, :1],), {"size": (2, 3)}, "one pixel"),
            Sample((X,), {"size": (1, 3)}, "to one row"),
        ],
        gradcheck=2,
        tolerance={torch.float64: 1e-10},  # torch's antialias weights are float32 inside
    ),
    Case(
        METHOD,
        "signal-to-noise ratio",
        function(psnr),
        lambda: [Sample((X, Y, 3.0)), Sample((X, X + NOISE), name="defaults")],
        (Oracle("torch.nn.functional.mse_loss", torch_psnr), Oracle("the equation in NumPy", numpy_psnr, "numpy")),
        hard=lambda: [Sample((X * 255, Y * 255, 255.0), name="8 bits")],
    ),
    Case(
        METHOD,
        "structural similarity",
        function(ssim),
        lambda: [Sample((X, X + NOISE), SIMILAR), Sample(LARGE, name="defaults")],
        (
            Oracle("window by window in torch", lambda _, x, y, *a, **k: similarity(sum, x, y, *a, **k)),
            Oracle("window by window in NumPy", lambda _, x, y, *a, **k: similarity(sum, x, y, *a, **k), "numpy"),
        ),
        hard=lambda: [Sample((X * 255, (X + NOISE) * 255), {**SIMILAR, "data_range": 255.0}, "8 bits")],
    ),
]
