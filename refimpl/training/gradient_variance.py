r"""Gradient variance: how much the gradients of a random ReLU network differ from one initialization to the next.

Papers
    Hanin, "Which Neural Net Architectures Give Rise to Exploding and Vanishing Gradients?", NeurIPS 2018, arXiv:1801.03744:
    the sum of reciprocal widths decides (theorem 1).
    Hanin and Nica, "Products of Many Large Random Matrices and Gradients in Deep Neural Networks",
    Communications in Mathematical Physics 376, 2020, arXiv:1812.05994: the logarithm is nearly normal (theorem 1).

Equations (hidden widths n_1 ... n_d, weights N(0, 2 / fan in), J the Jacobian of the last hidden layer, |u| = 1)
    beta          beta = sum_j 1 / n_j
    second        E |J u|^2 = n_d / n_0
    fourth        E |J u|^4 / (E |J u|^2)^2 = prod_j (1 + 5 / n_j) <= exp(5 beta)
    logarithm     log(|J u|^2 n_0 / n_d) is nearly normal with variance 5 beta and mean -5 beta / 2

Deviations from the papers
    1. The papers bound the moments of single entries of J with constants; for the length of J u, where the input is random too
       in effect (each unit is active with probability 1/2), the second and fourth moments are exact and stand here instead.
    2. Lengths are divided by n_d / n_0, so that their mean is 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod, sqrt

import torch
from torch import Tensor

__all__ = ["fourth_moment", "inverse_width_sum", "jacobian_norms"]


def inverse_width_sum(widths: Sequence[int]) -> float:
    """beta of the hidden widths n_1 ... n_d.

    Raises:
        ValueError: a width is not positive.
    """
    _check("inverse_width_sum", widths)
    return sum(1 / n for n in widths)


def fourth_moment(widths: Sequence[int]) -> float:
    """E |J u|^4 over the square of E |J u|^2, for the hidden widths n_1 ... n_d.

    Raises:
        ValueError: a width is not positive.
    """
    _check("fourth_moment", widths)
    return prod(1 + 5 / n for n in widths)


def jacobian_norms(
    inputs: int, widths: Sequence[int], count: int, generator: torch.Generator | None = None, device: torch.device | str | None = None
) -> Tensor:
    """|J u|^2 n_0 / n_d of ``count`` random networks at a random input along a fixed direction, in float64.

    The direction is pushed through the layers beside the input: u <- diag(relu'(W x)) W u.

    Args:
        inputs: n_0.
        widths: n_1 ... n_d.
        count: number of networks.
        generator: source of the random numbers, of the same device.
        device: where to compute.

    Returns:
        ``(count,)``, with mean 1.

    Raises:
        ValueError: a width, ``inputs`` or ``count`` is not positive.
    """
    _check("jacobian_norms", [inputs, *widths])
    if count < 1:
        raise ValueError(f"jacobian_norms: count must be positive, got {count}")

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64, device=device)

    x, u = normal(count, inputs, 1), torch.zeros(count, inputs, 1, dtype=torch.float64, device=device)
    u[:, 0] = 1.0
    before = inputs
    for n in widths:
        w = normal(count, n, before) * sqrt(2 / before)
        z = w @ x  # (count, n, 1)
        active = z > 0
        x, u = z * active, (w @ u) * active
        before = n
    return u.square().sum((1, 2)) * inputs / before


def _check(function: str, widths: Sequence[int]) -> None:
    for n in widths:
        if n < 1:
            raise ValueError(f"{function}: widths must be positive, got {n}")


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    print("random networks of 10 hidden layers: spread of log |J u|^2 over 2,000 initializations beside sqrt(5 beta)")
    for widths in ([80] * 10, [40] * 10, [10, 70] * 5, [10] * 10):
        found = jacobian_norms(20, widths, 2000)
        logs, beta = found[found > 0].log(), inverse_width_sum(widths)
        name = "-".join(map(str, widths[:3])) + "-..."
        print(
            f"  {name:12s} beta {beta:.3f}   spread {logs.std().item():.2f} beside {sqrt(5 * beta):.2f}"
            f"   below a tenth of the mean: {(found < 0.1).double().mean().item():.0%}"
        )
