"""Cases of RMSProp; the NumPy oracle sums the decayed squares of all past gradients."""

from __future__ import annotations

import numpy as np
import torch

from refimpl.training.rmsprop import RMSProp
from tests.refimpl.harness.rule import FRACTION, POSITIVE, cases, refused

METHOD = "rmsprop"
HYPER = {"lr": 0.03, "alpha": 0.8, "eps": 1e-2, "weight_decay": 0.11}


def equations(t, theta, g, s, lr, alpha, eps, weight_decay, momentum=0.0, centered=False):
    past = s.setdefault("gradients", [])
    past.append(g + weight_decay * theta)
    weights = [(1 - alpha) * alpha ** (t - 1 - i) for i in range(t)]
    square = sum(w * x**2 for w, x in zip(weights, past, strict=True))
    mean = sum(w * x for w, x in zip(weights, past, strict=True)) if centered else 0.0
    s["v"] = momentum * s.get("v", 0.0) + past[-1] / (np.sqrt(square - mean**2) + eps)
    return theta - lr * s["v"]


BAD = refused(
    RMSProp, lr=(-0.1, POSITIVE), alpha=(1.0, FRACTION), eps=(-1e-8, POSITIVE), weight_decay=(-1.0, POSITIVE), momentum=(1.0, FRACTION)
)

CASES = [
    *cases(METHOD, "plain", RMSProp, torch.optim.RMSprop, equations, BAD, **HYPER),
    *cases(METHOD, "centered", RMSProp, torch.optim.RMSprop, equations, **{**HYPER, "lr": 0.01}, momentum=0.6, centered=True),
    *cases(METHOD, "climbing", RMSProp, torch.optim.RMSprop, equations, **{**HYPER, "lr": 0.01, "maximize": True}, centered=True),
]
