"""How fast the training accuracy of rigid, fitting and flexible models falls when labels are made wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.training.perturbed_validation import accuracy_decrease, perturbed_accuracies

__all__ = ["perturbed_labels"]

EXAMPLES, TESTS, REPEATS = 200, 4000, 5
DEGREES, RATIOS = (1, 2, 4, 6, 9, 12), (0.0, 0.1, 0.2, 0.3, 0.4)
TRUE = 2
"""Degree of the polynomial whose sign is the class."""


def polynomial(degree: int) -> Callable[[Tensor, Tensor], Callable[[Tensor], Tensor]]:
    """A classifier of points of the plane by least squares on all products of at most ``degree`` factors."""

    def features(x: Tensor) -> Tensor:
        return torch.stack([x[:, 0] ** i * x[:, 1] ** j for i in range(degree + 1) for j in range(degree + 1 - i)], 1)

    def fit(x: Tensor, y: Tensor) -> Callable[[Tensor], Tensor]:
        weights = torch.linalg.lstsq(features(x), 2 * y.to(x.dtype) - 1).solution
        return lambda other: (features(other) @ weights > 0).long()

    return fit


def _perturbed_labels(seed: int) -> Outcome:
    generator = torch.Generator().manual_seed(seed)
    x, x_test = (2 * torch.rand(count, 2, dtype=torch.float64, generator=generator) - 1 for count in (EXAMPLES, TESTS))
    y, y_test = ((points.prod(1) > 0).long() for points in (x, x_test))
    decreases, tests, trains = [], [], []
    for degree in DEGREES:
        fit = polynomial(degree)
        found = perturbed_accuracies(fit, x, y, RATIOS, 2, REPEATS, generator=generator)
        decreases.append(accuracy_decrease(torch.tensor(RATIOS, dtype=found.dtype), found).item())
        model = fit(x, y)
        tests.append((model(x_test) == y_test).double().mean().item())
        trains.append((model(x) == y).double().mean().item())
    values = {
        "best_degree": DEGREES[decreases.index(max(decreases))],
        "decrease_of_true": decreases[DEGREES.index(TRUE)],
        "over_rigid": decreases[DEGREES.index(TRUE)] - decreases[0],
        "over_flexible": decreases[DEGREES.index(TRUE)] - decreases[-1],
        "rigid_test_accuracy": tests[0],
        "flexible_training_accuracy": trains[-1],
        "flexible_test_accuracy": tests[-1],
        "true_test_accuracy": tests[DEGREES.index(TRUE)],
    }
    return Outcome(values, {"decrease": (DEGREES, decreases), "test": (DEGREES, tests)})


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Polynomials of two numbers; the truth has degree 2", "zh": "两个数的多项式；真实次数为 2"},
        x=axis("degree", "次数"),
        y=axis("decrease, accuracy", "下降率，准确率"),
        series=[
            curve(outcomes, "decrease", "decrease of the training accuracy", "训练准确率的下降率"),
            curve(outcomes, "test", "test accuracy", "测试准确率"),
        ],
        alt={
            "en": "Decrease of the training accuracy under wrong labels, and test accuracy, against the degree: both are highest "
            "at degree 2.",
            "zh": "标签出错时训练准确率的下降率与测试准确率随次数的变化：两者在次数 1 处最低；下降率在次数 2 到 4 处最高，"
            "之后回落，准确率则几乎不变。",
        },
    )


perturbed_labels = Experiment(_perturbed_labels, seeds=(0, 1, 2, 3, 4), figure=_draw)
