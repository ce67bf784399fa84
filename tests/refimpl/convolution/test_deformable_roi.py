"""What is special to deformable RoI pooling: adaptive pooling without offsets, whole moves, the slope at rest."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from refimpl.convolution.deformable_roi import deform_roi_pool
from tests.refimpl.convolution.cases_deformable_roi import BOXES, MAP, METHOD, OFFSET
from tests.refimpl.harness.compare import error

MODULE = "refimpl.convolution.deformable_roi"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}
REGION = torch.tensor([[1.0, 2, 1, 6, 5]], dtype=torch.float64)  # 5 cells across, 5 down


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 4)])
@pytest.mark.parametrize(("down", "right"), [(0, 0), (1, 2), (-1, -2)])
def test_whole_offsets_pool_the_moved_region(size, down, right, record):
    """The bins of a region are those of PyTorch's adaptive pooling of its crop."""
    offset = torch.empty(1, 2, *size, dtype=torch.float64)
    offset[:, 0], offset[:, 1] = right / 5 / 0.25, down / 5 / 0.25
    crop = MAP[1:, :, 1 + down : 6 + down, 2 + right : 7 + right]
    gap = error(deform_roi_pool(MAP, REGION, offset, size, gamma=0.25), F.adaptive_avg_pool2d(crop, size))
    record(METHOD, MODULE, f"{size[0]} x {size[1]} bins moved by {down}, {right}", "adaptive_avg_pool2d", error=gap, **EXACT)


def test_one_bin_moves_alone():
    offset = torch.zeros(1, 2, 2, 3, dtype=torch.float64)
    still = deform_roi_pool(MAP, REGION, offset, (2, 3))
    offset[0, 0, 1, 2] = 1.0
    changed = (deform_roi_pool(MAP, REGION, offset, (2, 3)) != still).any(1)[0]
    assert changed.tolist() == [[False, False, False], [False, False, True]]


def test_the_slope_at_rest_is_that_to_the_right():
    """Where training begins: all offsets zero, every cell on a cell; a step forward tells the slope."""
    offset = torch.zeros(1, 2, 2, 3, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(deform_roi_pool(MAP, REGION, offset, (2, 3)).sum(), offset)
    for axis in (0, 1):
        step = torch.zeros_like(offset)
        step[:, axis] = 1e-6
        forward = (deform_roi_pool(MAP, REGION, step, (2, 3)) - deform_roi_pool(MAP, REGION, 0 * step, (2, 3))).sum(1) / 1e-6
        assert torch.allclose(slope[:, axis], forward, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_two_byte_types_are_sampled_in_float32(dtype):
    arguments = [v.to(dtype) for v in (MAP, BOXES / 2, OFFSET)]
    expected = deform_roi_pool(*(v.float() for v in arguments), (2, 3)).to(dtype)
    assert torch.equal(deform_roi_pool(*arguments, (2, 3)), expected)
    x, far, offset = arguments[0], torch.tensor([[0, 100, 100, 180, 150]], dtype=dtype), arguments[2][:1]
    expected = deform_roi_pool(x, far.double(), offset, (2, 3), 0.0449)  # 4.49 is 4.5 in bfloat16, which is cell 5
    assert torch.equal(deform_roi_pool(x, far, offset, (2, 3), 0.0449), expected)


def test_boxes_may_be_of_another_type():
    expected = deform_roi_pool(MAP, BOXES, OFFSET, (2, 3), 0.5)
    assert torch.equal(deform_roi_pool(MAP, BOXES.float(), OFFSET, (2, 3), 0.5), expected)
    single = deform_roi_pool(MAP.float(), BOXES, OFFSET, (2, 3), 0.5)
    assert single.dtype == torch.float32 and error(single, expected) < 1e-5
