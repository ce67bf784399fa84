"""Average precision: how well ranked detections find the objects, as one number.

Each detection, by falling score, either finds an object that no better one has found (a hit) or is false. Precision
is the share of hits among the detections so far, recall the share of the objects found; average precision is the area
under the precision, made non-increasing, as a function of the recall.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from refimpl.vision.overlap import box_iou

__all__ = ["average_precision", "match_detections", "mean_average_precision", "precision_recall"]

COCO_THRESHOLDS = tuple(0.5 + 0.05 * i for i in range(10))
STYLES = ("area", "11-point", "101-point")


def match_detections(boxes: Tensor, scores: Tensor, truth: Tensor, iou_threshold: float = 0.5, style: str = "voc") -> Tensor:
    """Which detections of one class in one image hit an object.

    Args:
        boxes: detections ``(N, 4)``.
        scores: ``(N,)``.
        truth: true boxes ``(M, 4)``.
        iou_threshold: the least overlap of a hit.
        style: "voc": a detection claims the object that it overlaps most, and misses if that is taken;
            "coco": it claims the one that it overlaps most among those still free.

    Returns:
        bool ``(N,)`` in the order of ``boxes``.
    """
    if style not in ("voc", "coco"):
        raise ValueError(f"match_detections: style must be 'voc' or 'coco', got {style!r}")
    hits = torch.zeros_like(scores, dtype=torch.bool)
    if not len(truth):
        return hits
    overlap = box_iou(boxes, truth)  # (N, M)
    free = torch.ones(len(truth), dtype=torch.bool, device=boxes.device)
    for i in scores.argsort(descending=True, stable=True):
        best = (overlap[i] if style == "voc" else overlap[i].where(free, -1.0)).argmax()
        if overlap[i, best] >= iou_threshold and free[best]:
            hits[i], free[best] = True, False
    return hits


def precision_recall(scores: Tensor, hits: Tensor, objects: int) -> tuple[Tensor, Tensor]:
    """Precision and recall after each detection of all images together, by falling score; both ``(N,)``.

    Args:
        scores: ``(N,)``.
        hits: bool ``(N,)``.
        objects: number of true objects.
    """
    if hits.shape != scores.shape or hits.dtype != torch.bool:
        raise ValueError(f"precision_recall: hits must be bool {tuple(scores.shape)}, got {hits.dtype} of shape {tuple(hits.shape)}")
    if objects < int(hits.sum()) or objects < 1:
        raise ValueError(f"precision_recall: objects must be positive and at least the {int(hits.sum())} hits, got {objects}")
    found = hits[scores.argsort(descending=True, stable=True)].cumsum(0).to(torch.float64)
    seen = torch.arange(1, len(scores) + 1, device=scores.device)
    return found / seen, found / objects


def average_precision(precision: Tensor, recall: Tensor, style: str = "area") -> Tensor:
    """Area under the curve, with each precision replaced by the largest one at this recall or more.

    Args:
        precision, recall: ``(N,)``, the recall non-decreasing.
        style: "area" (Pascal VOC from 2010 on): the exact area; "11-point" (VOC 2007) and "101-point" (COCO): the mean over
            equally spaced recalls from 0 to 1, 0 where the recall is not reached.

    Returns:
        A scalar in [0, 1].
    """
    if style not in STYLES:
        raise ValueError(f"average_precision: style must be one of {', '.join(STYLES)}, got {style!r}")
    if precision.shape != recall.shape or precision.dim() != 1:
        raise ValueError(
            f"average_precision: expected precision and recall (N,) of one length, got {tuple(precision.shape)} and {tuple(recall.shape)}"
        )
    best = precision.flip(0).cummax(0).values.flip(0)
    if style == "area":
        return (best * recall.diff(prepend=recall.new_zeros(1))).sum()
    steps = int(style.removesuffix("-point")) - 1
    wanted = torch.arange(steps + 1, dtype=recall.dtype, device=recall.device) / steps  # rounded as the recall itself is
    first = torch.searchsorted(recall, wanted)  # the first place whose recall is at least that wanted
    return torch.cat((best, best.new_zeros(1)))[first].mean()


def mean_average_precision(
    detections: Sequence[tuple[Tensor, Tensor, Tensor]],
    truth: Sequence[tuple[Tensor, Tensor]],
    thresholds: Sequence[float] = COCO_THRESHOLDS,
    style: str = "101-point",
) -> Tensor:
    """Average precision, averaged over the classes that have objects and over thresholds of overlap.

    Args:
        detections: for each image boxes ``(N, 4)``, scores ``(N,)`` and classes ``(N,)``.
        truth: for each image boxes ``(M, 4)`` and classes ``(M,)``.
        thresholds: the least overlaps of a hit; (0.5,) with "area" or "11-point" is Pascal VOC's measure.
        style: as in :func:`average_precision`; "101-point" matches as COCO does, the others as VOC does.
    """
    if len(detections) != len(truth):
        raise ValueError(
            f"mean_average_precision: expected detections and truth for the same images, got {len(detections)} and {len(truth)}"
        )
    classes = torch.cat([kinds for _, kinds in truth]).unique().tolist() if truth else []
    if not classes:
        raise ValueError("mean_average_precision: expected at least one true object, got none")
    match = "coco" if style == "101-point" else "voc"
    found = []
    for kind in classes:
        objects = sum(int((kinds == kind).sum()) for _, kinds in truth)
        pairs = [
            (boxes[kinds == kind], scores[kinds == kind], real[real_kinds == kind])
            for (boxes, scores, kinds), (real, real_kinds) in zip(detections, truth, strict=True)
        ]
        all_scores = torch.cat([scores for _, scores, _ in pairs])
        for threshold in thresholds:
            hits = torch.cat([match_detections(*pair, threshold, match) for pair in pairs])
            found.append(average_precision(*precision_recall(all_scores, hits, objects), style))
    return torch.stack(found).mean()
