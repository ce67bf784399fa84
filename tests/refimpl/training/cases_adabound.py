"""Cases of AdaBound and AMSBound; the NumPy oracle follows Algorithm 2 with the bias corrections of the authors' code."""

from __future__ import annotations

import numpy as np
import torch

from refimpl.training.adabound import AdaBound
from tests.refimpl.harness.case import Bad
from tests.refimpl.harness.rule import POSITIVE, cases, refused

METHOD = "adabound"
HYPER = {"lr": 0.03, "betas": (0.7, 0.93), "final_lr": 0.05, "gamma": 0.2, "eps": 1e-3, "weight_decay": 0.11}
P = [torch.zeros(2, requires_grad=True)]


def equations(t, theta, g, s, lr, betas, final_lr, gamma, eps, weight_decay, amsbound=False):
    b1, b2 = betas
    g = g + weight_decay * theta
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0) + (1 - b2) * g**2
    s["max"] = np.maximum(s.get("max", 0), s["v"])
    root = np.sqrt(s["max"] if amsbound else s["v"]) + eps
    rate = lr * np.sqrt(1 - b2**t) / (1 - b1**t) / root
    eta = np.minimum(np.maximum(rate, final_lr * (1 - 1 / (gamma * t + 1))), final_lr * (1 + 1 / (gamma * t)))
    return theta - eta * s["m"]


BAD = (
    *refused(AdaBound, lr=(-0.1, POSITIVE), final_lr=(-0.1, POSITIVE), eps=(-1e-8, POSITIVE), weight_decay=(-1.0, POSITIVE)),
    *refused(AdaBound, gamma=(0.0, "in (0, 1)")),
    *refused(AdaBound, gamma=(1.0, "in (0, 1)")),
    Bad(lambda: AdaBound(P, betas=(1.0, 0.9)), r"^AdaBound: betas\[0\] must be in \[0, 1\), got 1.0$"),
    Bad(lambda: AdaBound(P, betas=(0.9, 1.0)), r"^AdaBound: betas\[1\] must be in \[0, 1\), got 1.0$"),
)

CASES = [
    *cases(METHOD, "AdaBound", AdaBound, None, equations, BAD, **HYPER),
    *cases(METHOD, "AMSBound", AdaBound, None, equations, **HYPER, amsbound=True),
    *cases(METHOD, "climbing", AdaBound, None, equations, **{**HYPER, "lr": 0.005, "final_lr": 0.01, "maximize": True}),
]
