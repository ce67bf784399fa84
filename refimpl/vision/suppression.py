"""Non-maximum suppression: of boxes that overlap keep the best, or lower the scores of the others.

The greedy rule visits boxes by falling score and keeps one unless it overlaps a kept one too much. Here all boxes are
decided at once and again until nothing changes: after step k the first k + 1 boxes are right, since each depends only
on better ones, so the fixed point is the greedy answer; in practice a few steps reach it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from refimpl.convolution.windows import raised
from refimpl.vision.overlap import box_iou, check_boxes

__all__ = ["batched_nms", "nms", "soft_nms"]


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Places of the boxes that greedy suppression keeps, by falling score; drops in for ``torchvision.ops.nms``.

    Args:
        boxes: ``(N, 4)`` as left, top, right, bottom.
        scores: ``(N,)``; of equal ones the first comes first.
        iou_threshold: a box goes when its overlap with a kept, better one is above this, in [0, 1].

    Returns:
        int64 ``(K,)``.
    """
    _check("nms", boxes, scores, iou_threshold)
    order = scores.argsort(descending=True, stable=True)
    ranked = raised(boxes)[order]
    covers = (box_iou(ranked, ranked) > iou_threshold).triu(1).to(ranked.dtype)  # (N, N): the better box would suppress the worse
    keep = torch.ones_like(order, dtype=torch.bool)
    while True:
        again = keep.to(ranked.dtype) @ covers == 0
        if torch.equal(again, keep):
            return order[keep]
        keep = again


def batched_nms(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """:func:`nms` among the boxes of each class ``idxs``, ``(N,)``: each class is moved to a place of its own."""
    if idxs.shape != scores.shape:
        raise ValueError(f"batched_nms: idxs must have the shape of scores, {tuple(scores.shape)}, got {tuple(idxs.shape)}")
    _check("batched_nms", boxes, scores, iou_threshold)
    if not len(boxes):
        return idxs.new_empty(0, dtype=torch.int64)
    wide = raised(boxes)
    step = wide.max() - wide.min()  # moved boxes may touch, which is no overlap
    return nms(wide + (idxs * step)[:, None], scores, iou_threshold)


def soft_nms(
    boxes: Tensor, scores: Tensor, sigma: float = 0.5, score_threshold: float = 1e-3, iou_threshold: float | None = None
) -> tuple[Tensor, Tensor]:
    """Visit boxes by falling score and lower the scores of those that overlap, instead of dropping them.

    Args:
        boxes: ``(N, 4)``.
        scores: ``(N,)``, non-negative.
        sigma: width of the Gaussian decay exp(-IoU^2 / sigma).
        score_threshold: stop when no score is above this.
        iou_threshold: where it is given, the decay is linear instead: 1 - IoU for an IoU of at least this.

    Returns:
        Places of the boxes in the order of their visit, int64 ``(K,)``, and their lowered scores, ``(K,)``.
    """
    _check("soft_nms", boxes, scores, 0.0 if iou_threshold is None else iou_threshold)
    if not sigma > 0:
        raise ValueError(f"soft_nms: sigma must be positive, got {sigma}")
    wide = raised(boxes)
    iou = box_iou(wide, wide)
    decay = (-iou.square() / sigma).exp() if iou_threshold is None else torch.where(iou >= iou_threshold, 1 - iou, 1.0)  # (N, N)
    left, chosen, final = raised(scores).clone(), [], []
    for _ in range(len(boxes)):
        best = left.argmax()
        if not left[best] > score_threshold:
            break
        chosen.append(best)
        final.append(left[best].clone())
        left *= decay[best]
        left[best] = -math.inf
    if not chosen:
        return scores.new_empty(0, dtype=torch.int64), scores.new_empty(0)
    return torch.stack(chosen), torch.stack(final).to(scores.dtype)


def _check(function: str, boxes: Tensor, scores: Tensor, iou_threshold: float) -> None:
    check_boxes(function, boxes, dims=2)
    if scores.shape != boxes.shape[:1] or not scores.is_floating_point():
        wanted = f"floating point ({len(boxes)},)"
        raise ValueError(f"{function}: scores must be {wanted}, got {scores.dtype} of shape {tuple(scores.shape)}")
    if not 0 <= iou_threshold <= 1:
        raise ValueError(f"{function}: iou_threshold must lie in [0, 1], got {iou_threshold}")
