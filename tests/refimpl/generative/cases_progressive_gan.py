"""Cases of progressive growing: its layers, and both networks at each stage from one description for torch and NumPy."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.generative.equalized import EqualizedConv2d, EqualizedLinear, minibatch_std, pixel_norm
from refimpl.generative.progressive_gan import Discriminator, Generator
from tests.refimpl.convolution import numpy_layers, torch_layers
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "progressive-gan"
WIDTHS = [3, 2, 4]
IMAGE = randn(2, 3, 4, 5, seed=1)


def numpy_pixel_norm(_, x, eps=1e-8):
    y = np.empty_like(x)
    for at in np.ndindex(x.shape[0], *x.shape[2:]):
        a = x[(at[0], slice(None), *at[1:])]
        y[(at[0], slice(None), *at[1:])] = a / np.sqrt(sum(v * v for v in a) / len(a) + eps)
    return y


def torch_pixel_norm(_, x, eps=1e-8):
    return F.rms_norm(x.movedim(1, -1), (x.shape[1],), eps=eps).movedim(-1, 1)


def numpy_spread(_, x):
    values = [np.sqrt(np.mean((x[:, c, i, j] - x[:, c, i, j].mean()) ** 2) + 1e-8) for c, i, j in np.ndindex(x.shape[1:])]
    return np.concatenate((x, np.full((len(x), 1, *x.shape[2:]), np.mean(values))), 1)


def torch_spread(_, x):
    spread = torch.stack([(image - x.mean(0)) ** 2 for image in x]).mean(0).add(1e-8).pow(0.5).mean()
    return torch.cat((x, torch.ones_like(x[:, :1]) * spread), 1)


def leaky(layers, x):
    return layers.relu(x) - 0.2 * layers.relu(-x)


def up(layers, x):
    return F.interpolate(x, scale_factor=2) if layers is torch_layers else np.kron(x, np.ones((2, 2)))


def normed(layers, x):
    return (torch_pixel_norm if layers is torch_layers else numpy_pixel_norm)({}, x)


def conv(layers, p, name, x, padding=0, gain=2**0.5):
    w = p[f"{name}.weight"]
    return layers.conv(x, w * (gain / (w.shape[1] * w.shape[2] * w.shape[3]) ** 0.5), p[f"{name}.bias"], 1, padding)


def generated(layers, p, z, level, alpha):
    """With the first layer as a convolution over a 7 x 7 canvas that is zero but for one pixel."""
    z = normed(layers, z)
    w = p["first.weight"]
    scale = 2**0.5 / 4 / w.shape[1] ** 0.5
    x = (z @ w.T * scale + p["first.bias"]).reshape(len(z), WIDTHS[0], 4, 4)
    x = normed(layers, leaky(layers, x))
    x = normed(layers, leaky(layers, conv(layers, p, "conv1.0", x, 1)))
    images = [conv(layers, p, "rgb.0", x, gain=1.0)]
    for k in range(1, level + 1):
        for name in (f"conv1.{k}", f"conv2.{k - 1}"):
            x = normed(layers, leaky(layers, conv(layers, p, name, up(layers, x) if name.startswith("conv1") else x, 1)))
        images.append(conv(layers, p, f"rgb.{k}", x, gain=1.0))
    return images[0] if level == 0 else (1 - alpha) * up(layers, images[-2]) + alpha * images[-1]


def judged(layers, p, image, level, alpha):
    x = leaky(layers, conv(layers, p, f"rgb.{level}", image))
    for k in range(level, 0, -1):
        x = leaky(layers, conv(layers, p, f"conv1.{k - 1}", x, 1))
        x = layers.average_pool(leaky(layers, conv(layers, p, f"conv2.{k - 1}", x, 1)), 2, 2)
        if k == level:
            old = leaky(layers, conv(layers, p, f"rgb.{k - 1}", layers.average_pool(image, 2, 2)))
            x = (1 - alpha) * old + alpha * x
    x = (torch_spread if layers is torch_layers else numpy_spread)({}, x)
    x = leaky(layers, conv(layers, p, "last", x, 1))
    x = leaky(layers, conv(layers, p, "whole", x))[:, :, 0, 0]
    return (x @ p["score.weight"][0]) / WIDTHS[0] ** 0.5 + p["score.bias"][0]


def network(name, make, network, sample, level, alpha, bad=()):
    return Case(
        METHOD,
        f"{name}, level {level}, alpha {alpha}",
        lambda: randomize(make()),
        lambda: (Sample((sample(), level, alpha)),),
        (
            Oracle("the network in torch.nn.functional", lambda p, *a: network(torch_layers, p, *a)),
            Oracle("the network in NumPy", lambda p, *a: network(numpy_layers, p, *a), "numpy"),
        ),
        gradcheck=0,  # hundreds of parameters and kinks; the gradients are compared with the oracle's
        dtypes=(torch.float64, torch.float32),
        tolerance={torch.float32: 1e-4},  # errors add up over ten layers
        compiles="the layers are compiled in their own cases",
        exports="as above",
        bad=bad,
    )


def layer(name, make, samples, in_torch, in_numpy, bad=()):
    oracles = Oracle("the equation in torch", in_torch), Oracle("the equation in NumPy", in_numpy, "numpy")
    return Case(METHOD, name, make, samples, oracles, gradcheck=2, bad=bad)


CASES = [
    Case(
        METHOD,
        "pixel norm",
        function(pixel_norm),
        lambda: (Sample((IMAGE, 0.3)), Sample((randn(4, 6, seed=2),), name="vectors, default eps")),
        (Oracle("torch.nn.functional.rms_norm", torch_pixel_norm), Oracle("pixel by pixel in NumPy", numpy_pixel_norm, "numpy")),
        hard=lambda: (
            Sample((IMAGE * 1e6,), name="values of 1e6"),
            Sample((IMAGE * 0,), name="zeros"),
            Sample((IMAGE + 1e4,), name="large mean"),
        ),
        degenerate=lambda: (Sample((IMAGE[:0],), name="empty batch"), Sample((IMAGE[:, :1],), name="one channel")),
        gradcheck=2,
        bad=(
            Bad(lambda: pixel_norm(torch.ones(3)), r"^pixel_norm: input must be \(N, C, ...\), got shape \(3,\)$"),
            Bad(lambda: pixel_norm(IMAGE, -1e-8), r"^pixel_norm: eps must be non-negative, got -1e-08$"),
        ),
    ),
    Case(
        METHOD,
        "spread of the batch",
        function(minibatch_std),
        lambda: (Sample((IMAGE,)), Sample((randn(5, 1, 2, 2, seed=3) * 3 + 1,), name="five images")),
        (Oracle("the equation in torch", torch_spread), Oracle("number by number in NumPy", numpy_spread, "numpy")),
        hard=lambda: (Sample((IMAGE * 0 + 7,), name="equal images"), Sample((IMAGE + 100,), name="large mean")),
        degenerate=lambda: (Sample((IMAGE[:1],), name="one image"),),
        gradcheck=2,
        bad=(
            Bad(lambda: minibatch_std(IMAGE[0]), r"^minibatch_std: input must be \(N, C, H, W\) with N > 0, got shape \(3, 4, 5\)$"),
            Bad(lambda: minibatch_std(IMAGE[:0]), r"^minibatch_std: input must be .* got shape \(0, 3, 4, 5\)$"),
        ),
    ),
    layer(
        "equalized convolution",
        lambda: randomize(EqualizedConv2d(3, 2, 3, 1, gain=0.7)),
        lambda: (Sample((IMAGE,)),),
        lambda p, x: F.conv2d(x, p["weight"], None, padding=1) * (0.7 / 27**0.5) + p["bias"][:, None, None],
        lambda p, x: numpy_layers.conv(x, p["weight"] * 0.7 / np.sqrt(27), p["bias"], 1, 1),
        bad=(
            Bad(lambda: EqualizedConv2d(0, 2, 3), r"^EqualizedConv2d: sizes must be positive, got 0, 2 and 3$"),
            Bad(lambda: EqualizedConv2d(1, 0, 3), r"^EqualizedConv2d: sizes must be positive, got 1, 0 and 3$"),
            Bad(lambda: EqualizedConv2d(1, 1, 0), r"^EqualizedConv2d: sizes must be positive, got 1, 1 and 0$"),
        ),
    ),
    layer(
        "equalized linear layer",
        lambda: randomize(EqualizedLinear(6, 4)),
        lambda: (Sample((randn(3, 6, seed=4),)), Sample((randn(2, 3, 6, seed=5),), name="more dimensions")),
        lambda p, x: F.linear(x, p["weight"]) * (2 / 6) ** 0.5 + p["bias"],
        lambda p, x: np.stack([x @ w * np.sqrt(2 / 6) + b for w, b in zip(p["weight"], p["bias"], strict=True)], -1),
        bad=(
            Bad(lambda: EqualizedLinear(0, 1), r"^EqualizedLinear: sizes must be positive, got 0 and 1$"),
            Bad(lambda: EqualizedLinear(1, 0), r"^EqualizedLinear: sizes must be positive, got 1 and 0$"),
        ),
    ),
    *(
        network("generator", lambda: Generator(5, WIDTHS, 2), generated, lambda: randn(2, 5, seed=6), level, alpha)
        for level, alpha in ((0, 0.3), (1, 0.0), (2, 1.0))
    ),
    network(
        "generator",
        lambda: Generator(5, WIDTHS, 2),
        generated,
        lambda: randn(2, 5, seed=6),
        2,
        0.3,
        bad=(
            Bad(lambda: Generator(0, [2]), r"^Generator: sizes must be positive, at least one width, got 0, \[2\] and 3$"),
            Bad(lambda: Generator(1, []), r"^Generator: sizes must be positive, at least one width, got 1, \[\] and 3$"),
            Bad(lambda: Generator(1, [2, 0]), r"^Generator: sizes must be .* got 1, \[2, 0\] and 3$"),
            Bad(lambda: Generator(1, [2], 0), r"^Generator: sizes must be .* got 1, \[2\] and 0$"),
            Bad(lambda: Generator(5, [2, 2])(torch.ones(1, 5), 2), r"^Generator: level must lie in \[0, 1\], got 2$"),
            Bad(lambda: Generator(5, [2, 2])(torch.ones(1, 5), -1), r"^Generator: level must lie in \[0, 1\], got -1$"),
            Bad(lambda: Generator(5, [2])(torch.ones(1, 5), 0, 1.5), r"^Generator: alpha must lie in \[0, 1\], got 1.5$"),
            Bad(lambda: Generator(5, [2])(torch.ones(1, 5), 0, -0.5), r"^Generator: alpha must lie in \[0, 1\], got -0.5$"),
            Bad(lambda: Generator(5, [2])(torch.ones(1, 4), 0), r"^Generator: input must be \(N, 5\), got shape \(1, 4\)$"),
            Bad(lambda: Generator(5, [2])(torch.ones(5), 0), r"^Generator: input must be \(N, 5\), got shape \(5,\)$"),
        ),
    ),
    *(
        network("discriminator", lambda: Discriminator(WIDTHS, 2), judged, lambda size=size: rand(3, 2, size, size, seed=7), level, alpha)
        for level, alpha, size in ((0, 0.3, 4), (1, 0.0, 8), (2, 1.0, 16))
    ),
    network(
        "discriminator",
        lambda: Discriminator(WIDTHS, 2),
        judged,
        lambda: rand(3, 2, 16, 16, seed=7),
        2,
        0.3,
        bad=(
            Bad(lambda: Discriminator([]), r"^Discriminator: sizes must be positive, at least one width, got 1, \[\] and 3$"),
            Bad(lambda: Discriminator([2], 0), r"^Discriminator: sizes must be positive, .* got 1, \[2\] and 0$"),
            Bad(
                lambda: Discriminator([2])(torch.ones(1, 3, 8, 8), 0),
                r"^Discriminator: input at level 0 must be \(N, 3, 4, 4\), got \(1, 3, 8, 8\)$",
            ),
            Bad(
                lambda: Discriminator([2, 2])(torch.ones(3, 8, 8), 1),
                r"^Discriminator: input at level 1 must be \(N, 3, 8, 8\), got \(3, 8, 8\)$",
            ),
            Bad(lambda: Discriminator([2])(torch.ones(1, 3, 8, 8), 1), r"^Discriminator: level must lie in \[0, 0\], got 1$"),
            Bad(lambda: Discriminator([2])(torch.ones(1, 3, 4, 4), 0, 2.0), r"^Discriminator: alpha must lie in \[0, 1\], got 2.0$"),
        ),
    ),
]
