r"""Deformable RoI pooling: the mean of each bin of a region, the whole bin moved by a learned offset.

Paper
    Dai, Qi, Xiong, Li, Zhang, Hu and Wei, "Deformable Convolutional Networks", ICCV 2017, arXiv:1703.06211, section 2.2,
    equations 5 and 6.

Equations (region of w x h cells with first cell p_0, bin (i, j) of k_w x k_h with n_ij cells p, normalized offset o_ij)
    roi       y(i, j) = 1 / n_ij sum_{p in bin(i, j)} x(p_0 + p + dp_ij),   dp_ij = gamma o_ij * (w, h)
    bin       floor(i w / k_w) <= p_x < ceil((i + 1) w / k_w),   and so down
    bilinear  x(q) = sum_r max(0, 1 - |q_y - r_y|) max(0, 1 - |q_x - r_x|) x(r)    over the cells r, zero outside

Deviations from the paper
    1. Offsets are an argument; the paper predicts them by a fully connected layer from the region pooled without offsets.
    2. The corners of a region are rounded to whole cells that belong to it, as in Fast R-CNN; the paper leaves this open.
    3. All channels share the offsets; the position-sensitive variant of the paper is not here.
    4. bfloat16 and float16 are sampled in float32: their offsets could not tell neighboring cells apart.
"""

from __future__ import annotations

import torch
from torch import Tensor

from refimpl.convolution.regions import check_regions, whole_cells
from refimpl.convolution.windows import raised

__all__ = ["deform_roi_pool"]


def deform_roi_pool(
    input: Tensor,
    boxes: Tensor,
    offset: Tensor,
    output_size: int | tuple[int, int],
    spatial_scale: float = 1.0,
    gamma: float = 0.1,
) -> Tensor:
    """Mean of each displaced bin of each region.

    All cells of a bin move alike, so its bilinear kernels factor: a weight for each row times one for each column.

    Args:
        input: ``(N, C, H, W)``.
        boxes: ``(K, 5)``: image, left, top, right, bottom.
        offset: to the right and down for each bin, in units of the region's size over gamma, ``(K, 2, down, across)``.
        output_size: bins down and across.
        spatial_scale: cells of the feature map a pixel of the boxes.
        gamma: scale of the offsets.

    Returns:
        ``(K, C, *output_size)``.

    Raises:
        ValueError: a shape, dtype or parameter does not fit; the message names it.
    """
    down, across = check_regions("deform_roi_pool", input, boxes, output_size)
    if offset.shape != (len(boxes), 2, down, across) or not offset.is_floating_point():
        wanted = f"floating point {(len(boxes), 2, down, across)}"
        raise ValueError(f"deform_roi_pool: offset must be {wanted}, got {offset.dtype} of shape {tuple(offset.shape)}")
    x = raised(input)
    left, top, right, bottom = whole_cells(boxes, spatial_scale).to(x.dtype).unbind(1)
    shift = gamma * offset.to(x.dtype)
    columns = _weights(left, right, across, shift[:, 0].transpose(1, 2), x.shape[3]).transpose(1, 2)  # (K, down, across, W)
    rows = _weights(top, bottom, down, shift[:, 1], x.shape[2])  # (K, down, across, H)
    weights = (rows[..., None] * columns[..., None, :]).flatten(3).flatten(1, 2)  # (K, down across, H W)
    y = x.flatten(2).index_select(0, boxes[:, 0].long()) @ weights.transpose(1, 2)  # (K, C, down across)
    return y.unflatten(2, (down, across)).to(input.dtype)


def _weights(first: Tensor, last: Tensor, count: int, shift: Tensor, length: int) -> Tensor:
    """Mean linear weight of each cell along one axis, in each bin moved by its share of the size: ``(K, count, others, length)``.

    The n cells of a bin that lies at a + f, a whole and f < 1, weigh 1 - f from a on and f from a + 1 on. So a gradient
    at a whole place is that to the right.

    Args:
        first, last: cells of the regions, ``(K,)``.
        shift: ``(K, count, others)``, others the bins along the other axis.
    """
    size = (last - first + 1).clamp(min=1)[:, None]  # (K, 1)
    i = torch.arange(count, device=first.device)
    start, end = (i * size / count).floor(), ((i + 1) * size / count).ceil()  # (K, count)
    n = (end - start)[..., None, None]  # (K, count, 1, 1)
    at = ((first[:, None] + start)[..., None] + shift * size[..., None])[..., None]  # the bin's first cell, (K, count, others, 1)
    low = at.floor()
    ahead = torch.arange(length, device=first.device) - low  # (K, count, others, length)
    here, beyond = ((ahead >= step) & (ahead < n + step) for step in (0, 1))
    return (here * (1 - (at - low)) + beyond * (at - low)) / n


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    x = torch.arange(64.0).view(1, 1, 8, 8)
    box = torch.tensor([[0.0, 1, 1, 6, 6]])
    still, moved = torch.zeros(1, 2, 2, 2), torch.zeros(1, 2, 2, 2)
    moved[0, 0, 0, 0] = 1.0
    print("image: cell (row r, column c) holds 8 r + c; region: rows and columns 1 to 6, two by two bins")
    print("means of the bins:", deform_roi_pool(x, box, still, 2).flatten().tolist())
    after = [round(v, 4) for v in deform_roi_pool(x, box, moved, 2).flatten().tolist()]
    print("the first bin moved by gamma * 6 cells = 0.6 to the right:", after)
