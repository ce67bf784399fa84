"""Cases of perturbed validation: the slope of given accuracies."""

from __future__ import annotations

import numpy as np
import torch

from refimpl.training.perturbed_validation import accuracy_decrease, perturb_labels, perturbed_accuracies
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand

METHOD = "perturbed-validation"
RATIOS, ONE, MANY = rand(6, seed=1, low=0.0), rand(6, seed=2, low=0.2), rand(6, 4, seed=3, low=0.2)
LABELS = torch.tensor([0, 1, 2, 1])


def least_squares(_, ratios, accuracies):
    points = ratios.repeat_interleave(accuracies[0].numel())
    design = torch.stack((torch.ones_like(points), points), 1)
    return -torch.linalg.solve(design.T @ design, design.T @ accuracies.flatten())[1]


def fitted(_, ratios, accuracies):
    return -np.polyfit(np.repeat(ratios, accuracies[0].size), accuracies.flatten(), 1)[0]


def labels(**changed):
    arguments = {"labels": LABELS, "ratio": 0.5, "classes": 3} | changed
    return lambda: perturb_labels(**arguments)


BAD = (
    Bad(lambda: accuracy_decrease(RATIOS, ONE[:5]), r"^accuracy_decrease: expected ratios \(R,\) .*, got \(6,\) and \(5,\)$"),
    Bad(lambda: accuracy_decrease(RATIOS[:, None], ONE), r"^accuracy_decrease: expected ratios .*, got \(6, 1\) and \(6,\)$"),
    Bad(lambda: accuracy_decrease(RATIOS, MANY[..., None]), r"^accuracy_decrease: expected ratios .*, got \(6,\) and \(6, 4, 1\)$"),
    Bad(lambda: accuracy_decrease(RATIOS[:1] * 0, ONE[:1]), r"^accuracy_decrease: ratios must hold two different numbers, got \[0.0\]$"),
    Bad(lambda: accuracy_decrease(RATIOS[:0], ONE[:0]), r"^accuracy_decrease: ratios must hold two different numbers, got \[\]$"),
    Bad(
        lambda: accuracy_decrease(0 * RATIOS[:2], ONE[:2]), r"^accuracy_decrease: ratios must hold two different numbers, got \[0.0, 0.0\]$"
    ),
    Bad(labels(labels=LABELS.double()), r"^perturb_labels: labels must be integer \(n,\), got torch.float64 of shape \(4,\)$"),
    Bad(labels(labels=LABELS > 0), r"^perturb_labels: labels must be integer \(n,\), got torch.bool of shape \(4,\)$"),
    Bad(labels(labels=LABELS[None]), r"^perturb_labels: labels must be integer \(n,\), got torch.int64 of shape \(1, 4\)$"),
    Bad(labels(classes=1), r"^perturb_labels: classes must be at least 2, got 1$"),
    Bad(labels(ratio=1.1), r"^perturb_labels: ratio must lie in \[0, 1\], got 1.1$"),
    Bad(labels(ratio=-0.1), r"^perturb_labels: ratio must lie in \[0, 1\], got -0.1$"),
    Bad(labels(classes=2), r"^perturb_labels: labels must lie in 0 ... 1, got 0 to 2$"),
    Bad(labels(labels=-LABELS), r"^perturb_labels: labels must lie in 0 ... 2, got -2 to 0$"),
    Bad(
        lambda: perturbed_accuracies(lambda x, y: None, RATIOS, LABELS, [0.1], 3, 0),
        r"^perturbed_accuracies: repeats must be positive, got 0$",
    ),
)

CASES = [
    Case(
        METHOD,
        "decrease",
        function(accuracy_decrease),
        lambda: [Sample((RATIOS, ONE)), Sample((RATIOS, MANY), name="four repetitions")],
        (Oracle("normal equations in torch", least_squares), Oracle("numpy.polyfit", fitted, "numpy")),
        degenerate=lambda: [Sample((RATIOS[:2], ONE[:2]), name="two ratios")],
        dtypes=(torch.float64, torch.float32),  # ratios that differ little are equal in two bytes
        bad=BAD,
        gradcheck=2,
        compiles="the check that two ratios differ reads their values",
        exports="as above",
    )
]
