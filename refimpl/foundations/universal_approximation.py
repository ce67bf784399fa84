r"""Universal approximation, built: one hidden layer that comes as near to a continuous function on the unit cube as one likes.

Papers
    Cybenko, "Approximation by Superpositions of a Sigmoidal Function", Mathematics of Control, Signals, and Systems 2, 1989.
    Hornik, Stinchcombe and White, "Multilayer feedforward networks are universal approximators", Neural Networks 2, 1989.
    Leshno, Lin, Pinkus and Schocken, "Multilayer feedforward networks with a nonpolynomial activation function can
    approximate any function", Neural Networks 6, 1993.

Equations (sigma a sigmoid or a rectifier, N units, knots t_0 < ... < t_N at distance h)
    sum          G(x) = sum_j alpha_j sigma(w_j'x + theta_j) + beta
    staircase    sum_k (f(t_k) - f(t_{k-1})) sigma(s (x - (t_{k-1} + t_k) / 2) / h) + f(t_0):   |G - f| <= L h for slopes up to L
    linear       the interpolant, sum_k (m_k - m_{k-1}) max(0, x - t_k) + f(t_0), m_k slopes:   |G - f| <= h^2 max|f''| / 8
    cosines      f(x) = sum_k c_k prod_i cos(pi k_i x_i),   c from the values at the midpoints of a grid
    ridges       prod_i cos(a_i) = 2^(1-n) sum over signs of cos(a_1 +- a_2 ... +- a_n), each a function of one number w'x

Deviations from the papers
    1. The proofs of 1989 show that weights exist and give none; this is a construction, by cosines, ridges and steps.
    2. Beyond one dimension the function must be smooth enough for its cosines to converge; continuity alone would need
       averages of them.
    3. There is a bias of the output, which costs one more unit in the papers' form.
    4. A rectifier is no sigmoid, but not a polynomial either, which is what the third paper asks for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product

import torch
from torch import Tensor

from refimpl.foundations.mlp import MLP

__all__ = ["approximate", "cosine_coefficients", "piecewise_linear", "ridge_sum", "staircase"]

Function = Callable[[Tensor], Tensor]
"""From points ``(N, n)`` to values ``(N,)``, in float64."""


def staircase(f: Function, units: int, low: float = 0.0, high: float = 1.0, sharpness: float = 20.0) -> MLP:
    """A step for each unit, between equal distances: ``(N, 1)`` to ``(N, 1)`` in float64.

    Args:
        f: of one number.
        units: how many steps.
        low, high: the interval.
        sharpness: s; the width of a step is about h / s.

    Raises:
        ValueError: no unit, no interval, or a sharpness that is not positive.
    """
    knots, values = _values("staircase", f, units, low, high)
    if not sharpness > 0:
        raise ValueError(f"staircase: sharpness must be positive, got {sharpness}")
    scale = sharpness / (knots[1] - knots[0])
    return _network("sigmoid", scale.expand(units, 1), -scale * (knots[:-1] + knots[1:]) / 2, values.diff(), values[0])


def piecewise_linear(f: Function, units: int, low: float = 0.0, high: float = 1.0) -> MLP:
    """The function through the values at the knots, with a rectifier for each slope. Arguments as for :func:`staircase`."""
    knots, values = _values("piecewise_linear", f, units, low, high)
    slopes = values.diff() / knots.diff()
    bends = slopes.diff(prepend=torch.zeros_like(slopes[:1]))
    return _network("relu", torch.ones_like(knots[1:, None]), -knots[:-1], bends, values[0])


def ridge_sum(parts: Sequence[MLP], directions: Tensor) -> MLP:
    """One hidden layer for the sum over k of part_k(w_k'x): ``(N, n)`` to ``(N, 1)``.

    Args:
        parts: networks of one number with one hidden layer, all with the same activation.
        directions: a row w_k for each, ``(K, n)``.

    Raises:
        ValueError: there is no direction for each part.
    """
    if directions.dim() != 2 or not len(parts) or len(directions) != len(parts):
        raise ValueError(f"ridge_sum: expected a direction for each of {len(parts)} parts, got shape {tuple(directions.shape)}")
    hidden = torch.cat([part[0].weight * w for part, w in zip(parts, directions, strict=True)])
    offsets = torch.cat([part[0].bias for part in parts])
    weights = torch.cat([part[2].weight[0] for part in parts])
    return _network(parts[0][1].name, hidden, offsets, weights, sum(part[2].bias for part in parts))


def cosine_coefficients(f: Function, dimension: int, count: int) -> Tensor:
    """c of the sum of cosines that passes through the values of f at the midpoints, ``(count,) * dimension``."""
    if dimension < 1 or count < 1:
        raise ValueError(f"cosine_coefficients: dimension and count must be positive, got {dimension} and {count}")
    middle = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    grid = torch.cartesian_prod(*[middle] * dimension).view(-1, dimension)
    c = f(grid).view((count,) * dimension)
    cosines = torch.cos(math.pi * torch.arange(count, dtype=torch.float64)[:, None] * middle) * 2 / count  # (frequencies, positions)
    cosines[0] /= 2
    for _ in range(dimension):
        c = torch.tensordot(c, cosines, ([0], [1]))  # the first axis becomes the last
    return c


def approximate(f: Function, dimension: int, count: int, units: int, build: Callable[..., MLP] = piecewise_linear) -> MLP:
    """One hidden layer near f on the unit cube: ``(N, dimension)`` to ``(N, 1)`` in float64.

    Args:
        f: smooth, of ``dimension`` numbers.
        count: frequencies along each axis.
        units: of each ridge.
        build: makes the network of one number, :func:`piecewise_linear` or :func:`staircase`.

    Raises:
        ValueError: a number is not positive.
    """
    coefficients = cosine_coefficients(f, dimension, count)
    ridges: dict[tuple[int, ...], float] = {}
    for k in product(range(count), repeat=dimension):
        for signs in product((1, -1), repeat=dimension - 1):
            w = (k[0], *(s * number for s, number in zip(signs, k[1:], strict=True)))
            w = max(w, tuple(-v for v in w))  # the cosine is even
            ridges[w] = ridges.get(w, 0.0) + float(coefficients[k]) * 2.0 ** (1 - dimension)
    constant = ridges.pop((0,) * dimension)
    ridges = ridges or {(1,) * dimension: 0.0}  # a constant has a hidden layer too
    parts = []
    for w, c in ridges.items():
        low, high = sum(min(v, 0) for v in w), sum(max(v, 0) for v in w)
        parts.append(build(lambda t, c=c: c * torch.cos(math.pi * t[:, 0]), units, low, high))
    network = ridge_sum(parts, torch.tensor(list(ridges)))
    network[2].bias.data += constant
    return network


def _values(function: str, f: Function, units: int, low: float, high: float) -> tuple[Tensor, Tensor]:
    """``units + 1`` knots and the values there."""
    if units < 1:
        raise ValueError(f"{function}: units must be positive, got {units}")
    if not low < high:
        raise ValueError(f"{function}: low must lie below high, got {low} and {high}")
    knots = torch.linspace(low, high, units + 1, dtype=torch.float64)
    return knots, f(knots[:, None])


@torch.no_grad()
def _network(activation: str, hidden: Tensor, offsets: Tensor, weights: Tensor, bias: Tensor) -> MLP:
    network = MLP((hidden.shape[1], len(hidden), 1), activation, dtype=torch.float64)
    for parameter, value in zip(network.parameters(), (hidden, offsets, weights[None], bias.view(1)), strict=True):
        parameter.copy_(value)
    return network


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    torch.set_default_device("cpu")  # built in float64, point by point: nothing to gain elsewhere
    x = torch.linspace(0, 1, 5001, dtype=torch.float64)[:, None]

    def wave(x: Tensor) -> Tensor:
        return torch.sin(7 * x[:, 0]) * x[:, 0]

    print("largest error on x sin 7x       steps    lines")
    for units in (10, 100, 1000):
        errors = [(build(wave, units)(x)[:, 0] - wave(x)).abs().max().item() for build in (staircase, piecewise_linear)]
        print(f"{units:5d} units                 {errors[0]:9.5f} {errors[1]:8.6f}")
    grid = torch.cartesian_prod(x[::100, 0], x[::100, 0])

    def hill(x: Tensor) -> Tensor:
        return torch.exp(-8 * ((x[:, 0] - 0.4).square() + (x[:, 1] - 0.6).square()))

    for count, units in ((4, 100), (8, 100), (16, 100)):
        network = approximate(hill, 2, count, units)
        error = (network(grid)[:, 0] - hill(grid)).abs().max().item()
        print(f"a hill in two dimensions, {count:2d} x {count:2d} cosines, {network[0].out_features:5d} units: {error:.4f}")
