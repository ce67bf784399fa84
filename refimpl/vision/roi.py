"""Features of regions: a grid of fixed size from each box, by the maximum of whole cells or by interpolated samples.

Papers
    Girshick, "Fast R-CNN", ICCV 2015, arXiv:1504.08083, section 2.1 (pooling). He, Gkioxari, Dollar and Girshick, "Mask R-CNN",
    ICCV 2017, arXiv:1703.06870, section 3 (align).
"""

from __future__ import annotations

import torch
from torch import Tensor

from refimpl.convolution.regions import check_regions, whole_cells
from refimpl.convolution.windows import raised

__all__ = ["roi_align", "roi_pool"]

Size = int | tuple[int, int]


def roi_pool(input: Tensor, boxes: Tensor, output_size: Size, spatial_scale: float = 1.0) -> Tensor:
    """Largest value in each bin of each region; drops in for ``torchvision.ops.roi_pool``.

    A region's corners are rounded to whole cells, both of which belong to it. Along each axis bin i of n covers the cells
    from floor(i L / n) to ceil((i + 1) L / n). An empty bin gives 0; equal maxima share the gradient.

    Args:
        input: ``(N, C, H, W)``.
        boxes: ``(K, 5)``: image, left, top, right, bottom.
        output_size: bins down and across.
        spatial_scale: cells of the feature map a pixel of the boxes.

    Returns:
        ``(K, C, *output_size)``.
    """
    down, across = check_regions("roi_pool", input, boxes, output_size)
    corners = whole_cells(boxes, spatial_scale)  # (K, 4)
    rows, empty_rows = _bins(corners[:, 1], corners[:, 3], down, input.shape[2])  # (K, down, cells)
    columns, empty_columns = _bins(corners[:, 0], corners[:, 2], across, input.shape[3])
    image = boxes[:, 0].long()[:, None, None]
    cells = input.movedim(1, 3)[image, rows.flatten(1)[:, :, None], columns.flatten(1)[:, None]]  # (K, down cells, across cells, C)
    x = cells.unflatten(2, columns.shape[1:]).unflatten(1, rows.shape[1:]).amax((2, 4))  # (K, down, across, C)
    empty = empty_rows[:, :, None] | empty_columns[:, None]
    return x.masked_fill(empty[..., None], 0.0).movedim(3, 1)


def roi_align(
    input: Tensor, boxes: Tensor, output_size: Size, spatial_scale: float = 1.0, sampling_ratio: int = -1, aligned: bool = False
) -> Tensor:
    """Mean of bilinear samples in each bin of each region; drops in for ``torchvision.ops.roi_align``.

    Nothing is rounded. A bilinear sample is the product of a linear one down and a linear one across, so each region is two
    products with a matrix of mean weights: y = R x C^T, R ``(down, H)`` and C ``(across, W)``.

    Args:
        input, boxes, output_size, spatial_scale: as in :func:`roi_pool`.
        sampling_ratio: samples a bin along each axis; as many as the bin has cells, rounded up, where it is not positive.
        aligned: cell 0 has its center at 0.5, not at 0; without it regions are at least one cell wide.
    """
    down, across = check_regions("roi_align", input, boxes, output_size)
    x = raised(input)
    corners = boxes[:, 1:].to(x.dtype) * spatial_scale - (0.5 if aligned else 0.0)
    least = None if aligned else 1.0
    rows = _weights(corners[:, 1], corners[:, 3], down, x.shape[2], sampling_ratio, least)  # (K, down, H)
    columns = _weights(corners[:, 0], corners[:, 2], across, x.shape[3], sampling_ratio, least)  # (K, across, W)
    wide = x[boxes[:, 0].long()] @ columns.transpose(1, 2)[:, None]  # (K, C, H, across)
    return (rows[:, None] @ wide).to(input.dtype)


def _bins(first: Tensor, last: Tensor, count: int, length: int) -> tuple[Tensor, Tensor]:
    """Cells of each bin, ``(K, count, cells)`` with the last repeated, and which bins are empty, ``(K, count)``."""
    size = (last - first + 1).clamp(min=1)[:, None] / count  # (K, 1)
    i = torch.arange(count, device=first.device)
    start = ((i * size).floor() + first[:, None]).clamp(0, length).long()
    end = (((i + 1) * size).ceil() + first[:, None]).clamp(0, length).long()
    most = int((end - start).amax().clamp(min=1)) if len(first) else 1
    inside = torch.minimum(start[..., None] + torch.arange(most, device=first.device), (end - 1)[..., None])
    return inside.clamp(min=0), end <= start


def _weights(first: Tensor, last: Tensor, count: int, length: int, ratio: int, least: float | None) -> Tensor:
    """Mean weight of each cell in each bin: ``(K, count, length)``."""
    size = last - first if least is None else (last - first).clamp(min=least)
    bin_size = size / count  # (K,)
    samples = torch.full_like(bin_size, ratio) if ratio > 0 else bin_size.ceil().clamp(min=0)
    most = ratio if ratio > 0 else int(samples.amax()) if len(first) else 0
    s = torch.arange(most, device=first.device)
    within = (s + 0.5) / samples.clamp(min=1)[:, None]  # (K, most), in bins
    i = torch.arange(count, device=first.device)
    at = first[:, None, None] + (i[:, None] + within[:, None]) * bin_size[:, None, None]  # (K, count, most)
    counts = (s < samples[:, None])[:, None] & (at >= -1) & (at <= length)  # beyond that a sample is 0
    cells = torch.arange(length, device=first.device)
    hat = (1 - (at.clamp(0, length - 1)[..., None] - cells).abs()).clamp(min=0)  # (K, count, most, length)
    return (hat * counts[..., None]).sum(2) / samples.clamp(min=1)[:, None, None]
