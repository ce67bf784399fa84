"""The first YOLO's loss: each cell of a grid predicts a few boxes and one class; the box that overlaps an object best answers for it.

Paper
    Redmon, Divvala, Girshick and Farhadi, "You Only Look Once", CVPR 2016, arXiv:1506.02640, equation 3.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from refimpl.vision.boxes import box_convert, box_iou

__all__ = ["objects", "yolo_v1_loss"]


def yolo_v1_loss(
    boxes: Tensor, scores: Tensor, truth: Sequence[Tensor], classes: Sequence[Tensor], coord: float = 5.0, noobj: float = 0.5
) -> Tensor:
    """Sum of squared errors, over the number of images.

    Args:
        boxes: predicted ``(N, S, S, B, 5)``: center in the cell, square roots of width and height as parts of the image, confidence.
        scores: of the classes, ``(N, S, S, K)``.
        truth: for each image true boxes ``(M, 4)``, left, top, right, bottom as parts of the image.
        classes: their classes ``(M,)``, from 0.
        coord, noobj: weights of the coordinates, and of the confidence where no object is.
    """
    if boxes.dim() != 5 or boxes.shape[1] != boxes.shape[2] or boxes.shape[4] != 5:
        raise ValueError(f"yolo_v1_loss: boxes must have shape (N, S, S, B, 5), got {tuple(boxes.shape)}")
    if scores.dim() != 4 or scores.shape[:3] != boxes.shape[:3]:
        raise ValueError(f"yolo_v1_loss: scores must have shape {(*boxes.shape[:3],)} and classes, got {tuple(scores.shape)}")
    n, s, _, b, _ = boxes.shape
    image, real, kind = objects("yolo_v1_loss", n, truth, classes)
    center, size = box_convert(real, "xyxy", "cxcywh").split(2, -1)  # (O, 2)
    cell = (center * s).floor().clamp(0, s - 1)
    column, row = cell.long().unbind(-1)
    own = boxes[image, row, column]  # (O, B, 5)
    with torch.no_grad():
        predicted = torch.cat(((cell[:, None] + own[..., :2]) / s, own[..., 2:4].square()), -1)
        pairs = box_iou(box_convert(predicted, "cxcywh", "xyxy").flatten(0, 1), real).view(len(real), b, -1)
        overlap = pairs.diagonal(dim1=0, dim2=2).T  # (O, B)
        best, chosen = overlap.max(1)
    answer = own[torch.arange(len(real), device=chosen.device), chosen]  # (O, 5)
    wanted = torch.cat((center * s - cell, size.sqrt()), -1)
    place = (answer[:, :4] - wanted).square().sum()
    found = (answer[:, 4] - best).square().sum()
    target = torch.zeros_like(scores[image, row, column]).scatter_(1, kind[:, None], 1.0)
    label = (scores[image, row, column] - target).square().sum()
    free = torch.ones(boxes.shape[:4], dtype=torch.bool, device=boxes.device)
    free[image, row, column, chosen] = False
    return (coord * place + found + noobj * boxes[..., 4][free].square().sum() + label) / n


def objects(function: str, count: int, truth: Sequence[Tensor], classes: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """All images' objects in one row: image ``(O,)``, box ``(O, 4)`` and class ``(O,)``."""
    if not 0 < count == len(truth) == len(classes):
        raise ValueError(f"{function}: expected truth and classes of at least one image, {count} here, got {len(truth)} and {len(classes)}")
    sizes = torch.tensor([len(t) for t in truth], device=truth[0].device)
    return torch.arange(count, device=sizes.device).repeat_interleave(sizes), torch.cat(list(truth)), torch.cat(list(classes))
