"""Cases of Adadelta; the NumPy oracle follows Algorithm 1 line by line."""

from __future__ import annotations

import numpy as np
import torch

from refimpl.training.adadelta import Adadelta
from tests.refimpl.harness.rule import FRACTION, POSITIVE, cases, refused

METHOD = "adadelta"
HYPER = {"lr": 0.6, "rho": 0.8, "eps": 1e-3, "weight_decay": 0.11}


def equations(t, theta, g, s, lr, rho, eps, weight_decay):
    g = g + weight_decay * theta
    s["Eg2"] = rho * s.get("Eg2", 0) + (1 - rho) * g**2
    step = -np.sqrt(s.get("Edx2", 0) + eps) / np.sqrt(s["Eg2"] + eps) * g
    s["Edx2"] = rho * s.get("Edx2", 0) + (1 - rho) * step**2
    return theta + lr * step


BAD = refused(Adadelta, lr=(-0.1, POSITIVE), rho=(1.0, FRACTION), eps=(-1e-8, POSITIVE), weight_decay=(-1.0, POSITIVE))

CASES = [  # not in bfloat16: both memories stop growing where an addition is below their last of 8 bits
    *cases(METHOD, "every hyperparameter", Adadelta, torch.optim.Adadelta, equations, BAD, half=False, **HYPER),
    *cases(METHOD, "climbing", Adadelta, torch.optim.Adadelta, equations, **{**HYPER, "lr": 0.3, "maximize": True}),
]
