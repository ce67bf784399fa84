"""What is special to transposed convolution: the transpose, the size, the inserted zeros, the uneven cover."""

from __future__ import annotations

import random

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from refimpl.convolution.convolution import conv2d, convolution_matrix
from refimpl.convolution.transposed_convolution import ConvTranspose2d, conv_transpose2d
from tests.refimpl.convolution.cases_transposed_convolution import BIAS, IMAGES, METHOD, WIDE, loops
from tests.refimpl.harness.case import rand, randn, randomize
from tests.refimpl.harness.compare import error

MODULE = "refimpl.convolution.transposed_convolution"
EXACT = {"dtype": torch.float64, "tolerance": 1e-12}


def test_random_configurations(record):
    """Sizes, stride, padding, output padding, dilation and groups drawn at random, 100 times."""
    draw, worst = random.Random(11), 0.0
    for i in range(100):
        groups, kernel = draw.choice([1, 2, 3]), (draw.randint(1, 4), draw.randint(1, 4))
        stride, dilation = ((draw.randint(1, 3), draw.randint(1, 3)) for _ in "sd")
        extra = tuple(draw.randint(0, max(s, d) - 1) for s, d in zip(stride, dilation, strict=True))
        x = randn(draw.randint(1, 3), groups * draw.randint(1, 2), draw.randint(1, 6), draw.randint(1, 6), seed=i)
        reach = [(n - 1) * s + d * (f - 1) + e for n, s, d, f, e in zip(x.shape[2:], stride, dilation, kernel, extra, strict=True)]
        padding = tuple(draw.randint(0, min(2, r // 2)) for r in reach)
        w = randn(x.shape[1], draw.randint(1, 3), *kernel, seed=500 + i)
        options = (rand(groups * w.shape[1], seed=900 + i), stride, padding, extra, groups, dilation)
        worst = max(worst, error(conv_transpose2d(x, w, *options), F.conv_transpose2d(x, w, *options)))
    record(METHOD, MODULE, "100 random configurations", "torch.nn.functional.conv_transpose2d", error=worst, **EXACT)


def test_adjoint(record):
    """<conv(u), x> = <u, transposed(x)> with every option distinct."""
    options = {"stride": (2, 3), "padding": (1, 2), "dilation": (2, 1), "groups": 2}
    x = randn(2, 4, 5, 4, seed=21)
    y = conv_transpose2d(x, WIDE, None, **options)
    u = randn(*y.shape, seed=22)
    there, back = (conv2d(u, WIDE, None, **options) * x).sum(), (u * y).sum()
    gap = abs((there - back) / back).item()
    record(METHOD, MODULE, "adjoint of the convolution", "refimpl.convolution.convolution.conv2d", error=gap, **EXACT)


def test_matrix_is_the_transpose(record):
    """The flattened output is T^T x, T being the matrix of the convolution."""
    w = randn(3, 2, 3, 2, seed=23)
    t = convolution_matrix(w, (7, 8), stride=(2, 3), padding=(1, 0))
    x = randn(1, 3, 4, 3, seed=24)
    y = conv_transpose2d(x, w, None, (2, 3), (1, 0))
    assert y.shape == (1, 2, 7, 8)
    gap = error(y.flatten(), t.T @ x.flatten())
    record(METHOD, MODULE, "transposed matrix", "refimpl.convolution.toeplitz.convolution_matrix", error=gap, **EXACT)


def test_zeros_between_the_pixels(record):
    """The paper's way: s - 1 zeros between the pixels, d (f - 1) - p around them, then a convolution with the flipped kernel."""
    x, w, (sh, sw), (ph, pw) = IMAGES, randn(4, 3, 3, 4, seed=25), (2, 3), (1, 2)
    spread = torch.zeros(3, 4, 5 * sh - sh + 1, 4 * sw - sw + 1, dtype=torch.float64)
    spread[..., ::sh, ::sw] = x
    around = (3 - pw, 3 - pw, 2 - ph, 2 - ph)
    expected = F.conv2d(F.pad(spread, around), w.flip(2, 3).transpose(0, 1))
    gap = error(conv_transpose2d(x, w, None, (sh, sw), (ph, pw)), expected)
    record(METHOD, MODULE, "convolution of inserted zeros", "torch.nn.functional.conv2d", error=gap, **EXACT)


def test_multiplications_are_those_of_the_pixels():
    """One product of (O kH kW) x C by C x (H W), whatever the stride: inserted zeros would cost stride^2 times as much."""
    with FlopCounterMode(display=False) as counter:
        conv_transpose2d(IMAGES, WIDE, stride=4)
    assert counter.get_total_flops() == 2 * 3 * (5 * 4) * WIDE.numel()


@pytest.mark.parametrize("wanted", [("input",), ("weight",), ("input", "weight")], ids=" and ".join)
def test_only_the_wanted_gradients_are_computed(wanted):
    x, w = IMAGES.clone().requires_grad_("input" in wanted), WIDE.clone().requires_grad_("weight" in wanted)
    y = conv_transpose2d(x, w, stride=2)
    with FlopCounterMode(display=False) as counter:
        torch.autograd.grad(y, [v for v in (x, w) if v.requires_grad], torch.ones_like(y))
    assert counter.get_total_flops() == len(wanted) * 2 * 3 * (5 * 4) * WIDE.numel()


@pytest.mark.parametrize(("kernel", "cover"), [(3, [1, 1, 2, 1, 2, 1, 2, 1, 1]), (4, [1, 1, 2, 2, 2, 2, 2, 2, 1, 1])])
def test_cover_is_even_where_the_stride_divides_the_kernel(kernel, cover):
    y = conv_transpose2d(torch.ones(1, 1, 1, 4), torch.ones(1, 1, 1, kernel), None, 2)
    assert y.flatten().tolist() == cover


def test_output_size_of_the_layer():
    """Kernel 4, stride 2, padding 1 double an image; output padding tells 13 and 14 pixels apart, both of which stride 2 makes 7."""
    assert ConvTranspose2d(1, 1, 4, 2, 1)(torch.zeros(1, 7, 5)).shape == (1, 14, 10)
    for extra in (0, 1):
        y = ConvTranspose2d(1, 1, 3, 2, 1, extra)(torch.zeros(1, 7, 7))
        assert y.shape == (1, 13 + extra, 13 + extra)
        assert conv2d(y, torch.zeros(1, 1, 3, 3), stride=2, padding=1).shape == (1, 7, 7)


@pytest.mark.parametrize(("groups", "bias"), [(1, True), (2, True), (2, False)])
def test_initialization_is_that_of_torch(groups, bias):
    made = []
    for cls in (ConvTranspose2d, nn.ConvTranspose2d):
        torch.manual_seed(11)
        made.append(cls(4, 6, (3, 5), groups=groups, bias=bias).state_dict())
    assert made[0].keys() == made[1].keys()
    assert all(torch.allclose(made[0][k], made[1][k], rtol=1e-6, atol=0) for k in made[0])


def test_defaults_are_those_of_torch():
    ours, theirs = randomize(ConvTranspose2d(4, 6, 3)), nn.ConvTranspose2d(4, 6, 3).double()
    theirs.load_state_dict(ours.state_dict())
    assert error(ours(IMAGES), theirs(IMAGES)) < 1e-12
    ours, theirs = (cls(4, 6, 3, 3, 2, 1, 2, False, 2) for cls in (ConvTranspose2d, nn.ConvTranspose2d))
    theirs.load_state_dict(ours.state_dict())
    assert ours(IMAGES.float()).shape == theirs(IMAGES.float()).shape
    assert ConvTranspose2d(1, 1, 1).weight.shape == (1, 1, 1, 1)


def test_low_precision_adds_in_float32():
    for dtype, count in ((torch.bfloat16, 300), (torch.float16, 2100)):
        y = conv_transpose2d(torch.ones(1, 1, count, dtype=dtype), torch.ones(1, 1, 1, count, dtype=dtype))
        assert y.max() == torch.tensor(float(count)).to(dtype)


def test_autocast(record):
    ours, theirs = (nn.Sequential(cls(4, 6, 3, 2), cls(6, 2, 2)) for cls in (ConvTranspose2d, nn.ConvTranspose2d))
    ours.load_state_dict(theirs.state_dict())
    results = []
    for net in (ours, theirs):
        with torch.autocast("cpu", torch.bfloat16):
            y = net(IMAGES.float())
        y.float().square().mean().backward()
        results.append([y, *(p.grad for p in net.parameters())])
    assert results[0][0].dtype == torch.bfloat16 and all(p.grad.dtype == torch.float32 for p in ours.parameters())
    gap = max(map(error, *results))
    record(METHOD, MODULE, "autocast", "torch.nn.ConvTranspose2d", error=gap, tolerance=3e-2, dtype=torch.bfloat16)


def test_gradients_of_single_examples():
    def loss(w, x):
        return conv_transpose2d(x, w, stride=2, groups=2).square().sum()

    together = torch.func.vmap(torch.func.grad(loss), (None, 0))(WIDE, IMAGES)
    assert error(together, torch.stack([torch.func.grad(loss)(WIDE, x) for x in IMAGES])) < 1e-12


def test_onnx(record):
    """A second package."""
    onnx = pytest.importorskip("onnx")
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    w = randn(4, 3, 3, 2, seed=26)
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 3], pads=[1, 0, 1, 0], output_padding=[1, 2])
    x, weight, y = (helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in "xwy")
    model = helper.make_model(helper.make_graph([node], "g", [x, weight], [y]), opset_imports=[helper.make_opsetid("", 11)])
    (theirs,) = ReferenceEvaluator(model).run(None, {"x": IMAGES.float().numpy(), "w": w.float().numpy()})
    gap = error(conv_transpose2d(IMAGES, w, None, (2, 3), (1, 0), (1, 2)), torch.from_numpy(theirs))
    record(METHOD, MODULE, "ConvTranspose", "onnx.reference", error=gap, tolerance=1e-5, dtype=torch.float32)


def test_factory_arguments_and_representation():
    layer = ConvTranspose2d(4, 6, (3, 5), 2, 1, 1, 2, device="meta", dtype=torch.float16)
    assert {(p.device.type, p.dtype) for p in layer.parameters()} == {("meta", torch.float16)}
    assert layer(torch.zeros(1, 4, 5, 5, device="meta", dtype=torch.float16)).shape == (1, 6, 10, 12)
    assert repr(layer) == (
        "ConvTranspose2d(4, 6, kernel_size=(3, 5), stride=2, padding=1, output_padding=1, groups=2, bias=True, dilation=1)"
    )
    assert (
        error(torch.from_numpy(loops(None, IMAGES.numpy(), WIDE.numpy(), BIAS[:3].numpy())), conv_transpose2d(IMAGES, WIDE, BIAS[:3]))
        < 1e-12
    )
