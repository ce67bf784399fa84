r"""Perturbed model validation: make some training labels wrong, train again, and see how fast the training accuracy falls.

Paper
    Zhang, Harman, Guedj, Barr and Shawe-Taylor, "Perturbed Model Validation: A New Framework to Validate Model Relevance",
    2019, arXiv:1905.10201.

Equations (n training examples of c classes, r the share of labels made wrong)
    perturb   round(r n) examples, drawn without replacement, get one of the c - 1 other classes
    accuracy  A(r) = share of the perturbed labels that a model trained on them reproduces
    decrease  k = -slope of the least-squares line through (r, A(r))
    ignore    A(r) = a (1 - r) + (1 - a) r / (c - 1), so k = (c a - 1) / (c - 1), of a model that the wrong labels do not move,
              a its accuracy on the right ones: 1 for a perfect model, 0 for a guess
    memorize  A(r) = 1, so k = 0, of a model that learns any labels by heart

A model that fits the data and no more has a large k; one that is too rigid or too flexible has a small one.

Deviations from the paper
    1. Labels alone are perturbed; ratios and repetitions are the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor

__all__ = ["accuracy_decrease", "expected_decrease", "perturb_labels", "perturbed_accuracies"]

Predictor = Callable[[Tensor], Tensor]


def perturb_labels(labels: Tensor, ratio: float, classes: int, *, generator: Generator | None = None) -> Tensor:
    """A copy in which ``round(ratio n)`` labels, and no others, are wrong.

    Args:
        labels: classes 0 to ``classes - 1``, ``(n,)``, integer.
        ratio: share r in [0, 1].
        classes: c, at least 2.
        generator: source of the random numbers; the default generator where it is None.

    Raises:
        ValueError: an argument does not fit; the message names it.
    """
    if labels.dim() != 1 or labels.is_floating_point() or labels.dtype == torch.bool:
        raise ValueError(f"perturb_labels: labels must be integer (n,), got {labels.dtype} of shape {tuple(labels.shape)}")
    if classes < 2:
        raise ValueError(f"perturb_labels: classes must be at least 2, got {classes}")
    if not 0.0 <= ratio <= 1.0:
        raise ValueError(f"perturb_labels: ratio must lie in [0, 1], got {ratio}")
    if len(labels) and not (labels.min() >= 0 and labels.max() < classes):
        raise ValueError(f"perturb_labels: labels must lie in 0 ... {classes - 1}, got {labels.min()} to {labels.max()}")
    device = labels.device
    order = torch.randperm(len(labels), generator=generator, device=device, dtype=torch.int32)  # five times as fast as int64
    chosen = order[: round(ratio * len(labels))].long()
    shift = torch.randint(1, classes, chosen.shape, generator=generator, device=device, dtype=labels.dtype)
    perturbed = labels.clone()
    perturbed[chosen] = (labels[chosen] + shift) % classes
    return perturbed


def perturbed_accuracies(
    fit: Callable[[Tensor, Tensor], Predictor],
    x: Tensor,
    labels: Tensor,
    ratios: Sequence[float],
    classes: int,
    repeats: int = 1,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Train for every ratio and repetition, and measure the training accuracy.

    Args:
        fit: trains a model on inputs and labels, and returns its predictor, which maps inputs to classes.
        x, labels: inputs ``(n, ...)`` and their right labels ``(n,)``.
        ratios, classes, generator: as in :func:`perturb_labels`.
        repeats: models for each ratio, each with labels of its own.

    Returns:
        Accuracies, ``(len(ratios), repeats)``, float64.

    Raises:
        ValueError: ``repeats`` is not positive, or an argument of :func:`perturb_labels` does not fit.
    """
    if repeats < 1:
        raise ValueError(f"perturbed_accuracies: repeats must be positive, got {repeats}")
    rows = []
    for ratio in ratios:
        wrong = [perturb_labels(labels, ratio, classes, generator=generator) for _ in range(repeats)]
        rows.append([(fit(x, y)(x) == y).double().mean() for y in wrong])
    return torch.stack([torch.stack(row) for row in rows])


def accuracy_decrease(ratios: Tensor, accuracies: Tensor) -> Tensor:
    """k, the negative slope of the least-squares line.

    Args:
        ratios: at least two different ones, ``(R,)``.
        accuracies: ``(R,)``, or ``(R, repeats)``, which all count as points.

    Raises:
        ValueError: the shapes do not fit, or there are not two different ratios.
    """
    if ratios.dim() != 1 or accuracies.dim() not in (1, 2) or len(accuracies) != len(ratios):
        shapes = f"{tuple(ratios.shape)} and {tuple(accuracies.shape)}"
        raise ValueError(f"accuracy_decrease: expected ratios (R,) and accuracies (R,) or (R, repeats), got {shapes}")
    centered = ratios - ratios.mean()
    if len(ratios) < 2 or ratios.min() == ratios.max():
        raise ValueError(f"accuracy_decrease: ratios must hold two different numbers, got {ratios.tolist()}")
    heights = accuracies if accuracies.dim() == 1 else accuracies.mean(1)
    return -(centered @ heights) / centered.square().sum()


def expected_decrease(accuracy: float, classes: int) -> float:
    """k of a model of this accuracy that wrong labels do not move."""
    return (classes * accuracy - 1) / (classes - 1)


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    torch.set_default_dtype(torch.float64)

    def least_squares(degree: int) -> Callable[[Tensor, Tensor], Predictor]:
        """Two classes by the sign of a polynomial of two numbers."""

        def features(x: Tensor) -> Tensor:
            return torch.stack([x[:, 0] ** i * x[:, 1] ** j for i in range(degree + 1) for j in range(degree + 1 - i)], 1)

        def fit(x: Tensor, y: Tensor) -> Predictor:
            weights = torch.linalg.lstsq(features(x), 2.0 * y - 1).solution
            return lambda x: (features(x) @ weights > 0).long()

        return fit

    x, x_test = 2 * torch.rand(200, 2) - 1, 2 * torch.rand(2000, 2) - 1
    y, y_test = ((points.prod(1) > 0).long() for points in (x, x_test))
    ratios = torch.linspace(0, 0.4, 5)
    print("is the product of two numbers positive? training accuracy while more and more of 200 labels are wrong")
    for degree in (1, 2, 6, 15):
        found = perturbed_accuracies(least_squares(degree), x, y, ratios.tolist(), 2, 5)
        right = (least_squares(degree)(x, y)(x_test) == y_test).double().mean().item()
        row = " ".join(f"{a:.2f}" for a in found.mean(1).tolist())
        print(f"degree {degree:2d}: {row}   decrease {accuracy_decrease(ratios, found):5.2f}, accuracy on new points {right:.3f}")
