"""Regions of interest: what the arguments of a function that pools them must be, and the whole cells of a region."""

from __future__ import annotations

from torch import Tensor

from refimpl.convolution.geometry import pair

__all__ = ["check_regions", "whole_cells"]


def check_regions(function: str, input: Tensor, boxes: Tensor, output_size: int | tuple[int, int]) -> tuple[int, int]:
    """The number of bins down and across.

    Raises:
        ValueError: an argument does not fit; the message starts with ``function``.
    """
    if input.dim() != 4 or 0 in input.shape[2:] or not input.is_floating_point():
        raise ValueError(f"{function}: input must be floating point (N, C, H, W), got {input.dtype} of shape {tuple(input.shape)}")
    if boxes.dim() != 2 or boxes.shape[1] != 5 or not boxes.is_floating_point():
        raise ValueError(f"{function}: boxes must be floating point (K, 5), got {boxes.dtype} of shape {tuple(boxes.shape)}")
    return pair("output_size", output_size, 1, function)


def whole_cells(boxes: Tensor, spatial_scale: float) -> Tensor:
    """First column, first row, last column and last row of each region, ``(K, 4)`` float64: halves are rounded away from 0."""
    scaled = boxes[:, 1:].double() * spatial_scale
    return (scaled.abs() + 0.5).floor() * scaled.sign()
