"""Losses that bring similar inputs together and keep others apart; formulas and papers in ``losses``."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from refimpl.foundations.reduction import check_same, reduce
from refimpl.foundations.softmax_cross_entropy import cross_entropy

__all__ = ["contrastive_loss", "nt_xent_loss", "triplet_margin_loss"]


def contrastive_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """Pull the pairs of label 0 together, push those of label 1 apart until they are ``margin`` away.

    Args:
        input1, input2: the two sides, ``(..., D)``.
        target: 0 for similar and 1 for dissimilar, ``(...)``.
    """
    check_same("contrastive_loss", input1=input1, input2=input2)
    if target.shape != input1.shape[:-1]:
        raise ValueError(f"contrastive_loss: target must have shape {tuple(input1.shape[:-1])}, got {tuple(target.shape)}")
    distance = torch.linalg.vector_norm(input1 - input2, dim=-1)
    apart = (margin - distance).clamp_min(0)
    return reduce("contrastive_loss", torch.lerp(distance.square(), apart.square(), target.to(distance.dtype)) / 2, reduction)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    *,
    reduction: str = "mean",
) -> Tensor:
    """The positive must be nearer to the anchor than the negative, by the margin; drops in for PyTorch's function.

    Args:
        anchor, positive, negative: ``(..., D)``.
        p: of the norm.
        eps: added to each difference.
        swap: count the negative's distance to the positive where that is smaller.
    """
    check_same("triplet_margin_loss", anchor=anchor, positive=positive, negative=negative)
    if not margin > 0:
        raise ValueError(f"triplet_margin_loss: margin must be positive, got {margin}")

    def distance(a: Tensor, b: Tensor) -> Tensor:
        return torch.linalg.vector_norm(a - b + eps, p, dim=-1)

    far = distance(anchor, negative)
    if swap:
        far = torch.minimum(far, distance(positive, negative))
    return reduce("triplet_margin_loss", (distance(anchor, positive) - far + margin).clamp_min(0), reduction)


def nt_xent_loss(input1: Tensor, input2: Tensor, temperature: float = 0.5, reduction: str = "mean") -> Tensor:
    """Each view must find its partner among all other views of the batch, by cosine similarity.

    Args:
        input1, input2: two views of the same N examples, ``(N, D)``.
        temperature: divides the similarities.

    Returns:
        With "none" the loss of each view, ``(2 N,)``, those of ``input1`` first.
    """
    check_same("nt_xent_loss", input1=input1, input2=input2)
    if input1.dim() != 2:
        raise ValueError(f"nt_xent_loss: input1 must be (N, D), got {tuple(input1.shape)}")
    if not temperature > 0:
        raise ValueError(f"nt_xent_loss: temperature must be positive, got {temperature}")
    n = len(input1)
    views = torch.cat([input1, input2])  # (2 N, D)
    views = normalize(views.float() if views.dtype in (torch.bfloat16, torch.float16) else views)
    itself = torch.eye(2 * n, dtype=torch.bool, device=views.device)
    logits = (views @ views.T / temperature).masked_fill(itself, -torch.inf)
    partner = torch.arange(2 * n, device=views.device).roll(n)
    return cross_entropy(logits, partner, reduction=reduction).to(input1.dtype)
