"""Errata on vision: matching Gram matrices and the maximum mean discrepancy."""

from __future__ import annotations

import torch
from torch import Tensor


def discrepancy(x: Tensor, y: Tensor, kernel) -> Tensor:
    """Squared maximum mean discrepancy of two sets of columns, (C, M) each, by its definition."""
    return kernel(x.T @ x).mean() + kernel(y.T @ y).mean() - 2 * kernel(x.T @ y).mean()


def test_matching_gram_matrices_is_the_discrepancy_of_the_square_kernel():
    """|G_x - G_y|^2 / M^2 is the MMD with k(x, y) = (x . y)^2; the quadratic kernel with a constant measures the means too."""
    generator = torch.Generator().manual_seed(0)
    channels, positions = 3, 20
    x, y = (torch.randn(channels, positions, generator=generator, dtype=torch.float64) + shift for shift in (0.0, 0.5))

    def gram_loss(x: Tensor, y: Tensor) -> Tensor:
        return (x @ x.T - y @ y.T).square().sum() / positions**2

    def square(p: Tensor) -> Tensor:
        return p**2

    def with_constant(p: Tensor) -> Tensor:
        return (p + 1) ** 2

    torch.testing.assert_close(gram_loss(x, y), discrepancy(x, y, square))
    means = 2 * (x.mean(1) - y.mean(1)).square().sum()
    torch.testing.assert_close(discrepancy(x, y, with_constant), gram_loss(x, y) + means)
    assert means > 0.1

    mirrored = -x  # another distribution with the same Gram matrix
    assert gram_loss(x, mirrored) == 0 and discrepancy(x, mirrored, square).abs() < 1e-12
    assert discrepancy(x, mirrored, with_constant) > 1e-3

    assert gram_loss(x, x) == 0 and (x @ x.T).abs().max() > 1  # equal Gram matrices, not Gram matrices as such, make it zero
