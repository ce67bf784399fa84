"""Cases of YellowFin; the oracle measures each group's gradients as one vector in NumPy and finds the cubic's root by numpy.roots."""

from __future__ import annotations

import numpy as np
import torch

from refimpl.training.yellowfin import YellowFin
from tests.refimpl.harness.case import Bad, OptimizerCase
from tests.refimpl.harness.rule import FRACTION, POSITIVE, ROUNDED, refused

METHOD = "yellowfin"
HYPER = {"lr": 0.02, "beta": 0.8, "window": 3, "weight_decay": 0.11}


def roots_in_numpy(variance, distance, h_min, h_max):
    """Equation 15 with the root of x D^2 h_min^2 / 2 = C (1 - x)^3 in [0, 1] by numpy.roots."""
    a = distance**2 * h_min**2 / 2
    roots = np.roots([variance, -3 * variance, 3 * variance + a, -variance]) if variance else np.array([0.0])
    x = roots[np.abs(roots.imag) < 1e-9].real[0]
    robust = (np.sqrt(h_max / h_min) - 1) / (np.sqrt(h_max / h_min) + 1)
    mu = max(x**2, robust**2)
    return mu, (1 - np.sqrt(mu)) ** 2 / h_min


class InNumpy:
    """Algorithm 1 with the means kept as lists of all that was measured."""

    def __init__(self, groups, beta, window, weight_decay, lr, maximize=False):
        if isinstance(groups, list) and not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        self.groups, self.sign = groups, -1.0 if maximize else 1.0
        self.hyper = {"beta": beta, "window": window, "weight_decay": weight_decay, "lr": lr}
        self.seen = [[] for _ in groups]
        self.steps = [{"mu": 0.0, "alpha": group.get("lr", lr), "v": 0.0, "distances": [], "ranges": []} for group in groups]

    def step(self):
        for group, past, s in zip(self.groups, self.seen, self.steps, strict=True):
            self.move(group["params"], past, s, **self.hyper)

    def move(self, params, past, s, beta, window, weight_decay, lr):
        theta = np.concatenate([p.detach().numpy().reshape(-1) for p in params])
        g = self.sign * np.concatenate([p.grad.numpy().reshape(-1) for p in params]) + weight_decay * theta
        past.append(g)
        t = len(past)

        def mean(values):
            weights = beta ** np.arange(len(values) - 1, -1, -1.0)
            return sum(w * v for w, v in zip(weights, values, strict=True)) / weights.sum()

        h = [(x**2).sum() for x in past]
        s["ranges"].append((min(h[-window:]), max(h[-window:])))
        s["distances"].append(mean(np.sqrt(h)) / mean(h))
        variance = (mean([x**2 for x in past]) - mean(past) ** 2).sum() if t > 1 else 0.0
        h_min, h_max = mean([r[0] for r in s["ranges"]]), mean([r[1] for r in s["ranges"]])
        mu, alpha = roots_in_numpy(variance, mean(s["distances"]), h_min, h_max)
        s["mu"] = beta * s["mu"] + (1 - beta) * mu
        s["alpha"] = beta * s["alpha"] + (1 - beta) * alpha * min(1.0, t / (10 * window))
        s["v"] = s["mu"] * s["v"] - s["alpha"] * g
        theta = theta + s["v"]
        for p in params:
            with torch.no_grad():
                p.copy_(torch.from_numpy(theta[: p.numel()]).reshape(p.shape))
            theta = theta[p.numel() :]


BAD = (
    *refused(YellowFin, lr=(-0.1, POSITIVE), beta=(1.0, FRACTION), window=(0, "at least 1"), weight_decay=(-1.0, POSITIVE)),
    Bad(lambda: YellowFin([torch.zeros(1, requires_grad=True)], beta=-0.1), r"^YellowFin: beta must be in \[0, 1\), got -0.1$"),
)
WHY = "the step size depends on numbers that are read from the tensors"


def case(name, bad=(), dtypes=(torch.float64, torch.float32, torch.bfloat16), **hyper):
    tolerance = {**ROUNDED, torch.float32: 1e-4, torch.float64: 1e-10}  # the variance is a small difference of two means
    oracle = "Algorithm 1 in NumPy"
    return OptimizerCase(METHOD, name, lambda p: YellowFin(p, **hyper), oracle, lambda p: InNumpy(p, **hyper), bad, tolerance, dtypes, WHY)


CASES = [
    case("window 3", BAD, **HYPER),
    case("climbing", dtypes=(torch.float64, torch.float32), **{**HYPER, "beta": 0.9, "window": 20, "lr": 0.001, "maximize": True}),
]
