"""Cases of rectified Adam; the NumPy oracle follows Algorithm 2 with the threshold of the authors' code."""

from __future__ import annotations

import numpy as np
import torch

from refimpl.training.radam import RAdam
from tests.refimpl.harness.case import Bad
from tests.refimpl.harness.rule import POSITIVE, cases, refused

METHOD = "radam"
HYPER = {"lr": 0.03, "betas": (0.7, 0.93), "eps": 1e-3, "weight_decay": 0.11}
P = [torch.zeros(2, requires_grad=True)]


def equations(t, theta, g, s, lr, betas, eps, weight_decay):
    b1, b2 = betas
    g = g + weight_decay * theta
    s["v"] = b2 * s.get("v", 0) + (1 - b2) * g**2
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
    m_hat = s["m"] / (1 - b1**t)
    rho_inf = 2 / (1 - b2) - 1
    rho = rho_inf - 2 * t * b2**t / (1 - b2**t)
    if rho <= 5:
        return theta - lr * m_hat
    adaptive = np.sqrt(1 - b2**t) / (np.sqrt(s["v"]) + eps)
    r = np.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
    return theta - lr * r * m_hat * adaptive


BAD = (
    *refused(RAdam, lr=(-0.1, POSITIVE), eps=(-1e-8, POSITIVE), weight_decay=(-1.0, POSITIVE)),
    Bad(lambda: RAdam(P, betas=(1.0, 0.9)), r"^RAdam: betas\[0\] must be in \[0, 1\), got 1.0$"),
    Bad(lambda: RAdam(P, betas=(0.9, 1.0)), r"^RAdam: betas\[1\] must be in \[0, 1\), got 1.0$"),
)

CASES = [
    *cases(METHOD, "every hyperparameter", RAdam, torch.optim.RAdam, equations, BAD, **HYPER),
    *cases(METHOD, "climbing", RAdam, torch.optim.RAdam, equations, **{**HYPER, "lr": 0.01, "maximize": True}),
    *cases(METHOD, "never rectified", RAdam, torch.optim.RAdam, equations, **{**HYPER, "betas": (0.8, 0.5), "lr": 0.01}),
]
