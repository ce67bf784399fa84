"""Cases of unrolling: a quadratic game, whose steps have a closed form, and the loss against a logistic discriminator."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from refimpl.generative.gan import saturating_generator_loss
from refimpl.generative.unrolled_gan import unroll, unrolled_generator_loss
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, randn, randomize

METHOD = "unrolled-gan"
LR = 0.3
MATRIX = torch.tensor([[0.5, -1.0], [0.75, 0.25], [-0.5, 1.25]], dtype=torch.float64)
CURVES = torch.tensor([[1.5, 0.5], [0.5, 0.75]], dtype=torch.float64)
TRACED = "torch.export does not trace a gradient that is taken inside the program"


def value(g, d):
    """f = g A d - d H d / 2, concave in d."""
    return g @ MATRIX.to(g) @ d - d @ CURVES.to(g) @ d / 2


def game(steps):
    def surrogate(g, d):
        reached = unroll(lambda p: -value(g, p["d"]), {"d": d}, steps, LR)["d"]
        return value(g, reached), reached

    return surrogate


def powers(steps, matrix_power, eye):
    """d^K = (I - lr H)^K d + sum over k < K of (I - lr H)^k lr A^T g."""

    def surrogate(_, g, d):
        a, h = (m.numpy() if isinstance(g, np.ndarray) else m.to(g) for m in (MATRIX, CURVES))
        shrink = eye(2) - LR * h
        reached = matrix_power(shrink, steps) @ d
        for k in range(steps):
            reached = reached + matrix_power(shrink, k) @ (LR * (g @ a))
        return g @ a @ reached - reached @ h @ reached / 2, reached

    return surrogate


class Ahead(nn.Module):
    """The loss with its discriminator, a logistic regression."""

    def __init__(self, steps, **options):
        super().__init__()
        self.discriminator = nn.Linear(3, 1)
        self.steps, self.options = steps, options

    def forward(self, real, fake):
        return unrolled_generator_loss(self.discriminator, real, fake, self.steps, LR, **self.options)


def regression(steps, saturating, p, real, fake):
    """Steps of logistic regression with its slope by hand: the mean of (sigmoid - label) x in each half."""
    w, b = p["discriminator.weight"][0], p["discriminator.bias"][0]
    if isinstance(real, np.ndarray):
        softplus, sigmoid = (lambda x: np.logaddexp(0, x)), (lambda x: np.exp(-np.logaddexp(0, -x)))
    else:
        softplus, sigmoid = torch.nn.functional.softplus, torch.sigmoid
    for _ in range(steps):
        up, down = sigmoid(-(real @ w + b)), sigmoid(fake @ w + b)
        w = w + LR * (up @ real / len(real) - down @ fake / len(fake))
        b = b + LR * (up.sum() / len(real) - down.sum() / len(fake))
    logit = fake @ w + b
    return -softplus(logit).sum() / len(fake) if saturating else softplus(-logit).sum() / len(fake)


def ahead(name, steps, saturating=False, **more):
    options = {"loss": saturating_generator_loss} if saturating else {}

    def call(p, real, fake):
        return regression(steps, saturating, p, real, fake)

    return Case(
        METHOD,
        name,
        lambda: randomize(Ahead(steps, **options)),
        lambda: [
            Sample((randn(4, 3, seed=1) + 1, randn(5, 3, seed=2))),
            Sample((randn(2, 3, seed=3), randn(2, 3, seed=4) * 2), {}, "two and two"),
        ],
        (Oracle("steps of logistic regression by hand", call), Oracle("the same in NumPy", call, "numpy")),
        hard=tuple if saturating else lambda: [Sample((randn(4, 3, seed=5) + 20, randn(4, 3, seed=6) - 20), {}, "far apart")],
        degenerate=lambda: [Sample((randn(1, 3, seed=7), randn(1, 3, seed=8)), {}, "one example")],
        gradcheck=2,
        tolerance={torch.bfloat16: 4e-2},  # each step rounds the parameters to 8 bits
        exports=TRACED,
        **more,
    )


D = {"d": torch.ones(2)}
CASES = [
    Case(
        METHOD,
        f"quadratic game, {steps} steps",
        lambda steps=steps: game(steps),
        lambda: [Sample((randn(3, seed=11), randn(2, seed=12))), Sample((randn(3, seed=13) * 9, randn(2, seed=14) + 5), {}, "large")],
        (
            Oracle("powers of a matrix", powers(steps, torch.linalg.matrix_power, lambda n: torch.eye(n, dtype=torch.float64))),
            Oracle("powers of a matrix in NumPy", powers(steps, np.linalg.matrix_power, np.eye), "numpy"),
        ),
        degenerate=lambda: [Sample((torch.zeros(3).double(), torch.zeros(2).double()), {}, "zeros")],
        bad=(
            Bad(lambda: unroll(lambda p: p["d"].sum(), D, -1, 0.1), r"^unroll: steps must not be negative, got -1$"),
            Bad(lambda: unroll(lambda p: p["d"].sum(), D, 1, 0.0), r"^unroll: lr must be positive and finite, got 0.0$"),
            Bad(lambda: unroll(lambda p: p["d"].sum(), D, 1, float("inf")), r"^unroll: lr must be positive and finite, got inf$"),
            Bad(lambda: unroll(lambda p: p["d"].sum(), D, 1, float("nan")), r"^unroll: lr must be positive and finite, got nan$"),
        )
        if steps
        else (),
        gradcheck=2,
        tolerance={torch.bfloat16: 4e-2},  # as below
        exports=TRACED,
        aliases=not steps,
    )
    for steps in (0, 1, 4)
] + [
    ahead("no step", 0),
    ahead("three steps", 3),
    ahead("three steps, saturating", 3, saturating=True),
]
