"""Cases of momentum; the NumPy oracle keeps the velocity of the papers, a sum of steps with the opposite sign."""

from __future__ import annotations

import torch

from refimpl.training.momentum import Momentum
from tests.refimpl.harness.case import Bad
from tests.refimpl.harness.rule import FRACTION, POSITIVE, cases, refused

METHOD = "momentum"
P = [torch.zeros(2, requires_grad=True)]


def equations(t, theta, g, s, lr, momentum, dampening=0.0, weight_decay=0.0, nesterov=False):
    g = g + weight_decay * theta
    s["v"] = -lr * g if t == 1 else momentum * s["v"] - lr * (1 - dampening) * g
    return theta + (momentum * s["v"] - lr * g if nesterov else s["v"])


BAD = (
    *refused(Momentum, lr=(-0.1, POSITIVE), momentum=(1.0, FRACTION), dampening=(-0.1, FRACTION), weight_decay=(-1.0, POSITIVE)),
    Bad(lambda: Momentum(P, momentum=0.0, nesterov=True), r"^Momentum: momentum must be positive with nesterov=True, got 0.0$"),
    Bad(lambda: Momentum(P, dampening=0.1, nesterov=True), r"^Momentum: dampening must be 0 with nesterov=True, got 0.1$"),
)

CASES = [
    *cases(METHOD, "heavy ball", Momentum, torch.optim.SGD, equations, BAD, lr=0.03, momentum=0.7, dampening=0.2, weight_decay=0.11),
    *cases(METHOD, "Nesterov", Momentum, torch.optim.SGD, equations, lr=0.02, momentum=0.8, weight_decay=0.3, nesterov=True),
    *cases(METHOD, "climbing", Momentum, torch.optim.SGD, equations, lr=0.002, momentum=0.3, weight_decay=0.2, maximize=True),
]
