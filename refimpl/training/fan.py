r"""Fan-in, fan-out and gain: what an initializer must know of a layer and of the activation after it.

Equations (weight of O outputs, I inputs and K kernel positions, K = 1 for a linear layer)
    fans      n_in = I K,   n_out = O K
    gain      g = 1 / sqrt(E[f(z)^2]) for z ~ N(0, 1): 1 for the identity, sqrt(2) for relu, sqrt(2 / (1 + a^2)) for leaky_relu
    uniform   w ~ U(-b, b),   b = sqrt(3) s, has standard deviation s

Conventions, those of ``torch.nn.init``
    1. A weight is stored (out, in, *kernel). A transposed convolution stores (in, out, *kernel), so that its
       fans swap: what is called "fan_in" here is the number of outputs that one input reaches.
    2. Groups are not known from the weight. n_in is right, since the weight holds one group's inputs; n_out counts the
       outputs of all groups, although an input reaches only those of its own.
    3. Stride is not known either: with stride t an input reaches about 1 / t^d of the outputs that n_out counts.
    4. The gains of tanh, 5/3, and of selu, 3/4, are found by experiment and not by the formula, which gives 1.593 and 1;
       sigmoid has gain 1, and so have the names of layers.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["calculate_gain", "fan_in_and_fan_out", "fill_normal_", "fill_uniform_"]

GAINS = {"sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2.0), "selu": 3 / 4, "linear": 1.0} | {
    f"{layer}{d}d": 1.0 for layer in ("conv", "conv_transpose") for d in (1, 2, 3)
}


def fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """Inputs that reach one output and outputs that one input reaches, from a weight ``(out, in, *kernel)``.

    Raises:
        ValueError: the tensor has fewer than two dimensions.
    """
    if tensor.dim() < 2:
        raise ValueError(f"fan_in_and_fan_out: tensor must have at least 2 dimensions (out, in, *kernel), got shape {tuple(tensor.shape)}")
    outputs, inputs, *kernel = tensor.shape
    positions = math.prod(kernel)
    return inputs * positions, outputs * positions


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that makes up for an activation's effect on the scale; drops in for ``torch.nn.init.calculate_gain``.

    Args:
        nonlinearity: name of the activation or layer in ``torch.nn.functional``.
        param: negative slope of leaky_relu, 0.01 by default; not used by the others.

    Raises:
        ValueError: the name is not known, or the slope is not a finite number.
    """
    if nonlinearity in GAINS:
        return GAINS[nonlinearity]
    if nonlinearity != "leaky_relu":
        raise ValueError(f"calculate_gain: nonlinearity must be one of leaky_relu, {', '.join(GAINS)}, got {nonlinearity!r}")
    slope = 0.01 if param is None else param
    if isinstance(slope, bool) or not isinstance(slope, int | float) or not math.isfinite(slope):
        raise ValueError(f"calculate_gain: param must be the negative slope of leaky_relu, a finite number, got {slope!r}")
    return math.sqrt(2.0 / (1 + slope**2))


def fill_uniform_(tensor: Tensor, std: float, generator: torch.Generator | None = None) -> Tensor:
    """Fill in place from the uniform distribution with mean 0 and standard deviation ``std``; no gradient is recorded."""
    bound = math.sqrt(3.0) * std
    with torch.no_grad():
        return tensor.uniform_(-bound, bound, generator=generator)


def fill_normal_(tensor: Tensor, std: float, generator: torch.Generator | None = None) -> Tensor:
    """Fill in place from the normal distribution with mean 0 and standard deviation ``std``; no gradient is recorded."""
    with torch.no_grad():
        return tensor.normal_(0.0, std, generator=generator)
