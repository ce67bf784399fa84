"""Scores of a segmentation: from the table of true and predicted classes, and the Dice loss of a probability.

Equations (n_ij pixels of class i taken for class j, t_i = sum_j n_ij)
    pixel accuracy   sum_i n_ii / sum_i t_i            mean accuracy   mean_i n_ii / t_i
    segmentation-mean-iou   mean_i n_ii / (t_i + sum_j n_ji - n_ii)
    frequency weighted IoU  sum_i t_i IoU_i / sum_i t_i
    segmentation-dice       1 - 2 sum p g / (sum p^2 + sum g^2)
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["confusion", "dice_loss", "segmentation_scores"]


def confusion(truth: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """Pixels by true class (rows) and predicted class (columns), ``(classes, classes)`` int64; true classes below 0 do not count."""
    if truth.shape != predicted.shape:
        raise ValueError(f"confusion: truth and predicted must have one shape, got {tuple(truth.shape)} and {tuple(predicted.shape)}")
    used = truth >= 0
    truth, predicted = truth[used], predicted[used]
    if len(truth) and not (truth.max() < classes and predicted.min() >= 0 and predicted.max() < classes):
        got = f"true ones up to {int(truth.max())} and predicted ones from {int(predicted.min())} to {int(predicted.max())}"
        raise ValueError(f"confusion: expected classes from 0 to {classes - 1}, got {got}")
    return torch.bincount(truth * classes + predicted, minlength=classes**2).view(classes, classes)


def segmentation_scores(counts: Tensor) -> dict[str, float]:
    """Pixel accuracy, mean accuracy, mean IoU and frequency weighted IoU of a table from :func:`confusion`.

    A mean goes over the classes that occur: in the truth for accuracy, in truth or prediction for IoU.
    """
    n = counts.double()
    hit, real, union = n.diagonal(), n.sum(1), n.sum(0) + n.sum(1) - n.diagonal()
    iou = hit / union.clamp(min=1)
    return {
        "pixel accuracy": (hit.sum() / n.sum()).item(),
        "mean accuracy": (hit[real > 0] / real[real > 0]).mean().item(),
        "mean IoU": iou[union > 0].mean().item(),
        "frequency weighted IoU": ((real * iou).sum() / n.sum()).item(),
    }


def dice_loss(probability: Tensor, mask: Tensor) -> Tensor:
    """One minus twice the overlap over the sum of squares; 0 where both are empty.

    Args:
        probability: ``(...)``.
        mask: 0 or 1, of the same shape and dtype.
    """
    if probability.shape != mask.shape:
        raise ValueError(f"dice_loss: mask must have the shape of probability, {tuple(probability.shape)}, got {tuple(mask.shape)}")
    total = probability.square().sum() + mask.square().sum()
    share = 2 * (probability * mask).sum() / total.clamp(min=torch.finfo(total.dtype).tiny)
    return torch.where(total > 0, 1 - share, 0.0)
