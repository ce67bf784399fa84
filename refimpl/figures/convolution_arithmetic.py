"""Which inputs each output of a convolution reads, for the settings that a reader meets first.

The patches are gathered from an image of its own indices by the same function that the im2col convolution uses. A
transposed convolution sends each input where the convolution of the same settings would read it, so its table is that
one turned around.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from refimpl.convolution.geometry import output_size
from refimpl.convolution.im2col import unfold

__all__ = ["data", "reads"]

CASES = (
    ("plain", "No padding", "无填充", 5, 3, 1, 0, 1),
    ("same", "Same size", "输出同尺寸", 5, 3, 1, 1, 1),
    ("full", "Full padding", "全填充", 4, 3, 1, 2, 1),
    ("stride", "Stride 2", "步幅 2", 5, 3, 2, 1, 1),
    ("dilation", "Dilation 2", "空洞率 2", 7, 3, 1, 0, 2),
)
"""Id, titles, then length of the input, kernel, stride, padding and dilation, the same along both axes."""

TRANSPOSED = ("transposed", "Transposed, stride 2", "转置卷积，步幅 2", 5, 3, 2, 1, 1)
"""Settings of the convolution that is turned around."""


def reads(length: int, kernel: int, stride: int, padding: int, dilation: int) -> list[list[int]]:
    """For each output, row by row, the padded input cells it reads, as indices row by row, ``kernel`` squared of them."""
    side = length + 2 * padding
    cells = torch.arange(side * side, dtype=torch.float64).view(1, 1, side, side)
    patches = unfold(cells, (kernel, kernel), (stride, stride), (dilation, dilation))  # (1, 1, k, k, out, out)
    return patches[0, 0].flatten(0, 1).flatten(1).T.long().tolist()


def data() -> dict[str, Any]:
    """The cases: settings, length of the output, and its table of reads."""
    cases = []
    for id, en, zh, length, kernel, stride, padding, dilation in CASES:
        table = reads(length, kernel, stride, padding, dilation)
        size = output_size(length, kernel, stride, padding, dilation)
        if len(table) != size * size:
            raise AssertionError(f"{id}: {len(table)} patches; the formula gives {size} along an axis")
        cases.append(_case(id, en, zh, length, kernel, stride, padding, dilation, size, table))
    id, en, zh, length, kernel, stride, padding, dilation = TRANSPOSED
    table, size = reads(length, kernel, stride, padding, dilation), output_size(length, kernel, stride, padding, dilation)
    inside = F.pad(torch.full((length, length), True), [padding] * 4).flatten().nonzero().flatten().tolist()
    turned = [[out for out, cells in enumerate(table) if cell in cells] for cell in inside]
    cases.append(_case(id, en, zh, size, kernel, stride, padding, dilation, length, turned) | {"padding": 0})
    return {"cases": cases}


def _case(
    id: str, en: str, zh: str, length: int, kernel: int, stride: int, padding: int, dilation: int, output: int, table: list[list[int]]
) -> dict[str, Any]:
    return {
        "id": id,
        "title": {"en": en, "zh": zh},
        "input": length,
        "kernel": kernel,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "output": output,
        "reads": table,
    }
