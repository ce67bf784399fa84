"""Cases of the GAN: its losses on logits, the best discriminator, and DCGAN's networks in torch and in NumPy."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.generative.gan import (
    Discriminator,
    Generator,
    discriminator_loss,
    generator_loss,
    optimal_discriminator,
    saturating_generator_loss,
)
from tests.refimpl.convolution import numpy_layers, torch_layers
from tests.refimpl.convolution.cases_transposed_convolution import loops
from tests.refimpl.generative.scores import score_case
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "gan"
ALL = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def by_torch(r, f):
    """Cross-entropies with labels."""
    bce, ones = F.binary_cross_entropy_with_logits, torch.ones_like
    fake = bce(f, 0 * ones(f))
    return bce(r, ones(r)) + fake, bce(f, ones(f)), -fake


def by_numpy(r, f):
    """Equation 1 with D = 1 / (1 + e^-l)."""
    real = [-np.log(1 / (1 + np.exp(-x))) for x in r]
    fake = [-np.log(1 - 1 / (1 + np.exp(-x))) for x in f]
    fooled = [-np.log(1 / (1 + np.exp(-x))) for x in f]
    return sum(real) / len(r) + sum(fake) / len(f), sum(fooled) / len(f), -sum(fake) / len(f)


def extreme(r, f):
    """log(1 + e^x) by its own branches, for logits whose exponential overflows."""

    def softplus(x):
        return np.array([v + np.log1p(np.exp(-v)) if v > 0 else np.log1p(np.exp(v)) for v in x])

    return softplus(-r).mean() + softplus(f).mean(), softplus(-f).mean(), -softplus(f).mean()


def losses(real, fake):
    return discriminator_loss(real, fake), generator_loss(fake), saturating_generator_loss(fake)


def network_g(layers, transposed, p, z, training):
    x = z[:, :, None, None]
    for i, (stride, padding) in enumerate(((1, 0), (2, 1))):
        x = transposed(x, p[f"main.{3 * i}.weight"], stride, padding)
        x = layers.relu(layers.batch_norm(x, p, f"main.{3 * i + 1}", 1e-5, training))
    y = transposed(x, p["main.6.weight"], 2, 1)
    return np.tanh(y) if isinstance(y, np.ndarray) else torch.tanh(y)


def network_d(layers, p, x, training):
    def leaky(y):
        return layers.relu(y) - 0.2 * layers.relu(-y)

    y = leaky(layers.conv(x, p["main.0.weight"], None, 2, 1))
    y = leaky(layers.batch_norm(layers.conv(y, p["main.2.weight"], None, 2, 1), p, "main.3", 1e-5, training))
    return layers.conv(y, p["main.5.weight"]).reshape(-1)


def torch_transposed(x, w, stride, padding):
    return F.conv_transpose2d(x, w, None, stride, padding)


def numpy_transposed(x, w, stride, padding):
    return loops(None, x, w, None, stride, padding)


def network_case(name, make, by_torch, by_numpy, images, training, **more):
    return Case(
        METHOD,
        f"{name}, {'training' if training else 'evaluation'}",
        lambda: randomize(make(), scale=0.5),
        lambda: [Sample((images,))],
        (Oracle("the network in torch.nn.functional", by_torch), Oracle("the network in NumPy", by_numpy, "numpy")),
        training=training,
        gradcheck=0,  # kinks and many parameters; the gradients are compared with the oracle's
        # in training each normalization divides by the spread of a few numbers, which magnifies rounding
        tolerance={torch.float64: 1e-10} if training else {torch.float32: 1e-4},
        dtypes=(torch.float64,) if training else (torch.float64, torch.float32),
        compiles=True if training else "compiled in training",
        **more,
    )


NOISE, IMAGES = randn(3, 3, seed=1), rand(3, 2, 16, 16, seed=2)
BAD = (
    Bad(lambda: Generator(size=4), r"^Generator: size must be a power of 2 of at least 8, got 4$"),
    Bad(lambda: Discriminator(size=12), r"^Discriminator: size must be a power of 2 of at least 8, got 12$"),
    Bad(lambda: Generator(latent=0), r"^Generator: latent must be positive, got 0$"),
    Bad(lambda: Generator(features=0), r"^Generator: features must be positive, got 0$"),
    Bad(lambda: Generator(channels=0), r"^Generator: channels must be positive, got 0$"),
    Bad(lambda: Discriminator(features=0), r"^Discriminator: features must be positive, got 0$"),
    Bad(lambda: Discriminator(channels=0), r"^Discriminator: channels must be positive, got 0$"),
    Bad(lambda: Generator(3, 1, 1, 8)(torch.ones(2, 4)), r"^Generator: z must be \(N, 3\), got \(2, 4\)$"),
    Bad(lambda: Generator(3, 1, 1, 8)(torch.ones(2, 3, 1, 1)), r"^Generator: z must be \(N, 3\), got \(2, 3, 1, 1\)$"),
    Bad(lambda: Discriminator(1, 2, 8)(torch.ones(2, 2, 8, 9)), r"^Discriminator: x must be \(N, 2, 8, 8\), got \(2, 2, 8, 9\)$"),
)

CASES = [
    score_case(METHOD, "losses", losses, by_torch, by_numpy, bad=BAD),
    Case(
        METHOD,
        "losses at logits of 1000",
        function(losses),
        lambda: [Sample((rand(4, seed=3) * 1e3, rand(3, seed=4) * 1e3))],
        (
            Oracle("cross-entropies with labels", lambda _, r, f: by_torch(r, f)),
            Oracle("log(1 + e^x) by branches, in NumPy", lambda _, r, f: extreme(r, f), "numpy"),
        ),
        gradcheck=2,
        hard=lambda: [
            Sample((torch.tensor([1e4, -1e4, 0.0]).double(), torch.tensor([-1e4, 1e4, 0.0]).double()), {}, "logits of 1e4 and 0")
        ],
        dtypes=ALL,
        compiles="compiled in the case before",
    ),
    Case(
        METHOD,
        "best discriminator",
        function(optimal_discriminator),
        lambda: [Sample((rand(6, seed=5, low=0.1), rand(6, seed=6, low=0.1)))],
        (
            Oracle("1 / (1 + q / p)", lambda _, p, q: 1 / (1 + q / p)),
            Oracle("the equation in NumPy", lambda _, p, q: np.array([a / (a + b) for a, b in zip(p, q, strict=True)]), "numpy"),
        ),
        degenerate=lambda: [Sample((torch.tensor([0.2, 0.3]).double(), torch.tensor([0.4, 0.0]).double()), {}, "one of them zero")],
        gradcheck=2,
        dtypes=ALL,
        compiles="one division",
    ),
    *(
        network_case(
            "generator",
            lambda: Generator(3, 2, 1, 16),
            lambda p, z, training=training: network_g(torch_layers, torch_transposed, p, z, training),
            lambda p, z, training=training: network_g(numpy_layers, numpy_transposed, p, z, training),
            NOISE,
            training,
        )
        for training in (True, False)
    ),
    *(
        network_case(
            "discriminator",
            lambda: Discriminator(2, 2, 16),
            partial(lambda p, x, training: network_d(torch_layers, p, x, training), training=training),
            partial(lambda p, x, training: network_d(numpy_layers, p, x, training), training=training),
            IMAGES,
            training,
        )
        for training in (True, False)
    ),
]
