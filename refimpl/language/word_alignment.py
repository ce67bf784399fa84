r"""Word translation by geometry: turn one language's word vectors onto the other's, then take neighbors that are not everybody's.

Paper
    Conneau, Lample, Ranzato, Denoyer and Jegou, "Word Translation Without Parallel Data", ICLR 2018, arXiv:1710.04087,
    equations 2 (Procrustes) and 3 (CSLS).

Equations (rows of X, Y: vectors of words and of their translations; cos of unit vectors)
    procrustes   W* = argmin_{W orthogonal} |X W^T - Y|_F = U V^T,   U S V^T = Y^T X
    csls         CSLS(x, y) = 2 cos(x, y) - r(x) - r(y),   r(x) the mean cosine to the k nearest vectors of the other language

Deviations from the paper
    1. The adversarial search for the first dictionary is left out: the pairs are given, or refined from a few.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["csls", "procrustes", "refine"]


def procrustes(x: Tensor, y: Tensor) -> Tensor:
    """The orthogonal matrix W ``(D, D)`` with x W^T nearest to y, both ``(N, D)``.

    Raises:
        ValueError: the shapes do not fit.
    """
    if x.dim() != 2 or x.shape != y.shape:
        raise ValueError(f"procrustes: x and y must have one shape (N, D), got {tuple(x.shape)} and {tuple(y.shape)}")
    u, _, vh = torch.linalg.svd(y.t() @ x)
    return u @ vh


def csls(x: Tensor, y: Tensor, k: int = 10) -> Tensor:
    """Similarity of each x ``(N, D)`` to each y ``(M, D)``, less how close both are to everything: ``(N, M)``.

    Raises:
        ValueError: the shapes do not fit, or ``k`` is not in [1, min(N, M)].
    """
    if x.dim() != 2 or y.dim() != 2 or x.shape[1] != y.shape[1]:
        raise ValueError(f"csls: x and y must be (N, D) and (M, D), got {tuple(x.shape)} and {tuple(y.shape)}")
    if not 1 <= k <= min(len(x), len(y)):
        raise ValueError(f"csls: k must lie in [1, {min(len(x), len(y))}], got {k}")
    cosine = F.normalize(x) @ F.normalize(y).t()
    around_x = cosine.topk(k, 1).values.mean(1, keepdim=True)  # (N, 1)
    around_y = cosine.topk(k, 0).values.mean(0)  # (M,)
    return 2 * cosine - around_x - around_y


def refine(x: Tensor, y: Tensor, mapping: Tensor, k: int = 10, rounds: int = 5) -> Tensor:
    """Improve a mapping W by turns: pairs of words that are each other's nearest, then :func:`procrustes` on them.

    Raises:
        ValueError: as in :func:`csls`.
    """
    for _ in range(rounds):
        scores = csls(x @ mapping.t(), y, k)
        there, back = scores.argmax(1), scores.argmax(0)
        mutual = back[there] == torch.arange(len(x), device=x.device)
        mapping = procrustes(x[mutual], y[there[mutual]])
    return mapping
