"""Cases of He's initialization: unit noise times the standard deviation, a pure function of the noise."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from refimpl.training.kaiming import kaiming_normal_, kaiming_std, kaiming_uniform_
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function
from tests.refimpl.training.cases_xavier import CONVOLUTION, LINEAR, SHAPES, connections

METHOD = "kaiming"

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(64)
"""Gauss-Hermite quadrature over the standard normal distribution, exact for polynomials up to degree 127."""


def scaled_noise(noise: Tensor, **options) -> Tensor:
    """The weights that the noise would become."""
    return noise * kaiming_std(noise, **options)


def kept_power(slope: float) -> float:
    """E[f(z)^2] of a leaky rectifier, by quadrature over each half of the normal distribution."""
    z = np.where(NODES >= 0, NODES, slope * NODES)
    return float(WEIGHTS @ z**2 / WEIGHTS.sum())


def counted(_, noise, a=0.0, mode="fan_in", nonlinearity="leaky_relu"):
    fan = connections(noise)[0 if mode == "fan_in" else 1]
    power = kept_power({"leaky_relu": a, "relu": 0.0, "linear": 1.0}[nonlinearity])
    return noise / np.sqrt(power * fan) if fan else noise


def built_in(_, noise, **options):
    """PyTorch's own weights divided by its numbers for standard deviation 1 give its scale."""
    if not noise.numel():
        return noise * 0.0
    weights = nn.init.kaiming_normal_(torch.empty(noise.shape, dtype=torch.float64), **options, generator=torch.Generator().manual_seed(1))
    unit = torch.empty(noise.shape, dtype=torch.float64).normal_(generator=torch.Generator().manual_seed(1))
    return noise * (weights.flatten()[0] / unit.flatten()[0])


BAD = (
    Bad(
        lambda: kaiming_uniform_(torch.zeros(3)),
        r"fan_in_and_fan_out: tensor must have at least 2 dimensions \(out, in, \*kernel\), got shape \(3,\)",
    ),
    Bad(
        lambda: kaiming_uniform_(torch.zeros(2, 3, dtype=torch.int64)), r"kaiming_std: tensor must be real floating point, got torch.int64"
    ),
    Bad(
        lambda: kaiming_normal_(torch.zeros(2, 3, dtype=torch.complex64)),
        r"kaiming_std: tensor must be real floating point, got torch.complex64",
    ),
    Bad(lambda: kaiming_uniform_(LINEAR.clone(), mode="fan_avg"), r"kaiming_std: mode must be one of fan_in, fan_out, got 'fan_avg'"),
    Bad(
        lambda: kaiming_normal_(LINEAR.clone(), nonlinearity="mish"),
        r"calculate_gain: nonlinearity must be one of leaky_relu, .* got 'mish'",
    ),
    Bad(lambda: kaiming_normal_(LINEAR.clone(), a=float("inf")), r"calculate_gain: param must be the negative slope .*, got inf"),
)

CASES = [
    Case(
        METHOD,
        "unit noise, scaled",
        function(scaled_noise),
        lambda: (
            [Sample((noise,), {}, name) for noise, name in SHAPES]
            + [
                Sample((LINEAR,), {"mode": "fan_out", "nonlinearity": "relu"}, "fan_out"),
                Sample((CONVOLUTION,), {"a": 0.25, "mode": "fan_out"}, "leaky, fan_out"),
                Sample((CONVOLUTION,), {"a": -1.5}, "slope -1.5"),
                Sample((LINEAR,), {"a": 0.25, "nonlinearity": "linear"}, "linear"),
            ]
        ),
        (
            Oracle("torch.nn.init.kaiming_normal_", built_in),
            Oracle("connections counted, E[f(z)^2] integrated, in NumPy", counted, "numpy"),
        ),
        hard=lambda: [Sample((LINEAR * 1e4 + 1e4,), {"a": 1e4}, "mean 1e4, slope 1e4")],
        degenerate=lambda: [
            Sample((LINEAR[:1, :1],), {}, "one weight"),
            Sample((LINEAR[:, :0],), {}, "no inputs"),
            Sample((LINEAR[:0],), {"mode": "fan_out"}, "no outputs"),
        ],
        bad=BAD,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
    ),
]
