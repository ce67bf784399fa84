"""Cases of gradient descent; the NumPy oracle is the recursion of the paper."""

from __future__ import annotations

import torch

from refimpl.training.gradient_descent import GradientDescent
from tests.refimpl.harness.rule import POSITIVE, cases, refused

METHOD = "gradient-descent"


def equations(t, theta, g, s, lr, weight_decay, power=0.0):
    return theta - lr * t**-power * (g + weight_decay * theta)


BAD = refused(GradientDescent, lr=(-0.1, POSITIVE), weight_decay=(-1.0, POSITIVE), power=(-0.5, POSITIVE))

CASES = [
    *cases(METHOD, "constant step", GradientDescent, torch.optim.SGD, equations, BAD, lr=0.03, weight_decay=0.11),
    *cases(METHOD, "climbing", GradientDescent, torch.optim.SGD, equations, lr=0.01, weight_decay=0.7, maximize=True),
    *cases(METHOD, "shrinking step", GradientDescent, None, equations, lr=0.2, weight_decay=0.11, power=0.6),
]
