"""Cases of filter normalization; the NumPy oracle measures one filter after the other. Slices are checked in the test file."""

from __future__ import annotations

import numpy as np
import torch

from refimpl.foundations.loss_landscape import filter_lengths, line, normalize_filters, plane
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn

METHOD = "loss-landscape"


def numpy_normalize(_, direction, weight):
    out = np.zeros_like(direction)
    for i in range(len(direction)):
        length = np.sqrt(sum(v * v for v in direction[i].ravel()))
        if length:
            out[i] = direction[i] / length * np.sqrt(sum(v * v for v in weight[i].ravel()))
    return out


def torch_normalize(_, direction, weight):
    """PyTorch's projection onto the unit sphere, then the lengths of the weight."""
    rows = torch.nn.functional.normalize(direction.flatten(1), dim=1, eps=0.0)
    return (rows * weight.flatten(1).square().sum(1, keepdim=True).sqrt()).view_as(direction)


MATRIX, KERNEL = (randn(4, 3, seed=1), 3 * randn(4, 3, seed=2)), (randn(3, 2, 3, 5, seed=3), 0.2 * randn(3, 2, 3, 5, seed=4))
ROW_OF_ZEROS = MATRIX[0] * torch.tensor([[1.0], [0], [1], [1]], dtype=torch.float64)
STEPS = torch.linspace(-1, 1, 3, dtype=torch.float64)

BAD = (
    Bad(
        lambda: normalize_filters(MATRIX[0], MATRIX[1].T),
        r"^normalize_filters: expected direction and weight of one shape \(out, in, ...\), got \(4, 3\) and \(3, 4\)$",
    ),
    Bad(lambda: normalize_filters(MATRIX[0][0], MATRIX[1][0]), r"^normalize_filters: expected .* got \(3,\) and \(3,\)$"),
    Bad(
        lambda: plane(STEPS.sum, [MATRIX[0]], [KERNEL[0]], [MATRIX[1]], STEPS),
        r"^plane: across must have the shapes of the weights \[\(4, 3\)\], got \[\(3, 2, 3, 5\)\]$",
    ),
    Bad(
        lambda: plane(STEPS.sum, [MATRIX[0]], [MATRIX[1]], [], STEPS),
        r"^plane: up must have the shapes of the weights \[\(4, 3\)\], got \[\]$",
    ),
    Bad(lambda: line(STEPS.sum, [MATRIX[0]], [], STEPS), r"^plane: across must have the shapes of the weights"),
    Bad(lambda: line(STEPS.sum, [MATRIX[0]], [MATRIX[1]], STEPS[:0]), r"^plane: steps must be one or more numbers, got shape \(0,\)$"),
    Bad(
        lambda: plane(STEPS.sum, [MATRIX[0]], [MATRIX[1]], [MATRIX[1]], STEPS, STEPS[0]),
        r"^plane: steps_up must be one or more numbers, got shape \(\)$",
    ),
)

CASES = [
    Case(
        METHOD,
        "filters",
        function(normalize_filters),
        lambda: [Sample(MATRIX), Sample(KERNEL, {}, "kernels")],
        (
            Oracle("torch.nn.functional.normalize", torch_normalize),
            Oracle("the equation in NumPy, filter by filter", numpy_normalize, "numpy"),
        ),
        hard=lambda: [
            Sample((MATRIX[0] + 1e4, MATRIX[1]), {}, "mean 1e4"),
            Sample((MATRIX[0] * 1e-6, MATRIX[1] * 1e6), {}, "sizes apart"),
        ],
        degenerate=lambda: [
            Sample((MATRIX[0][:0], MATRIX[1][:0]), {}, "no filter"),
        ],
        bad=BAD,
    ),
    Case(
        METHOD,
        "lengths",
        function(filter_lengths),
        lambda: [Sample(MATRIX[:1]), Sample(KERNEL[:1], {}, "kernels")],
        (
            Oracle("the root of the sum of squares", lambda _, w: w.square().sum(tuple(range(1, w.dim())), keepdim=True).sqrt()),
            Oracle(
                "numpy.linalg.norm, filter by filter",
                lambda _, w: np.array([np.linalg.norm(f) for f in w]).reshape(-1, *[1] * (w.ndim - 1)),
                "numpy",
            ),
        ),
        compiles="as part of the case before",
    ),
]
