"""Losses of scores and probabilities: margins, likelihoods, divergences; formulas and papers in ``losses``."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from refimpl.foundations.reduction import check_same, reduce

__all__ = ["binary_cross_entropy_with_logits", "hinge_loss", "kl_div", "multi_margin_loss", "sigmoid_focal_loss"]


def hinge_loss(input: Tensor, target: Tensor, reduction: str = "mean", margin: float = 1.0) -> Tensor:
    """How far a score falls short of the margin on its side.

    Args:
        input: scores of any shape.
        target: -1 or 1, of the same shape.
        margin: what a safe score reaches.
    """
    check_same("hinge_loss", input=input, target=target)
    return reduce("hinge_loss", (margin - input * target).clamp_min(0), reduction)


def multi_margin_loss(
    input: Tensor, target: Tensor, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, *, reduction: str = "mean"
) -> Tensor:
    """How far the score of the right class falls short of each other one plus the margin; drops in for PyTorch's function.

    Args:
        input: scores, ``(N, C)``.
        target: classes, ``(N,)``.
        p: power of each shortfall, 1 or 2.
        weight: one factor a class, for the rows of that class, ``(C,)``.
    """
    if not input.is_floating_point() or input.dim() != 2 or target.shape != input.shape[:1]:
        got = f"{input.dtype} {tuple(input.shape)} and {tuple(target.shape)}"
        raise ValueError(f"multi_margin_loss: expected floating input (N, C) and target (N,), got {got}")
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p must be 1 or 2, got {p}")
    classes = input.shape[1]
    if weight is not None and weight.shape != (classes,):
        raise ValueError(f"multi_margin_loss: weight must have shape ({classes},), one number a class, got {tuple(weight.shape)}")
    right = input.gather(1, target[:, None])  # (N, 1)
    short = (margin - right + input).clamp_min(0).scatter(1, target[:, None], 0.0) ** p  # (N, C)
    loss = short.sum(1) / classes
    return reduce("multi_margin_loss", loss if weight is None else loss * weight[target], reduction)


def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean", pos_weight: Tensor | None = None
) -> Tensor:
    """Negative log-likelihood of a coin whose log-odds are the input; drops in for PyTorch's function.

    Args:
        input: logits of any shape.
        target: probabilities of a 1, of the same shape.
        weight: factors that broadcast over the input.
        pos_weight: factors of the term of 1, that broadcast over the input.
    """
    check_same("binary_cross_entropy_with_logits", input=input, target=target)
    log_p = logsigmoid(input)  # and log(1 - p) = log p - input
    log_p = log_p if pos_weight is None else log_p * (1 + (pos_weight - 1) * target)
    loss = (1 - target) * input - log_p
    return reduce("binary_cross_entropy_with_logits", loss if weight is None else loss * weight, reduction)


def sigmoid_focal_loss(input: Tensor, target: Tensor, alpha: float = 0.25, gamma: float = 2.0, reduction: str = "none") -> Tensor:
    """Cross-entropy that counts less the surer the right answer is; signature of ``torchvision.ops.sigmoid_focal_loss``.

    Args:
        input: logits of any shape.
        target: probabilities of a 1, of the same shape.
        alpha: weight of the ones, 1 - alpha of the zeros; negative for none.
        gamma: how fast an easy example loses its weight.
    """
    check_same("sigmoid_focal_loss", input=input, target=target)
    if not alpha <= 1:
        raise ValueError(f"sigmoid_focal_loss: alpha must be at most 1, got {alpha}")
    if not gamma >= 0:
        raise ValueError(f"sigmoid_focal_loss: gamma must be non-negative, got {gamma}")
    entropy = binary_cross_entropy_with_logits(input, target, reduction="none")
    missing = torch.lerp(torch.sigmoid(input), torch.sigmoid(-input), target)  # 1 - p_t
    loss = entropy * missing**gamma
    return reduce("sigmoid_focal_loss", loss if alpha < 0 else loss * (alpha * target + (1 - alpha) * (1 - target)), reduction)


def kl_div(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """Divergence of the target from the input, KL(target || input); drops in for ``torch.nn.functional.kl_div``.

    Args:
        input: logarithms of probabilities.
        target: probabilities of the same shape, or with ``log_target`` their logarithms.
        reduction: also "batchmean", the sum over the first dimension's length, which is the divergence itself.
    """
    check_same("kl_div", input=input, target=target)
    loss = target.exp() * (target - input) if log_target else torch.xlogy(target, target) - target * input
    return loss.sum() / len(input) if reduction == "batchmean" else reduce("kl_div", loss, reduction)
