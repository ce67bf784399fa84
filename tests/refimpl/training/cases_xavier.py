"""Cases of Glorot's initialization: unit noise times the standard deviation, a pure function of the noise.

The weights themselves are random; ``test_xavier`` compares them. The NumPy oracle counts connections instead of computing fans.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from refimpl.training.fan import calculate_gain, fan_in_and_fan_out
from refimpl.training.xavier import xavier_normal_, xavier_std, xavier_uniform_
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn

METHOD = "xavier"

LINEAR, CONVOLUTION, SEQUENCE, VOLUME = randn(5, 3, seed=1), randn(4, 3, 5, 2, seed=2), randn(2, 7, 3, seed=3), randn(2, 3, 1, 2, 4, seed=4)
SHAPES = [(LINEAR, "linear"), (CONVOLUTION, "images"), (SEQUENCE, "sequences"), (VOLUME, "volumes")]


def scaled_noise(noise: Tensor, gain: float = 1.0) -> Tensor:
    """The weights that the noise would become."""
    return noise * xavier_std(noise, gain)


def connections(weight: np.ndarray) -> tuple[int, int]:
    """Fan-in and fan-out, counted by walking through a layer of ones: ``(out, in, *kernel)``."""
    into, out_of = np.zeros(weight.shape[0], dtype=int), np.zeros(weight.shape[1], dtype=int)
    for index in np.ndindex(weight.shape):
        into[index[0]] += 1
        out_of[index[1]] += 1
    return max(into, default=0), max(out_of, default=0)


def counted(_, noise, gain=1.0):
    fan_in, fan_out = connections(noise)
    return noise * gain / np.sqrt((fan_in + fan_out) / 2) if fan_in else noise


def built_in(_, noise, gain=1.0):
    """PyTorch's own weights divided by its numbers for standard deviation 1 give its scale."""
    if not noise.numel():
        return noise * 0.0
    weights = nn.init.xavier_normal_(torch.empty(noise.shape, dtype=torch.float64), gain, torch.Generator().manual_seed(1))
    unit = torch.empty(noise.shape, dtype=torch.float64).normal_(generator=torch.Generator().manual_seed(1))
    return noise * (weights.flatten()[0] / unit.flatten()[0])


BAD = (
    Bad(
        lambda: xavier_uniform_(torch.zeros(3)),
        r"fan_in_and_fan_out: tensor must have at least 2 dimensions \(out, in, \*kernel\), got shape \(3,\)",
    ),
    Bad(lambda: xavier_normal_(torch.tensor(1.0)), r"at least 2 dimensions \(out, in, \*kernel\), got shape \(\)"),
    Bad(lambda: xavier_uniform_(torch.zeros(2, 3, dtype=torch.int64)), r"xavier_std: tensor must be real floating point, got torch.int64"),
    Bad(lambda: xavier_normal_(torch.zeros(2, 3, dtype=torch.complex64)), r"tensor must be real floating point, got torch.complex64"),
    Bad(lambda: xavier_uniform_(LINEAR.clone(), gain=-0.5), r"xavier_std: gain must be non-negative and finite, got -0.5"),
    Bad(lambda: xavier_normal_(LINEAR.clone(), gain=float("inf")), r"gain must be non-negative and finite, got inf"),
    Bad(lambda: xavier_normal_(LINEAR.clone(), gain=float("nan")), r"gain must be non-negative and finite, got nan"),
    Bad(lambda: fan_in_and_fan_out(torch.zeros(0)), r"at least 2 dimensions .*, got shape \(0,\)"),
    Bad(
        lambda: calculate_gain("gelu"),
        r"calculate_gain: nonlinearity must be one of leaky_relu, sigmoid, tanh, relu, selu, linear, conv1d, conv2d, conv3d, "
        r"conv_transpose1d, conv_transpose2d, conv_transpose3d, got 'gelu'",
    ),
    Bad(lambda: calculate_gain("leaky_relu", True), r"param must be the negative slope of leaky_relu, a finite number, got True"),
    Bad(lambda: calculate_gain("leaky_relu", float("nan")), r"a finite number, got nan"),
    Bad(lambda: calculate_gain("leaky_relu", "0.1"), r"a finite number, got '0.1'"),
)

CASES = [
    Case(
        METHOD,
        "unit noise, scaled",
        function(scaled_noise),
        lambda: [Sample((noise,), {}, name) for noise, name in SHAPES] + [Sample((LINEAR,), {"gain": 5 / 3}, "gain of tanh")],
        (Oracle("torch.nn.init.xavier_normal_", built_in), Oracle("connections counted in NumPy", counted, "numpy")),
        hard=lambda: [
            Sample((LINEAR * 1e4 + 1e4,), {"gain": 1e-6}, "mean 1e4, gain 1e-6"),
            Sample((LINEAR,), {"gain": 0.0}, "gain 0"),
        ],
        degenerate=lambda: [
            Sample((LINEAR[:1, :1],), {}, "one weight"),
            Sample((LINEAR[:0, :0],), {}, "no units"),
            Sample((LINEAR[:, :0],), {}, "no inputs"),
            Sample((CONVOLUTION[..., :0],), {}, "no kernel"),
        ],
        bad=BAD,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
    ),
]
