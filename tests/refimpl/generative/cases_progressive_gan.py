"""Cases of progressive growing: its layers and both networks at each stage; one description of a network serves both oracles."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from refimpl.generative.progressive_gan import (
    Discriminator,
    EqualizedConv2d,
    EqualizedLinear,
    Generator,
    drift_penalty,
    fade,
    minibatch_deviation,
    pixel_norm,
)
from tests.refimpl.convolution import numpy_layers, torch_layers
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "progressive-gan"
ALL = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
LAYERS = {"torch": torch_layers, "numpy": numpy_layers}


def numpy_pixel_norm(x):
    out = np.zeros_like(x)
    for at in np.ndindex((len(x), *x.shape[2:])):
        pixel = (at[0], slice(None), *at[1:])
        out[pixel] = x[pixel] / np.sqrt(sum(v * v for v in x[pixel]) / x.shape[1] + 1e-8)
    return out


def torch_pixel_norm(x):
    return x / (torch.linalg.vector_norm(x, dim=1, keepdim=True) ** 2 / x.shape[1] + 1e-8).sqrt()


def numpy_deviation(x):
    spreads = []
    for c, i, j in np.ndindex(x.shape[1:]):
        mean = sum(x[:, c, i, j]) / len(x)
        spreads.append(np.sqrt(sum((v - mean) ** 2 for v in x[:, c, i, j]) / len(x) + 1e-8))
    return np.concatenate([x, np.full((len(x), 1, *x.shape[2:]), sum(spreads) / len(spreads))], 1)


def torch_deviation(x):
    centered = x - x.sum(0) / len(x)
    spread = ((centered * centered).sum(0) / len(x) + 1e-8).sqrt().mean()
    return torch.cat([x, torch.ones_like(x[:, :1]) * spread], 1)


def doubled(x):
    if isinstance(x, np.ndarray):
        return np.kron(x, np.ones((2, 2)))
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def leaky(layers, x):
    return layers.relu(x) - 0.2 * layers.relu(-x)


def conv(layers, p, name, x, gain=2**0.5, padding=0):
    w = p[f"{name}.weight"]
    return layers.conv(x, w * gain / (w.shape[1] * w.shape[2] * w.shape[3]) ** 0.5, p[f"{name}.bias"], 1, padding)


def norm_of(kind):
    return numpy_pixel_norm if kind == "numpy" else torch_pixel_norm


def generate(kind, stage, alpha, p, z):
    layers, norm = LAYERS[kind], norm_of(kind)
    w = p["first.weight"]
    x = norm(z) @ (w * (2**0.5 / 4) / w.shape[1] ** 0.5).T + p["first.bias"]
    x = norm(leaky(layers, x.reshape(len(z), -1, 4, 4)))
    x, images = norm(leaky(layers, conv(layers, p, "convs.0.0", x, padding=1))), []
    images.append(conv(layers, p, "to_image.0", x, 1.0))
    for i in range(1, stage + 1):
        x = doubled(x)
        for j in (0, 1):
            x = norm(leaky(layers, conv(layers, p, f"convs.{i}.{j}", x, padding=1)))
        images.append(conv(layers, p, f"to_image.{i}", x, 1.0))
    return images[-1] if stage == 0 else (1 - alpha) * doubled(images[-2]) + alpha * images[-1]


def judge(kind, stage, alpha, p, x):
    layers = LAYERS[kind]
    h = leaky(layers, conv(layers, p, f"from_image.{stage}", x))
    for i in range(stage, 0, -1):
        for j in (0, 1):
            h = leaky(layers, conv(layers, p, f"convs.{i}.{j}", h, padding=1))
        h = layers.average_pool(h, 2, 2)
        if i == stage:
            h = (1 - alpha) * leaky(layers, conv(layers, p, f"from_image.{i - 1}", layers.average_pool(x, 2, 2))) + alpha * h
    h = (numpy_deviation if kind == "numpy" else torch_deviation)(h)
    h = leaky(layers, conv(layers, p, "convs.0.0", h, padding=1))
    h = leaky(layers, conv(layers, p, "convs.0.1", h))
    w = p["last.weight"]
    return h.reshape(len(x), -1) @ (w / w.shape[1] ** 0.5)[0] + p["last.bias"]


class Staged(nn.Module):
    """A network at a stage, with the names of its parameters."""

    def __init__(self, net, stage, alpha) -> None:
        super().__init__()
        self.net, self.stage, self.alpha = net, stage, alpha

    def forward(self, x):
        return self.net(x, self.stage, self.alpha)


def renamed(call, p, x):
    return call({k.removeprefix("net."): v for k, v in p.items()}, x)


def network_case(name, make, description, inputs, stage, alpha, **more):
    return Case(
        METHOD,
        f"{name}, stage {stage}, alpha {alpha:g}",
        lambda: randomize(Staged(make(), stage, alpha)),
        lambda: [Sample((inputs,))],
        (
            Oracle("the network in torch.nn.functional", partial(renamed, partial(description, "torch", stage, alpha))),
            Oracle("the network in NumPy", partial(renamed, partial(description, "numpy", stage, alpha)), "numpy"),
        ),
        tolerance={torch.float32: 1e-4},  # errors add up from layer to layer
        gradcheck=0,  # kinks and many parameters; the gradients are compared with the oracle's
        dtypes=(torch.float64, torch.float32),  # rounding to 8 bits moves features over their kinks
        **{"compiles": "its layers are compiled in their own cases", **more},
    )


def layer_case(name, make, by_torch, by_numpy, inputs, **more):
    return Case(
        METHOD,
        name,
        lambda: randomize(make()),
        lambda: [Sample((inputs,))],
        (Oracle("torch.nn.functional with scaled weights", by_torch), Oracle("scaled weights in NumPy", by_numpy, "numpy")),
        dtypes=ALL,
        **more,
    )


Z, WIDTHS = randn(3, 4, seed=1), (3, 2, 2)
SMALL_G, SMALL_D = (lambda: Generator(4, WIDTHS, 2)), (lambda: Discriminator(WIDTHS, 2))
FEATURES, IMAGES = randn(3, 2, 3, 4, seed=2), randn(2, 2, 3, 4, seed=3)
G, D = Generator(4, WIDTHS, 2), Discriminator(WIDTHS, 2)
BAD = (
    Bad(lambda: pixel_norm(Z[0]), r"^pixel_norm: x must be floating point \(N, C, ...\), got torch.float64 of shape \(4,\)$"),
    Bad(lambda: pixel_norm(Z.long()), r"^pixel_norm: x must be floating point \(N, C, ...\), got torch.int64 of shape \(3, 4\)$"),
    Bad(
        lambda: minibatch_deviation(Z),
        r"^minibatch_deviation: x must be floating point \(N, C, H, W\) with N > 0, got torch.float64 of shape",
    ),
    Bad(lambda: minibatch_deviation(FEATURES[:0]), r"^minibatch_deviation: x must be .*, got torch.float64 of shape \(0, 2, 3, 4\)$"),
    Bad(lambda: minibatch_deviation(FEATURES.long()), r"^minibatch_deviation: x must be .*, got torch.int64 of shape"),
    Bad(lambda: fade(Z, Z, -0.1), r"^fade: alpha must lie in \[0, 1\], got -0.1$"),
    Bad(lambda: fade(Z, Z, 1.1), r"^fade: alpha must lie in \[0, 1\], got 1.1$"),
    Bad(lambda: EqualizedLinear(0, 2), r"^EqualizedLinear: expected positive sizes, got weight of shape \(2, 0\)$"),
    Bad(lambda: EqualizedConv2d(2, 2, 0), r"^EqualizedConv2d: expected positive sizes, got weight of shape \(2, 2, 0, 0\)$"),
    Bad(lambda: EqualizedLinear(1, 2, 0.0), r"^EqualizedLinear: gain must be positive, got 0.0$"),
    Bad(lambda: Generator(4, ()), r"^Generator: expected at least one width, all positive, got \(\) and channels 3$"),
    Bad(lambda: Generator(4, (2, 0)), r"^Generator: expected at least one width, all positive, got \(2, 0\) and channels 3$"),
    Bad(lambda: Discriminator((2,), 0), r"^Discriminator: expected at least one width, all positive, got \(2,\) and channels 0$"),
    Bad(lambda: G(Z, 3), r"^Generator: stage must lie in \[0, 3\), got 3$"),
    Bad(lambda: G(Z, -1), r"^Generator: stage must lie in \[0, 3\), got -1$"),
    Bad(lambda: G(Z, 1, 1.5), r"^Generator: alpha must lie in \[0, 1\], got 1.5$"),
    Bad(lambda: G(Z[:, :3], 1), r"^Generator: z must be \(N, 4\), got \(3, 3\)$"),
    Bad(lambda: G(Z[0], 1), r"^Generator: z must be \(N, 4\), got \(4,\)$"),
    Bad(lambda: D(rand(2, 2, 4, 4, seed=4), 3), r"^Discriminator: stage must lie in \[0, 3\), got 3$"),
    Bad(lambda: D(rand(2, 2, 4, 4, seed=4), 0, -0.5), r"^Discriminator: alpha must lie in \[0, 1\], got -0.5$"),
    Bad(lambda: D(rand(2, 2, 4, 4, seed=4), 1), r"^Discriminator: x must be \(N, 2, 8, 8\) at stage 1, got \(2, 2, 4, 4\)$"),
)

CASES = [
    Case(
        METHOD,
        "pixel norm",
        function(pixel_norm),
        lambda: [Sample((FEATURES,)), Sample((Z,), {}, "noise")],
        (
            Oracle("division by the norm", lambda _, x: torch_pixel_norm(x)),
            Oracle("the equation in NumPy", lambda _, x: numpy_pixel_norm(x), "numpy"),
        ),
        hard=lambda: [Sample((FEATURES * 1e4 + 1e4,), {}, "mean 1e4")],
        degenerate=lambda: [Sample((FEATURES[:0],), {}, "no example"), Sample((FEATURES[:, :1],), {}, "one feature")],
        bad=BAD,
        gradcheck=2,
        dtypes=ALL,
    ),
    Case(
        METHOD,
        "minibatch deviation",
        function(minibatch_deviation),
        lambda: [Sample((FEATURES,))],
        (
            Oracle("centered squares", lambda _, x: torch_deviation(x)),
            Oracle("the equation in NumPy", lambda _, x: numpy_deviation(x), "numpy"),
        ),
        hard=lambda: [Sample((FEATURES + 1e4,), {}, "mean 1e4")],
        hard_tolerance=1e-3,  # the mean itself is known to 1e-3 only
        degenerate=lambda: [
            Sample((FEATURES[:1],), {}, "one example"),
            Sample((FEATURES[:1].expand(3, -1, -1, -1),), {}, "equal examples"),
        ],
        gradcheck=2,
        dtypes=ALL,
    ),
    Case(
        METHOD,
        "fade and drift",
        function(lambda old, new, alpha: (fade(old, new, alpha), drift_penalty(old, 0.3), drift_penalty(new * 100))),
        lambda: [Sample((Z, randn(3, 4, seed=5), 0.3))],
        (
            Oracle("a weighted sum", lambda _, o, n, a: (0.7 * o + a * n, 0.3 * (o * o).mean(), 10 * (n * n).mean())),
            Oracle("NumPy", lambda _, o, n, a: (0.7 * o + a * n, 0.3 * np.average(o**2), 10 * np.average(n**2)), "numpy"),
        ),
        gradcheck=2,
        dtypes=ALL,
        compiles="single operators",
    ),
    layer_case(
        "equalized linear layer",
        lambda: EqualizedLinear(4, 3, 0.7),
        lambda p, x: F.linear(x, p["weight"], torch.zeros(3).double()) * 0.7 / 2 + p["bias"],
        lambda p, x: np.einsum("ni,oi->no", x, p["weight"]) * 0.35 + p["bias"],
        Z,
    ),
    layer_case(
        "equalized convolution",
        lambda: EqualizedConv2d(2, 3, 3, 1, 1.5),
        lambda p, x: F.conv2d(x, p["weight"], padding=1) * 1.5 / 18**0.5 + p["bias"][:, None, None],
        lambda p, x: numpy_layers.conv(x, p["weight"], None, 1, 1) * 1.5 / 18**0.5 + p["bias"][:, None, None],
        IMAGES,
    ),
    layer_case(
        "equalized convolution, default gain",
        lambda: EqualizedConv2d(2, 3, 2),
        lambda p, x: F.conv2d(x, p["weight"]) * 0.5 + p["bias"][:, None, None],
        lambda p, x: numpy_layers.conv(x, p["weight"]) * 0.5 + p["bias"][:, None, None],
        IMAGES,
        compiles="compiled in the case before",
    ),
    network_case("generator", SMALL_G, generate, Z, 0, 0.3),
    network_case("generator", SMALL_G, generate, Z, 2, 0.3, compiles=True),
    network_case("generator", SMALL_G, generate, Z, 1, 1.0),
    network_case("discriminator", SMALL_D, judge, randn(3, 2, 4, 4, seed=6), 0, 0.3),
    network_case("discriminator", SMALL_D, judge, randn(3, 2, 16, 16, seed=7), 2, 0.3),
    network_case("discriminator", SMALL_D, judge, randn(3, 2, 8, 8, seed=8), 1, 1.0),
]
