"""Responses of radial units beside the formula with all differences, and interpolation beside SciPy's."""

from __future__ import annotations

import torch

from refimpl.foundations.rbf_network import interpolate, radial_basis
from tests.refimpl.foundations.cases_rbf_network import METHOD, torch_basis
from tests.refimpl.harness.bench import Bench, published
from tests.refimpl.harness.case import randn


def scipy_interpolator(x, y, new):
    fitted = published("scipy.interpolate", "RBFInterpolator", x.numpy(), y.numpy(), kernel="gaussian", epsilon=0.5**0.5, degree=-1)
    return torch.as_tensor(fitted(new.numpy()))


def ours(x, y, new):
    with torch.no_grad():
        return interpolate(x, y)(new)


BENCHES = [
    Bench(
        METHOD,
        "512 rows of 32 numbers, 128 centers",
        lambda: lambda x, c: radial_basis(x, c, 4.0),
        {"all differences": lambda: lambda x, c: torch_basis(None, x, c, 4.0)},
        lambda: (randn(512, 32, seed=0), randn(128, 32, seed=1)),
    ),
    Bench(
        METHOD,
        "interpolation of 400 points of 10 numbers, at 400 others",
        lambda: ours,
        {"scipy.interpolate.RBFInterpolator": lambda: scipy_interpolator},
        lambda: (randn(400, 10, seed=0), randn(400, 2, seed=1), randn(400, 10, seed=2)),
        backward=False,
        compiled=False,
        dtype=torch.float64,
    ),
]
