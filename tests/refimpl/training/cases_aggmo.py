"""Cases of aggregated momentum; the NumPy oracle keeps the paper's signs and its list of velocities."""

from __future__ import annotations

import torch

from refimpl.training.aggmo import AggMo, exponential_damping
from tests.refimpl.harness.case import Bad, OptimizerCase
from tests.refimpl.harness.numpy_optimizer import NumpyOptimizer

METHOD = "aggmo"
HYPER = {"lr": 0.02, "betas": (0.1, 0.85, 0.97), "weight_decay": 0.13}
P = [torch.zeros(2, requires_grad=True)]


def equations(t, theta, g, s, lr, betas, weight_decay):
    g = g + weight_decay * theta
    v = s.setdefault("v", [0.0] * len(betas))
    for i, beta in enumerate(betas):
        v[i] = beta * v[i] - g
    return theta + lr / len(betas) * sum(v)


def in_numpy(**hyper):
    maximize = hyper.pop("maximize", False)
    return lambda p: NumpyOptimizer(p, equations, maximize=maximize, **hyper)


BAD = (
    Bad(lambda: AggMo(P, lr=-1.0), r"AggMo: lr must be non-negative, got -1.0"),
    Bad(lambda: AggMo(P, betas=()), r"AggMo: betas must be at least one damping factor, got \(\)"),
    Bad(lambda: AggMo(P, betas=(0.0, 1.0)), r"AggMo: betas\[1\] must be in \[0, 1\), got 1.0"),
    Bad(lambda: AggMo(P, betas=(-0.1,)), r"AggMo: betas\[0\] must be in \[0, 1\), got -0.1"),
    Bad(lambda: AggMo(P, weight_decay=-1.0), r"AggMo: weight_decay must be non-negative, got -1.0"),
    Bad(lambda: exponential_damping(0), r"exponential_damping: count must be at least 1, got 0"),
    Bad(lambda: exponential_damping(3, 1.0), r"exponential_damping: a must be in \(0, 1\), got 1.0"),
    Bad(lambda: exponential_damping(3, 0.0), r"exponential_damping: a must be in \(0, 1\), got 0.0"),
)
ROUNDED = {torch.bfloat16: 6e-2}  # 25 roundings of the parameters themselves to 8 bits

CASES = [
    OptimizerCase(METHOD, "three velocities", lambda p: AggMo(p, **HYPER), "the paper's update in NumPy", in_numpy(**HYPER), BAD, ROUNDED),
    OptimizerCase(
        METHOD,
        "maximizing",
        lambda p: AggMo(p, lr=0.002, betas=(0.3, 0.9), maximize=True),
        "the paper's update in NumPy",
        in_numpy(lr=0.002, betas=(0.3, 0.9), weight_decay=0.0, maximize=True),
        dtypes=(torch.float64, torch.float32),  # climbing a quartic amplifies the rounding of 8 bits without bound
    ),
    OptimizerCase(
        METHOD,
        "one velocity",
        lambda p: AggMo(p, lr=0.02, betas=[0.9], weight_decay=0.1),
        "torch.optim.SGD with momentum",
        lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9, weight_decay=0.1),
        tolerance=ROUNDED,
    ),
]
