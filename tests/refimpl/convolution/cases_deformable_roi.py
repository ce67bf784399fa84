"""Cases of deformable RoI pooling: every cell of every bin in NumPy, and the bilinear kernel over all cells in torch."""

from __future__ import annotations

import math

import numpy as np
import torch

from refimpl.convolution.deformable_roi import deform_roi_pool
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn

METHOD = "deformable-conv"


def spans(corner, other, scale, count):
    """First cell of the region along an axis, its number of cells, and the cells of each bin."""
    first, last = (math.floor(abs(c) * scale + 0.5) * (1 if c >= 0 else -1) for c in (corner, other))
    cells = max(last - first + 1, 1)
    return first, cells, [range(math.floor(i * cells / count), math.ceil((i + 1) * cells / count)) for i in range(count)]


def numpy_pooled(_, x, boxes, offset, output_size, spatial_scale=1.0, gamma=0.1):
    down, across = output_size
    y = np.zeros((len(boxes), x.shape[1], down, across))
    for k, (image, left, top, right, bottom) in enumerate(boxes):
        first_row, height, rows = spans(top, bottom, spatial_scale, down)
        first_column, width, columns = spans(left, right, spatial_scale, across)
        for i, j in np.ndindex(down, across):
            move_right, move_down = gamma * offset[k, 0, i, j] * width, gamma * offset[k, 1, i, j] * height
            for a in rows[i]:
                for b in columns[j]:
                    r, c = first_row + a + move_down, first_column + b + move_right
                    for row in range(max(0, math.floor(r)), min(x.shape[2], math.floor(r) + 2)):
                        for column in range(max(0, math.floor(c)), min(x.shape[3], math.floor(c) + 2)):
                            y[k, :, i, j] += x[int(image), :, row, column] * (1 - abs(r - row)) * (1 - abs(c - column))
            y[k, :, i, j] /= len(rows[i]) * len(columns[j])
    return y


def torch_pooled(_, x, boxes, offset, output_size, spatial_scale=1.0, gamma=0.1):
    down, across = output_size
    found = []
    for (image, left, top, right, bottom), moves in zip(boxes.tolist(), offset, strict=True):
        first_row, height, rows = spans(top, bottom, spatial_scale, down)
        first_column, width, columns = spans(left, right, spatial_scale, across)
        for i in range(down):
            for j in range(across):
                at_rows = torch.tensor(rows[i]) + first_row + gamma * moves[1, i, j] * height
                at_columns = torch.tensor(columns[j]) + first_column + gamma * moves[0, i, j] * width
                by_row = (1 - (at_rows[:, None] - torch.arange(x.shape[2])).abs()).clamp_min(0)
                by_column = (1 - (at_columns[:, None] - torch.arange(x.shape[3])).abs()).clamp_min(0)
                found.append(torch.einsum("ar,bs,crs->cab", by_row, by_column, x[int(image)]).mean((1, 2)))
    return torch.stack(found).view(len(boxes), down, across, x.shape[1]).permute(0, 3, 1, 2) if found else x[:0, :, :down, :across]


MAP = randn(2, 3, 7, 9, seed=1)
BOXES = torch.tensor(
    [
        [1.0, 2.0, 3.0, 13.0, 9.0],
        [0.0, 0.0, 0.0, 17.0, 13.0],
        [1.0, 5.0, 4.0, 6.0, 4.5],  # a cell, or two
        [0.0, -9.0, -3.0, 5.0, 7.0],  # begins outside
        [1.0, 12.0, 10.0, 4.0, 2.0],  # ends before it begins
    ],
    dtype=torch.float64,
)
OFFSET = rand(5, 2, 2, 3, seed=2, low=-1.9, high=1.9)
HALVES = torch.tensor([[1.0, 0.5, 1.5, 2.5, 4.5], [0.0, -2.5, -0.5, 1.5, 3.5]], dtype=torch.float64)
OURS = "deform_roi_pool: "
BAD = (
    Bad(lambda: deform_roi_pool(MAP[0], BOXES, OFFSET, (2, 3)), OURS + r"input must be floating point \(N, C, H, W\), got .* \(3, 7, 9\)"),
    Bad(lambda: deform_roi_pool(MAP[:, :, :0], BOXES, OFFSET, (2, 3)), OURS + r"input must be .*, got .* of shape \(2, 3, 0, 9\)"),
    Bad(lambda: deform_roi_pool(MAP, BOXES[:, 1:], OFFSET, (2, 3)), OURS + r"boxes must be floating point \(K, 5\), got .* \(5, 4\)"),
    Bad(lambda: deform_roi_pool(MAP, BOXES, OFFSET, 0), OURS + "output_size must be an integer of at least 1 or two of them, got 0"),
    Bad(
        lambda: deform_roi_pool(MAP, BOXES, OFFSET, (3, 2)),
        OURS + r"offset must be floating point \(5, 2, 3, 2\), got torch.float64 of shape \(5, 2, 2, 3\)",
    ),
    Bad(lambda: deform_roi_pool(MAP, BOXES, OFFSET.long(), (2, 3)), OURS + "offset must be .*, got torch.int64"),
)

CASES = [
    Case(
        METHOD,
        "bins of regions",
        function(deform_roi_pool),
        lambda: [
            Sample((MAP[..., :4, :5], BOXES[:1] / 3, OFFSET[:1, :, :, :1]), {"output_size": (2, 1), "gamma": 0.3}, "small"),
            Sample((MAP,), {"boxes": BOXES, "offset": OFFSET, "output_size": (2, 3), "spatial_scale": 0.5, "gamma": 0.2}, "all arguments"),
            Sample((MAP, BOXES / 2, OFFSET), {"output_size": (2, 3)}, "defaults"),
            Sample((MAP, HALVES, OFFSET[:2]), {"output_size": (2, 3)}, "halves"),
        ],
        (
            Oracle("the bilinear kernel over all cells in torch", torch_pooled),
            Oracle("the equations in NumPy, cell by cell", numpy_pooled, "numpy"),
        ),
        hard=lambda: [
            Sample((MAP + 1e4, BOXES / 2, OFFSET), {"output_size": (2, 3)}, "mean 1e4"),
            Sample((MAP, BOXES / 2, OFFSET * 1e4), {"output_size": (2, 3)}, "all outside"),
        ],
        degenerate=lambda: [
            Sample((MAP, BOXES[:0], OFFSET[:0]), {"output_size": (2, 3)}, "no region"),
            Sample((MAP[..., :1, :1], BOXES * 0, OFFSET[..., :1, :1]), {"output_size": (1, 1)}, "one cell"),
        ],
        bad=BAD,
        # in two-byte types corners fall into other cells, and moved cells beside others; they have a test of their own
        dtypes=(torch.float64, torch.float32),
    ),
]
