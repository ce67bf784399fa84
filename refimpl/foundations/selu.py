r"""SELU and alpha dropout: layers whose units keep mean 0 and variance 1 by themselves.

Paper
    Klambauer, Unterthiner, Mayr and Hochreiter, "Self-Normalizing Neural Networks", NeurIPS 2017, arXiv:1706.02515:
    equation 2 (SELU), 3 (the map g), 14 (its constants), the section on initialization, the section on alpha dropout.

Equations (phi the normal density; a unit sums inputs of mean mu and variance nu with weights of sum omega and square sum tau)
    selu         f(x) = lambda x where x > 0, else lambda alpha (e^x - 1)
    map          (mu, nu) -> (E f(z), Var f(z)),   z ~ N(mu omega, nu tau)
    fixed-point  (0, 1) -> (0, 1) at omega = 0, tau = 1:   alpha = -E[z; z > 0] / E[e^z - 1; z <= 0],
                 lambda = (E[z^2; z > 0] + alpha^2 E[(e^z - 1)^2; z <= 0])^(-1/2)
    weights      w ~ N(0, 1 / n) for n inputs, so that omega = 0 and tau = 1 on average; biases 0
    dropout      y = a (x m + alpha' (1 - m)) + b,   m ~ Bernoulli(q), q = 1 - p, alpha' = -lambda alpha,
                 a = (q + alpha'^2 q (1 - q))^(-1/2),   b = -a (1 - q) alpha'

Deviations from the paper
    1. p is the probability of dropping a unit, as in PyTorch; the paper's q is that of keeping it.
    2. Where every unit is dropped, p = 1, the result is 0, as in PyTorch; a has no value there.
    3. The integrals of the map are sums over 200 points on each side of the corner, by the rule of Gauss and Legendre; what
       lies more than 12 standard deviations away is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Generator, Tensor, nn

from refimpl.foundations.activation_rectifiers import SELU_ALPHA, SELU_SCALE, selu
from refimpl.foundations.mlp import LinearStack, Pointwise, check_sizes
from refimpl.training.dropout import dropout_mask
from refimpl.training.lecun import lecun_normal_

__all__ = ["AlphaDropout", "SelfNormalizingNetwork", "alpha_dropout", "moments", "selu", "selu_constants"]

DROPPED = -SELU_SCALE * SELU_ALPHA
"""alpha', where SELU saturates: what a dropped unit is set to."""


def moments(
    mean: float, variance: float, activation: Callable[[Tensor], Tensor] = selu, weight_sum: float = 0.0, weight_square: float = 1.0
) -> tuple[float, float]:
    """Mean and variance of the activation of a unit, the map g of the paper.

    Args:
        mean, variance: of the inputs.
        activation: smooth but for a corner at 0.
        weight_sum, weight_square: omega and tau.

    Raises:
        ValueError: the sum's variance is not positive.
    """
    center, spread = mean * weight_sum, math.sqrt(max(variance * weight_square, 0.0))
    if not spread > 0:
        raise ValueError(f"moments: variance and weight_square must be positive, got {variance} and {weight_square}")
    z, weight = _normal_rule(center, spread)
    y = activation(z)
    first = (weight * y).sum()
    return float(first), float((weight * (y - first).square()).sum())


def selu_constants() -> tuple[float, float]:
    """alpha and lambda, for which (0, 1) is a fixed point of the map."""
    z, weight = _normal_rule(0.0, 1.0)
    right, left = z.clamp_min(0), torch.expm1(z.clamp_max(0))
    alpha = -(weight * right).sum() / (weight * left).sum()
    scale = (weight * (right.square() + alpha**2 * left.square())).sum().rsqrt()
    return float(alpha), float(scale)


