"""Cases of NT-ASGD before its trigger: plain gradient descent."""

from __future__ import annotations

import torch

from refimpl.training.nt_asgd import NTASGD
from tests.refimpl.harness.rule import POSITIVE, cases, refused

METHOD = "awd-lstm"


def equations(t, theta, g, s, lr, weight_decay, interval=5):
    return theta - lr * (g + weight_decay * theta)


BAD = refused(NTASGD, lr=(-0.1, POSITIVE), weight_decay=(-1.0, POSITIVE), interval=(-1, POSITIVE)) + refused(
    NTASGD, interval=(2.5, "an integer")
)

CASES = [
    *cases(METHOD, "NT-ASGD before its trigger", NTASGD, torch.optim.SGD, equations, BAD, lr=0.03, weight_decay=0.11),
    *cases(METHOD, "NT-ASGD climbing", NTASGD, None, equations, lr=0.01, weight_decay=0.7, maximize=True),
]
