r"""Style as a distribution: matching Gram matrices minimizes the maximum mean discrepancy of the features, and other kernels do too.

Paper
    Li, Wang, Liu and Hou, "Demystifying Neural Style Transfer", IJCAI 2017, arXiv:1701.01036. Section 4.1 (the Gram loss as
    discrepancy), 4.2 and 4.3 (other kernels, statistics of batch normalization).

Equations (f_k, s_k in R^C the features of image and style at position k of M and M'; k a kernel)
    mmd                  MMD^2 = 1/M^2 sum_kl k(f_k, f_l) + 1/M'^2 sum_kl k(s_k, s_l) - 2 / (M M') sum_kl k(f_k, s_l)
    style-mmd-identity   1 / (4 C^2) MMD^2 with k(x, y) = (x . y)^2 is the Gram loss E_l
    linear               k(x, y) = x . y:                 MMD^2 is the squared distance of the means
    polynomial           k(x, y) = (x . y + c)^d
    gaussian             k(x, y) = exp(-|x - y|^2 / (2 sigma^2))
    style-mmd-statistics 1 / C sum_i [(mu_i - mu'_i)^2 + (sigma_i - sigma'_i)^2],   mean and spread of each channel

Deviations from the paper
    1. All pairs of positions count, a position with itself too (the biased estimate, never negative); for the Gaussian kernel the
       paper samples pairs for an unbiased one in linear time.
    2. Each sum is divided by its own number of positions, so that sizes may differ.
    3. The loss is 1 / (4 C^2) MMD^2 for every kernel; the paper has a normalization for each.
    4. The width of the Gaussian is given, or else its sigma^2 is the mean squared distance between image and style, without gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from refimpl.vision.neural_style import check_pair, gram_matrix, style_loss

__all__ = ["gaussian", "gram_matrix", "linear", "mmd_loss", "polynomial", "squared_mmd", "statistics_loss", "style_loss"]

Kernel = Callable[[Tensor, Tensor], Tensor]


def linear(x: Tensor, y: Tensor) -> Tensor:
    """Products x . y of all pairs: ``(N, M, M')`` from ``(N, M, C)`` and ``(N, M', C)``."""
    return x @ y.transpose(1, 2)


def polynomial(x: Tensor, y: Tensor, degree: int = 2, constant: float = 0.0) -> Tensor:
    """(x . y + constant)^degree of all pairs."""
    return (linear(x, y) + constant) ** degree


def gaussian(x: Tensor, y: Tensor, variance: float | Tensor = 1.0) -> Tensor:
    """exp(-|x - y|^2 / (2 variance)) of all pairs."""
    return (_squared_distance(x, y) / (-2 * variance)).exp()


def squared_mmd(features: Tensor, style: Tensor, kernel: Kernel = polynomial) -> Tensor:
    """Squared maximum mean discrepancy of the positions of two feature maps, mean over images.

    Args:
        features: ``(N, C, H, W)``.
        style: ``(N, C, H', W')``, or with N = 1 for all.
        kernel: of all pairs, ``(N, M, M')`` from ``(N, M, C)`` and ``(N, M', C)``; (x . y)^2 by default.
    """
    check_pair("squared_mmd", features, style)
    x, y = (v.flatten(2).transpose(1, 2) for v in (features, style.expand(len(features), -1, -1, -1)))  # (N, M, C)
    return (kernel(x, x).mean((1, 2)) + kernel(y, y).mean((1, 2)) - 2 * kernel(x, y).mean((1, 2))).mean()


def mmd_loss(features: Tensor, style: Tensor, kernel: str = "quadratic", constant: float = 0.0, variance: float | None = None) -> Tensor:
    """The discrepancy over 4 C^2, each kernel in its cheapest form.

    Args:
        features, style: as in :func:`squared_mmd`.
        kernel: "linear" and "quadratic" without the pairs of positions, by means and Gram matrices; "gaussian" with them.
        constant: c of the quadratic kernel.
        variance: sigma^2 of the Gaussian; the mean squared distance where it is None.
    """
    check_pair("mmd_loss", features, style)
    scale = 4 * features.shape[1] ** 2
    if kernel not in ("linear", "quadratic", "gaussian") or constant < 0:
        raise ValueError(f"mmd_loss: kernel must be linear, quadratic or gaussian and constant >= 0, got {kernel!r} and {constant}")
    if kernel == "gaussian":
        if variance is None:
            with torch.no_grad():
                x, y = (v.flatten(2).transpose(1, 2) for v in (features, style.expand(len(features), -1, -1, -1)))
                variance = _squared_distance(x, y).mean()
        return squared_mmd(features, style, partial(gaussian, variance=variance)) / scale
    means = (features.mean((2, 3)) - style.mean((2, 3))).square().sum() / (len(features) * scale)
    if kernel == "linear":
        return means
    return style_loss(features, style) + 2 * constant * means  # (x . y + c)^2 = (x . y)^2 + 2 c x . y + c^2


def statistics_loss(features: Tensor, style: Tensor) -> Tensor:
    """Squared differences of each channel's mean and standard deviation, mean over channels and images."""
    check_pair("statistics_loss", features, style)
    (var_x, mean_x), (var_y, mean_y) = (torch.var_mean(v, (2, 3), correction=0) for v in (features, style))
    return ((mean_x - mean_y).square() + (var_x.sqrt() - var_y.sqrt()).square()).mean()


def _squared_distance(x: Tensor, y: Tensor) -> Tensor:
    """From differences, not from products, which cancel: ``(N, M, M')``."""
    return (x[:, :, None] - y[:, None]).square().sum(-1)


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    f, s = torch.randn(1, 8, 12, 10, dtype=torch.float64), torch.randn(1, 8, 12, 10, dtype=torch.float64) + 0.3
    print(f"Gram loss {style_loss(f, s).item():.12f}")
    print(f"MMD^2 / 4 C^2, k = (x . y)^2: {squared_mmd(f, s).item() / (4 * 64):.12f}")
    for name, value in (
        ("linear", mmd_loss(f, s, "linear")),
        ("gaussian", mmd_loss(f, s, "gaussian")),
        ("statistics", statistics_loss(f, s)),
    ):
        print(f"{name:<10} {value.item():.3e}")
    print(
        f"a style of -s has the same Gram matrix: {style_loss(s, -s).item():.1e}, but another mean: {mmd_loss(s, -s, 'linear').item():.1e}"
    )
