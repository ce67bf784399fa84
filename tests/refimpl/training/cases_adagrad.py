"""Cases of Adagrad; the NumPy oracle keeps every gradient and sums their squares anew at each step."""

from __future__ import annotations

import numpy as np
import torch

from refimpl.training.adagrad import Adagrad
from tests.refimpl.harness.rule import POSITIVE, cases, refused

METHOD = "adagrad"
HYPER = {"lr": 0.07, "lr_decay": 0.05, "weight_decay": 0.11, "initial_accumulator_value": 0.3, "eps": 1e-2}


def equations(t, theta, g, s, lr, lr_decay, weight_decay, initial_accumulator_value, eps):
    past = s.setdefault("gradients", [])
    past.append(g + weight_decay * theta)
    root = np.sqrt(initial_accumulator_value + sum(x**2 for x in past))
    return theta - lr / (1 + (t - 1) * lr_decay) * past[-1] / (root + eps)


BAD = refused(
    Adagrad,
    lr=(-0.1, POSITIVE),
    lr_decay=(-0.1, POSITIVE),
    weight_decay=(-1.0, POSITIVE),
    initial_accumulator_value=(-0.5, POSITIVE),
    eps=(-1e-8, POSITIVE),
)

CASES = [
    *cases(METHOD, "every hyperparameter", Adagrad, torch.optim.Adagrad, equations, BAD, **HYPER),
    *cases(METHOD, "climbing", Adagrad, torch.optim.Adagrad, equations, **{**HYPER, "lr": 0.02, "maximize": True}),
]
