"""Cases of Polyak averaging: the points it visits, and the covariance of their mean against the inverse of the Hessian."""

from __future__ import annotations

import numpy as np
import torch
from torch.optim.lr_scheduler import LambdaLR

from refimpl.training.polyak_averaging import AveragedSGD, asymptotic_covariance
from tests.refimpl.harness.case import Bad, Case, OptimizerCase, Oracle, Sample, function, randn
from tests.refimpl.harness.rule import FRACTION, POSITIVE, ROUNDED, cases, refused

METHOD = "polyak-averaging"


def equations(t, theta, g, s, lr, alpha=0.75, weight_decay=0.0):
    return theta - lr / t**alpha * (g + weight_decay * theta)


class Scheduled:
    """``torch.optim.SGD`` under a ``LambdaLR`` that divides the step size by a power of the step number."""

    def __init__(self, params, lr, alpha, weight_decay):
        self.sgd = torch.optim.SGD(params, lr=lr, weight_decay=weight_decay)
        self.schedule = LambdaLR(self.sgd, lambda done: (done + 1) ** -alpha)

    def step(self):
        self.sgd.step()
        self.schedule.step()


def convex(n, seed):
    """A matrix with eigenvalues right of zero, not symmetric, and a covariance."""
    a, b = randn(n, n, seed=seed), randn(n, n, seed=seed + 1)
    return a @ a.mT + torch.eye(n) + 0.3 * (b - b.mT), b @ b.mT + 0.1 * torch.eye(n)


def inverse(parameters, a, s):
    return np.linalg.inv(a) @ s @ np.linalg.inv(a).T


def least_squares(parameters, a, s):
    """A V A^T = S as one system of n^2 equations."""
    return torch.linalg.lstsq(torch.kron(a, a), s.reshape(-1, 1)).solution.reshape(s.shape)


BAD = refused(AveragedSGD, lr=(-0.1, POSITIVE), alpha=(1.0, FRACTION), weight_decay=(-1.0, POSITIVE))
HYPER = {"lr": 0.06, "alpha": 0.3, "weight_decay": 0.11}

CASES = [
    *cases(METHOD, "points", AveragedSGD, None, equations, BAD, **HYPER),
    OptimizerCase(
        METHOD,
        "points, PyTorch's optimizer and scheduler",
        lambda p: AveragedSGD(p, **HYPER),
        "torch.optim.SGD with LambdaLR",
        lambda p: Scheduled(p, **HYPER),
        tolerance=ROUNDED,
    ),
    *cases(METHOD, "points, climbing", AveragedSGD, None, equations, lr=0.01, weight_decay=0.7, maximize=True),
    Case(
        METHOD,
        "covariance of the mean",
        function(asymptotic_covariance),
        lambda: [Sample(convex(3, seed=1)), Sample(convex(1, seed=3), name="one parameter"), Sample(convex(6, seed=5), name="six")],
        (Oracle("numpy.linalg.inv", inverse, "numpy"), Oracle("torch.linalg.lstsq on a Kronecker product", least_squares)),
        hard=lambda: [
            Sample((1e4 * convex(3, seed=1)[0], 1e-4 * convex(3, seed=7)[1]), name="steep and quiet"),
            Sample((convex(3, seed=1)[0], torch.zeros(3, 3, dtype=torch.float64)), name="no noise"),
        ],
        degenerate=lambda: [Sample((torch.zeros(0, 0, dtype=torch.float64),) * 2, name="no parameters")],
        bad=(
            Bad(
                lambda: asymptotic_covariance(torch.zeros(2, 3), torch.zeros(2, 3)),
                r"^asymptotic_covariance: hessian must be square, got shape \(2, 3\)$",
            ),
            Bad(
                lambda: asymptotic_covariance(torch.zeros(2), torch.zeros(2)),
                r"^asymptotic_covariance: hessian must be square, got shape \(2,\)$",
            ),
            Bad(
                lambda: asymptotic_covariance(torch.eye(2), torch.zeros(2)),
                r"^asymptotic_covariance: noise must have shape \(2, 2\) like hessian, got \(2,\)$",
            ),
        ),
        dtypes=(torch.float64, torch.float32),  # torch.linalg has no bfloat16
    ),
]
