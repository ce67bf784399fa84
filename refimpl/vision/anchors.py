"""Anchors: reference boxes at every position of a feature map, offsets from them, and which object each is responsible for."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from refimpl.vision.overlap import box_convert, box_iou, check_boxes

__all__ = ["anchor_grid", "decode", "encode", "match_anchors", "sample_labels"]

LARGEST = math.log(1000 / 16)


def anchor_grid(
    size: tuple[int, int],
    stride: int,
    scales: Sequence[float] = (128, 256, 512),
    ratios: Sequence[float] = (0.5, 1.0, 2.0),
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Anchors of area ``scale``^2 and height / width ``ratio`` centered in each cell, row by row, scales fastest.

    Args:
        size: height and width of the feature map.
        stride: pixels of the image a cell.

    Returns:
        ``(H W A, 4)`` as left, top, right, bottom, with A = ratios times scales.
    """
    if min(*size, stride) < 1 or not scales or not ratios or min(*scales, *ratios) <= 0:
        raise ValueError(f"anchor_grid: expected positive size, stride, scales and ratios, got {size}, {stride}, {scales} and {ratios}")
    shapes = [(s / math.sqrt(r), s * math.sqrt(r)) for r in ratios for s in scales]  # width, height
    half = torch.tensor(shapes, device=device, dtype=dtype) / 2
    y, x = ((torch.arange(n, device=device, dtype=half.dtype) + 0.5) * stride for n in size)
    centers = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).view(-1, 1, 2)  # (H W, 1, 2)
    return torch.cat((centers - half, centers + half), -1).view(-1, 4)


def encode(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Offsets t of boxes from anchors: shift of the center in units of the anchor's size, logarithm of the ratio of sizes; ``(..., 4)``."""
    check_boxes("encode", boxes)
    check_boxes("encode", anchors, "anchors")
    (center, size), (anchor, extent) = (box_convert(b, "xyxy", "cxcywh").split(2, -1) for b in (boxes, anchors))
    return torch.cat(((center - anchor) / extent, (size / extent).log()), -1)


def decode(offsets: Tensor, anchors: Tensor) -> Tensor:
    """Boxes from offsets and anchors, the inverse of :func:`encode`; sizes grow by a factor of at most 1000 / 16."""
    check_boxes("decode", offsets, "offsets")
    check_boxes("decode", anchors, "anchors")
    center, extent = box_convert(anchors, "xyxy", "cxcywh").split(2, -1)
    shift, growth = offsets.split(2, -1)
    return box_convert(torch.cat((center + shift * extent, extent * growth.clamp(max=LARGEST).exp()), -1), "cxcywh", "xyxy")


def match_anchors(anchors: Tensor, truth: Tensor, high: float = 0.7, low: float = 0.3, force: bool = True) -> tuple[Tensor, Tensor]:
    """Which anchors must find an object, and which object.

    Args:
        anchors: ``(N, 4)``.
        truth: true boxes ``(M, 4)``.
        high: an anchor with at least this overlap is positive.
        low: one with less than this for every object is negative.
        force: the anchors that overlap an object most are positive too, however little that is.

    Returns:
        Labels int64 ``(N,)``: 1 positive, 0 negative, -1 neither; and the place in ``truth`` that each overlaps most, ``(N,)``.
    """
    if not 0 <= low <= high <= 1:
        raise ValueError(f"match_anchors: expected 0 <= low <= high <= 1, got low {low} and high {high}")
    if not len(truth):
        return anchors.new_zeros(len(anchors), dtype=torch.int64), anchors.new_zeros(len(anchors), dtype=torch.int64)
    overlap = box_iou(anchors, truth)  # (N, M)
    most, place = overlap.max(1)
    labels = torch.where(most >= high, 1, torch.where(most < low, 0, -1))
    if force:
        best = overlap.amax(0)
        labels[((overlap == best) & (best > 0)).any(1)] = 1
    return labels, place


def sample_labels(labels: Tensor, count: int, share: float, generator: torch.Generator | None = None) -> Tensor:
    """Places of ``count`` random labels, at most ``share`` of them positive and the rest negative; ``(K,)``, positives first."""
    if count < 1 or not 0 <= share <= 1:
        raise ValueError(f"sample_labels: expected a positive count and a share in [0, 1], got {count} and {share}")
    order = torch.randperm(len(labels), generator=generator, device=labels.device)
    positive, negative = (order[labels[order] >= 1], order[labels[order] == 0])
    positive = positive[: int(count * share)]
    return torch.cat((positive, negative[: count - len(positive)]))
