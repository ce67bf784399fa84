"""Boxes, their formats, and how much two of them overlap.

A box is four numbers in pixels, a continuous area: ``xyxy`` (left, top, right, bottom), ``xywh`` (left, top, width,
height) or ``cxcywh`` (center, width, height). All functions but the conversion take ``xyxy``. bfloat16 and float16
are computed in float32.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from refimpl.convolution.windows import raised

__all__ = [
    "box_area",
    "box_convert",
    "box_iou",
    "clip_boxes_to_image",
    "complete_box_iou",
    "distance_box_iou",
    "generalized_box_iou",
    "remove_small_boxes",
]

FORMATS = ("xyxy", "xywh", "cxcywh")


def box_convert(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """Boxes ``(..., 4)`` from one format to another: "xyxy", "xywh" or "cxcywh"."""
    check_boxes("box_convert", boxes)
    for name, value in (("in_fmt", in_fmt), ("out_fmt", out_fmt)):
        if value not in FORMATS:
            raise ValueError(f"box_convert: {name} must be one of {', '.join(FORMATS)}, got {value!r}")
    first, size = boxes.split(2, -1)
    if in_fmt == "xyxy":
        size = size - first
    elif in_fmt == "cxcywh":
        first = first - size / 2
    if out_fmt == "xyxy":
        size = first + size
    elif out_fmt == "cxcywh":
        first = first + size / 2
    return torch.cat((first, size), -1)


def box_area(boxes: Tensor) -> Tensor:
    """Areas of boxes ``(..., 4)``: ``(...)``."""
    check_boxes("box_area", boxes)
    return _area(raised(boxes).unbind(-1)).to(boxes.dtype)


def clip_boxes_to_image(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Cut boxes ``(..., 4)`` off at the borders of an image of ``size``, height and width."""
    check_boxes("clip_boxes_to_image", boxes)
    height, width = size
    return boxes.minimum(boxes.new_tensor([width, height, width, height])).clamp(min=0)


def remove_small_boxes(boxes: Tensor, min_size: float) -> Tensor:
    """Places of the boxes, among ``(N, 4)``, whose sides both have at least ``min_size`` pixels."""
    check_boxes("remove_small_boxes", boxes)
    return ((boxes[..., 2:] - boxes[..., :2]) >= min_size).all(-1).nonzero().squeeze(1)


def box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Intersection over union of every pair, 0 where both boxes are empty.

    Args:
        boxes1: ``(N, 4)``.
        boxes2: ``(M, 4)``.

    Returns:
        ``(N, M)`` in [0, 1].
    """
    a, b = _pairs("box_iou", boxes1, boxes2)
    return _iou(a, b)[0].to(boxes1.dtype)


def generalized_box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """IoU minus the share of the smallest enclosing box that is in neither box; in (-1, 1], ``(N, M)``."""
    a, b = _pairs("generalized_box_iou", boxes1, boxes2)
    iou, union = _iou(a, b)
    around = _area(_hull(a, b))
    return (iou - _ratio(around - union, around)).to(boxes1.dtype)


def distance_box_iou(boxes1: Tensor, boxes2: Tensor, eps: float = 1e-7) -> Tensor:
    """IoU minus the squared distance of the centers, in units of the enclosing box's squared diagonal plus ``eps``; ``(N, M)``."""
    a, b = _pairs("distance_box_iou", boxes1, boxes2)
    return (_iou(a, b)[0] - _distance(a, b, eps)).to(boxes1.dtype)


def complete_box_iou(boxes1: Tensor, boxes2: Tensor, eps: float = 1e-7) -> Tensor:
    """The distance IoU minus a penalty on the difference of the aspect ratios, whose weight takes no gradient; ``(N, M)``."""
    a, b = _pairs("complete_box_iou", boxes1, boxes2)
    iou = _iou(a, b)[0]
    v = (2 / math.pi * (_angle(a) - _angle(b))).square()
    with torch.no_grad():
        alpha = v / (1 - iou + v + eps)
    return (iou - _distance(a, b, eps) - alpha * v).to(boxes1.dtype)


def check_boxes(function: str, boxes: Tensor, name: str = "boxes", dims: int | None = None) -> None:
    """Raise a ``ValueError`` unless the boxes are floating point ``(..., 4)``, or ``(N, 4)`` where ``dims`` is 2."""
    fits = boxes.is_floating_point() and boxes.dim() >= 1 and boxes.shape[-1] == 4 and dims in (None, boxes.dim())
    if not fits:
        wanted = "(N, 4)" if dims == 2 else "(..., 4)"
        raise ValueError(f"{function}: {name} must be floating point {wanted}, got {boxes.dtype} of shape {tuple(boxes.shape)}")


Sides = tuple[Tensor, Tensor, Tensor, Tensor]
"""Left, top, right, bottom, each on its own: arithmetic on whole contiguous matrices is fastest."""


def _pairs(function: str, boxes1: Tensor, boxes2: Tensor) -> tuple[Sides, Sides]:
    check_boxes(function, boxes1, "boxes1", 2)
    check_boxes(function, boxes2, "boxes2", 2)
    return raised(boxes1)[:, None].unbind(-1), raised(boxes2).unbind(-1)  # (N, 1) and (M,) each


def _area(sides: Sides) -> Tensor:
    left, top, right, bottom = sides
    return (right - left) * (bottom - top)


def _iou(a: Sides, b: Sides) -> tuple[Tensor, Tensor]:
    """IoU and area of the union."""
    width = (torch.minimum(a[2], b[2]) - torch.maximum(a[0], b[0])).clamp(min=0)  # (N, M)
    shared = width * (torch.minimum(a[3], b[3]) - torch.maximum(a[1], b[1])).clamp(min=0)
    union = _area(a) + _area(b) - shared
    return _ratio(shared, union), union


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    """``part / whole``, 0 where both are 0."""
    return part / whole.clamp(min=torch.finfo(whole.dtype).tiny)


def _hull(a: Sides, b: Sides) -> Sides:
    return torch.minimum(a[0], b[0]), torch.minimum(a[1], b[1]), torch.maximum(a[2], b[2]), torch.maximum(a[3], b[3])


def _distance(a: Sides, b: Sides, eps: float) -> Tensor:
    left, top, right, bottom = _hull(a, b)
    across, down = (a[0] + a[2] - b[0] - b[2]) / 2, (a[1] + a[3] - b[1] - b[3]) / 2
    return (across.square() + down.square()) / ((right - left).square() + (bottom - top).square() + eps)


def _angle(sides: Sides) -> Tensor:
    left, top, right, bottom = sides
    return torch.atan2(right - left, bottom - top)
