"""Losses of a residual r = input - target: how much a large one counts; formulas and papers in ``losses``."""

from __future__ import annotations

import torch
from torch import Tensor

from refimpl.foundations.elementwise import differentiable
from refimpl.foundations.reduction import check_same, reduce

__all__ = ["huber_loss", "l1_loss", "mse_loss", "smooth_l1_loss", "tukey_biweight_loss"]


def _huber_influence(r: Tensor, delta: float) -> Tensor:
    return r.clamp(-delta, delta)


@differentiable(_huber_influence)
def _huber(r: Tensor, delta: float) -> Tensor:
    inner = r.clamp(-delta, delta)
    return torch.sub(r, inner, alpha=0.5).mul_(inner)


def _biweight_influence(r: Tensor, c: float) -> Tensor:
    return r * (1 - (r / c).square()).clamp_min(0).square()


@differentiable(_biweight_influence)
def _biweight(r: Tensor, c: float) -> Tensor:
    u = (r / c).clamp(-1, 1).square()
    return c * c / 6 * u * (3 - u * (3 - u))


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Squared error; its minimum is the mean. Drops in for ``torch.nn.functional.mse_loss``."""
    check_same("mse_loss", input=input, target=target)
    return reduce("mse_loss", (input - target).square(), reduction)


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Absolute error; its minimum is the median. Drops in for ``torch.nn.functional.l1_loss``."""
    check_same("l1_loss", input=input, target=target)
    return reduce("l1_loss", (input - target).abs(), reduction)


def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """Square up to ``delta``, a line of slope ``delta`` beyond. Drops in for ``torch.nn.functional.huber_loss``."""
    check_same("huber_loss", input=input, target=target)
    if not delta > 0:
        raise ValueError(f"huber_loss: delta must be positive, got {delta}")
    return reduce("huber_loss", _huber(input - target, delta), reduction)


def smooth_l1_loss(input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """Huber's loss over ``beta``, so that the line has slope 1; 0 is the absolute error. Drops in for PyTorch's function."""
    check_same("smooth_l1_loss", input=input, target=target)
    if not beta >= 0:
        raise ValueError(f"smooth_l1_loss: beta must be non-negative, got {beta}")
    if beta == 0:
        return reduce("smooth_l1_loss", (input - target).abs(), reduction)
    return reduce("smooth_l1_loss", _huber(input - target, beta), reduction) / beta


def tukey_biweight_loss(input: Tensor, target: Tensor, reduction: str = "mean", c: float = 4.685) -> Tensor:
    """Nearly a square near zero, constant beyond ``c``, so that an outlier has no influence.

    Args:
        c: in units of the residuals' standard deviation; with 4.685, 95 % as efficient as the mean on normal data.
    """
    check_same("tukey_biweight_loss", input=input, target=target)
    if not c > 0:
        raise ValueError(f"tukey_biweight_loss: c must be positive, got {c}")
    return reduce("tukey_biweight_loss", _biweight(input - target, c), reduction)
