"""What is special to deformable convolution: whole offsets, the order of the offsets, what lies outside, other packages."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from refimpl.convolution.deformable_conv import DeformConv2d, deform_conv2d
from tests.refimpl.convolution.cases_deformable_conv import EVERY, MASK, METHOD, OFFSET, B, W, X
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.convolution.deformable_conv"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}


def test_offsets_of_zero_are_a_convolution(record):
    gap = error(deform_conv2d(X, OFFSET * 0, W, B, **EVERY), F.conv2d(X, W, B, **EVERY, groups=2))
    record(METHOD, MODULE, "offsets of zero", "torch.nn.functional.conv2d", error=gap, **EXACT)


@pytest.mark.parametrize(("down", "right"), [(1, 0), (0, -2), (-1, 1)])
def test_whole_offsets_move_the_image(down, right, record):
    """All taps moved alike: the convolution of the moved image, zeros coming in at its edges."""
    offset = torch.empty(2, 8, 4, 3, dtype=torch.float64)
    offset[:, 0::2], offset[:, 1::2] = down, right
    w = randn(3, 4, 2, 2, seed=11)
    wide = F.pad(X, (3, 3, 3, 3))[:, :, 3 + down : 8 + down, 3 + right : 7 + right]
    record(
        METHOD,
        MODULE,
        f"offset {down}, {right}",
        "torch.nn.functional.conv2d",
        error=error(deform_conv2d(X, offset, w), F.conv2d(wide, w)),
        **EXACT,
    )


def test_half_an_offset_is_a_mean():
    offset = torch.zeros(1, 2, 1, 1, dtype=torch.float64)
    offset[:, 1] = 0.5
    x = torch.tensor([[[[2.0, 6.0]]]], dtype=torch.float64)
    one = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    assert deform_conv2d(x[..., :1], offset, one).item() == pytest.approx(1.0)  # half of it lies outside
    assert deform_conv2d(x, offset.expand(1, 2, 1, 2), one).flatten().tolist() == pytest.approx([4.0, 3.0])


def test_a_mask_of_ones_changes_nothing():
    plain = deform_conv2d(X, OFFSET, W, B, **EVERY)
    assert error(deform_conv2d(X, OFFSET, W, B, **EVERY, mask=MASK * 0 + 1), plain) < 1e-14
    assert error(deform_conv2d(X, OFFSET, W, B, **EVERY, mask=MASK * 0), B[:, None, None].expand_as(plain)) == 0
    single = [v.float() for v in (X, OFFSET, W)]
    mixed = deform_conv2d(*single, **EVERY, mask=MASK)
    assert torch.equal(mixed, deform_conv2d(*single, **EVERY, mask=MASK.float())), "taken in the type of the input"


def test_other_packages(record):
    """ONNX's DeformConv by onnx.reference and onnxruntime, with groups of both kinds, a mask and every option."""
    onnx = pytest.importorskip("onnx")
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    inputs = {"x": X, "w": W, "o": OFFSET, "b": B, "m": MASK}
    attributes = {"strides": [1, 2], "pads": [1, 2, 1, 2], "dilations": [2, 1], "group": 2, "offset_group": 2, "kernel_shape": [2, 3]}
    node = helper.make_node("DeformConv", list(inputs), ["y"], **attributes)
    values = [helper.make_tensor_value_info(k, onnx.TensorProto.FLOAT, list(v.shape)) for k, v in inputs.items()]
    result = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [2, 6, 5, 3])
    model = helper.make_model(helper.make_graph([node], "g", values, [result]), opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    arrays = {k: v.float().numpy() for k, v in inputs.items()}
    ours = deform_conv2d(X, OFFSET, W, B, *EVERY.values(), MASK)
    (reference,) = ReferenceEvaluator(model).run(None, arrays)
    gap = error(ours, torch.from_numpy(np.asarray(reference)))
    record(METHOD, MODULE, "DeformConv", "onnx.reference", error=gap, tolerance=1e-5, dtype=torch.float32)
    ort = pytest.importorskip("onnxruntime")
    (theirs,) = ort.InferenceSession(model.SerializeToString()).run(None, arrays)
    record(METHOD, MODULE, "DeformConv", "onnxruntime", error=error(ours, torch.from_numpy(theirs)), tolerance=1e-5, dtype=torch.float32)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_two_byte_types_are_sampled_in_float32(dtype):
    arguments = [v.to(dtype) for v in (X, OFFSET, W, B)]
    expected = deform_conv2d(*(v.float() for v in arguments), **EVERY).to(dtype)
    assert torch.equal(deform_conv2d(*arguments, **EVERY), expected)


@pytest.mark.parametrize(("groups", "bias"), [(1, True), (2, True), (2, False)])
def test_initialization_and_state(groups, bias):
    """Names, shapes and bounds of torchvision's layer."""
    torch.manual_seed(0)
    layer = DeformConv2d(40, 60, (3, 5), groups=groups, bias=bias)
    assert {k: tuple(v.shape) for k, v in layer.state_dict().items()} == {"weight": (60, 40 // groups, 3, 5)} | (
        {"bias": (60,)} if bias else {}
    )
    bound = (40 // groups * 15) ** -0.5
    for parameter in layer.parameters():
        assert 0.9 * bound < parameter.max() <= bound and -bound <= parameter.min() < -0.9 * bound


def test_defaults_and_factory_arguments():
    layer, x = DeformConv2d(4, 6, 3, dtype=torch.float64), X
    offset = torch.zeros(2, 18, 3, 2, dtype=torch.float64)
    assert error(layer(x, offset), F.conv2d(x, layer.weight, layer.bias)) < 1e-12
    made = DeformConv2d(4, 6, (2, 3), 1, 2, 1, 2, device="meta", dtype=torch.float16)
    assert {(p.device.type, p.dtype) for p in made.parameters()} == {("meta", torch.float16)}
    new = {"device": "meta", "dtype": torch.float16}
    assert made(torch.zeros(1, 4, 5, 4, **new), torch.zeros(1, 12, 8, 6, **new)).shape == (1, 6, 8, 6)
    assert repr(made) == "DeformConv2d(weight=(6, 2, 2, 3), bias=True, stride=1, padding=2, dilation=1)"
    assert DeformConv2d(1, 1, 1).weight.shape == (1, 1, 1, 1)