def _normal_rule(center: float, spread: float, points: int = 200) -> tuple[Tensor, Tensor]:
    """Points on both sides of 0, and weights with which a sum is an expectation under N(center, spread^2)."""
    low, high = center - 12 * spread, center + 12 * spread
    ends = [low, 0.0, high] if low < 0 < high else [low, high]
    nodes, weights = (torch.from_numpy(v) for v in np.polynomial.legendre.leggauss(points))
    z = torch.cat([(b - a) / 2 * nodes + (a + b) / 2 for a, b in pairwise(ends)])
    lengths = torch.cat([(b - a) / 2 * weights for a, b in pairwise(ends)])
    density = torch.exp(-(((z - center) / spread).square()) / 2) / (spread * math.sqrt(2 * math.pi))
    return z, lengths * density


def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, *, generator: Generator | None = None, mask: Tensor | None = None
) -> Tensor:
    """Dropout that keeps mean 0 and variance 1; drops in for ``torch.nn.functional.alpha_dropout``.

    Args:
        input: units, of any shape.
        p: probability of dropping a unit.
        training: without it the input is returned as it is.
        generator: source of the random numbers; the default generator where it is None.
        mask: the units to keep, of the input's shape, instead of a mask drawn here.

    Raises:
        ValueError: a dtype, shape or parameter does not fit.
    """
    if not input.is_floating_point():
        raise ValueError(f"alpha_dropout: input must be floating point, got {input.dtype}")
    _check_probability("alpha_dropout", p)
    if mask is not None and (mask.dtype != torch.bool or mask.shape != input.shape):
        got = f"{mask.dtype} {tuple(mask.shape)}"
        raise ValueError(f"alpha_dropout: mask must be torch.bool of shape {tuple(input.shape)}, got {got}")
    if not training or p == 0:
        return input
    if p == 1:
        return input * 0
    kept = dropout_mask(input, p, generator=generator) if mask is None else mask
    q = 1 - p
    a = (q + DROPPED**2 * q * p) ** -0.5
    b = -a * p * DROPPED
    return torch.where(kept, input, DROPPED).mul_(a).add_(b)


class AlphaDropout(nn.Module):
    """Alpha dropout as a layer; drops in for ``torch.nn.AlphaDropout``."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        _check_probability("AlphaDropout", p)
        self.p = p

    def forward(self, input: Tensor) -> Tensor:
        return alpha_dropout(input, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class SelfNormalizingNetwork(LinearStack):
    """Linear layers, each but the last followed by SELU and alpha dropout; state dict of such a ``torch.nn.Sequential``.

    Args:
        sizes: numbers of units from the input, which should have mean 0 and variance 1, to the output; two or more.
        p: probability of dropping a unit; the paper uses 0.05 and 0.1.

    Shape: ``(..., sizes[0])`` to ``(..., sizes[-1])``.
    """

    def __init__(
        self, sizes: Sequence[int], p: float = 0.0, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> None:
        check_sizes("SelfNormalizingNetwork", sizes)
        layers: list[nn.Module] = []
        for before, units in pairwise(sizes):
            layers += [nn.Linear(before, units, device=device, dtype=dtype), Pointwise("selu"), AlphaDropout(p)]
        super().__init__(*layers[:-2])
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal weights of variance 1 / n, biases 0."""
        for layer in self[::3]:
            lecun_normal_(layer.weight)
            nn.init.zeros_(layer.bias)


def _check_probability(function: str, p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"{function}: p must lie in [0, 1], got {p}")


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    alpha, scale = selu_constants()
    print(f"alpha = {alpha:.12f} and lambda = {scale:.12f} by quadrature; stored {SELU_ALPHA:.12f} and {SELU_SCALE:.12f}")
    mean, variance = 0.1, 1.5
    for step in range(13):
        if step % 4 == 0:
            print(f"after {step:2d} layers of the map: mean {mean:.5f}, variance {variance:.5f}")
        mean, variance = moments(mean, variance)
    x = torch.randn(512, 256)
    for name, p in (("SELU", 0.0), ("SELU and alpha dropout of 0.1", 0.1)):
        h = SelfNormalizingNetwork([256] * 33, p)[:-1](x)
        print(f"{name}, 32 layers: mean {h.mean().item():.3f}, variance {h.var().item():.3f}")
