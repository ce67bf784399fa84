"""Three epochs of the perceptron rule beside the loop over examples and scikit-learn's, which is compiled."""

from __future__ import annotations

import torch

from refimpl.foundations.perceptron import learn
from tests.refimpl.foundations.cases_perceptron import METHOD
from tests.refimpl.harness.bench import Bench, published
from tests.refimpl.harness.case import randn

EPOCHS = 3


def sample(examples: int, inputs: int):
    """Examples with a margin, the first of them in the class 1, as scikit-learn needs it to count the same mistakes."""
    x, u = randn(examples, inputs, seed=0), randn(inputs, seed=1)
    side = (x @ u > 0).double()
    x += (2 * side - 1)[:, None] * u / u.norm() * 0.3
    first = int(side.argmax())
    return x.roll(-first, 0), side.roll(-first)[:, None]


def ours(x, d):
    return learn(x, d, x.new_zeros(1, x.shape[1]), x.new_zeros(1), epochs=EPOCHS)[:2]


def loop(x, d):
    """One example after the other."""
    weight, bias = x.new_zeros(1, x.shape[1]), x.new_zeros(1)
    for _ in range(EPOCHS):
        for example, wanted in zip(x, d, strict=True):
            error = wanted - (weight @ example + bias > 0).to(x.dtype)
            weight += error[:, None] * example
            bias += error
    return weight, bias


def scikit_learn():
    unit = published("sklearn.linear_model", "Perceptron", shuffle=False, max_iter=EPOCHS, tol=None)

    def call(x, d):
        unit.fit(x.numpy(), d[:, 0].numpy())
        return torch.as_tensor(unit.coef_), torch.as_tensor(unit.intercept_)

    return unit and call


BENCHES = [
    Bench(
        METHOD,
        f"2000 examples of 50 numbers, {EPOCHS} epochs",
        lambda: ours,
        {"the loop over examples": lambda: loop, "sklearn.linear_model.Perceptron": scikit_learn},
        lambda: sample(2000, 50),
        backward=False,
        compiled=False,
        dtype=torch.float64,
    )
]
