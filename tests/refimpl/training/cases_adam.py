"""Cases of Adam, AdaMax and NAdam; the NumPy oracle follows the papers' algorithms line by line."""

from __future__ import annotations

import numpy as np
import torch

from refimpl.training.adam import Adam, AdaMax, NAdam
from tests.refimpl.harness.case import Bad, OptimizerCase
from tests.refimpl.harness.numpy_optimizer import NumpyOptimizer

METHOD = "adam"
HYPER = {"lr": 0.03, "betas": (0.7, 0.93), "eps": 1e-3, "weight_decay": 0.11}


def adam(t, theta, g, s, lr, betas, eps, weight_decay):
    b1, b2 = betas
    g = g + weight_decay * theta
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0) + (1 - b2) * g**2
    m_hat, v_hat = s["m"] / (1 - b1**t), s["v"] / (1 - b2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps)


def adamax(t, theta, g, s, lr, betas, eps, weight_decay):
    b1, b2 = betas
    g = g + weight_decay * theta
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
    s["u"] = np.maximum(b2 * s.get("u", 0), np.abs(g) + eps)
    return theta - lr / (1 - b1**t) * s["m"] / s["u"]


def nadam(t, theta, g, s, lr, betas, eps, weight_decay, momentum_decay):
    b1, b2 = betas
    g = g + weight_decay * theta
    mu = [b1 * (1 - 0.5 * 0.96 ** (i * momentum_decay)) for i in range(1, t + 2)]
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0) + (1 - b2) * g**2
    look_ahead = (1 - mu[t - 1]) * g / (1 - np.prod(mu[:t])) + mu[t] * s["m"] / (1 - np.prod(mu))
    return theta - lr * look_ahead / (np.sqrt(s["v"] / (1 - b2**t)) + eps)


def bad(cls) -> tuple[Bad, ...]:
    name, p = cls.__name__, [torch.zeros(2, requires_grad=True)]
    return (
        Bad(lambda: cls(p, lr=-0.1), rf"{name}: lr must be non-negative, got -0.1"),
        Bad(lambda: cls(p, betas=(1.0, 0.9)), rf"{name}: betas\[0\] must be in \[0, 1\), got 1.0"),
        Bad(lambda: cls(p, betas=(-0.1, 0.9)), rf"{name}: betas\[0\] must be in \[0, 1\), got -0.1"),
        Bad(lambda: cls(p, betas=(0.9, 1.0)), rf"{name}: betas\[1\] must be in \[0, 1\), got 1.0"),
        Bad(lambda: cls(p, betas=(0.9, -0.1)), rf"{name}: betas\[1\] must be in \[0, 1\), got -0.1"),
        Bad(lambda: cls(p, eps=-1e-8), rf"{name}: eps must be non-negative, got -1e-08"),
        Bad(lambda: cls(p, weight_decay=-1.0), rf"{name}: weight_decay must be non-negative, got -1.0"),
    )


def pair(name, ours, theirs, equations, compiles=True, **hyper):
    """The same configuration against PyTorch and against the equations."""

    def against(oracle_name, oracle, refused=()):
        return OptimizerCase(
            METHOD,
            name if oracle_name.startswith("torch") else f"{name} in NumPy",
            lambda p: ours(p, **hyper),
            oracle_name,
            oracle,
            bad=refused,
            tolerance={torch.bfloat16: 6e-2},  # 25 roundings of the parameters themselves to 8 bits
            compiles=compiles,
        )

    steps = {k: v for k, v in hyper.items() if k != "maximize"}
    return [
        against(f"torch.optim.{theirs.__name__}", lambda p: theirs(p, **hyper), bad(ours)),
        against("the paper's algorithm in NumPy", lambda p: NumpyOptimizer(p, equations, maximize=hyper.get("maximize", False), **steps)),
    ]


PRODUCT = "the product of the momenta is a Python number, for each value of which a step is compiled anew"

CASES = [
    *pair("adam", Adam, torch.optim.Adam, adam, **HYPER),
    *pair("adam, maximizing", Adam, torch.optim.Adam, adam, **{**HYPER, "maximize": True, "lr": 0.01, "weight_decay": 0.0}),
    *pair("adamax", AdaMax, torch.optim.Adamax, adamax, **HYPER),
    *pair("nadam", NAdam, torch.optim.NAdam, nadam, PRODUCT, **HYPER, momentum_decay=0.3),
]
