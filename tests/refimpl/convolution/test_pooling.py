"""What is special to pooling: who takes the gradient, limits of the norm, the distribution of the draws, receptive fields."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from refimpl.convolution.pooling import (
    MaxPool2d,
    StochasticPool2d,
    _Largest,
    avg_pool2d,
    k_max_pool1d,
    lp_pool2d,
    max_pool2d,
    receptive_field,
    stochastic_pool2d,
)
from tests.refimpl.convolution.cases_pooling import ACTIVE, IMAGES, METHOD, SMALL, UNIFORM, numpy_norm
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.convolution.pooling"
EXACT = {"dtype": torch.float64, "tolerance": 1e-12}


def test_random_configurations(record):
    """Size, window, stride, padding, dilation and ceiling drawn at random, 150 times, with gradients."""
    draw, worst, ceilings = random.Random(5), 0.0, 0
    for i in range(150):
        kernel, stride, dilation = (tuple(draw.randint(1, most) for _ in "hw") for most in (4, 4, 2))
        reach = [d * (f - 1) + 1 for d, f in zip(dilation, kernel, strict=True)]
        padding = tuple(draw.randint(0, f // 2) for f in kernel)
        x = randn(2, 2, *(draw.randint(r, 11) for r in reach), seed=i).round(decimals=draw.randint(0, 3))
        ceil = draw.random() < 0.5
        pairs = [(max_pool2d, F.max_pool2d, (kernel, stride, padding, dilation, ceil))]
        if all(f <= n for f, n in zip(kernel, x.shape[2:], strict=True)):
            pairs.append((avg_pool2d, F.avg_pool2d, (kernel, stride, padding, ceil, draw.random() < 0.5)))
        for ours, theirs, options in pairs:
            a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
            y, z = ours(a, *options), theirs(b, *options)
            g = randn(*z.shape, seed=1000 + i)
            worst = max(worst, error(y, z), error(*(torch.autograd.grad(o, v, g)[0] for o, v in ((y, a), (z, b)))))
        ceilings += ceil and max_pool2d(x, *pairs[0][2]).shape != max_pool2d(x, kernel, stride, padding, dilation).shape
    assert ceilings > 10
    record(METHOD, MODULE, "150 random configurations", "torch.nn.functional.max_pool2d, avg_pool2d", error=worst, **EXACT)


def test_first_of_equal_maxima_takes_the_gradient():
    x = torch.tensor([[[0.0, 2.0, 2.0], [2.0, 1.0, 2.0]]], requires_grad=True)
    max_pool2d(x, (2, 3)).sum().backward()
    assert x.grad.tolist() == [[[0, 1, 0], [0, 0, 0]]]


def test_nan_is_the_largest():
    """As in PyTorch the window's result is NaN; one of its cells takes the gradient, and other windows are not touched."""
    x = torch.tensor([[[5.0, torch.nan, 1.0, 2.0], [9.0, 3.0, 4.0, 0.0]]], requires_grad=True)
    y = max_pool2d(x, 2)
    assert torch.equal(y.isnan(), F.max_pool2d(x, 2).isnan()) and y[..., 1] == 4
    y.backward(torch.ones_like(y))
    assert x.grad[..., :2].sum() == 1 and x.grad[..., 2:].tolist() == [[[0, 0], [1, 0]]]


def test_large_windows():
    x = torch.zeros(1, 1, 700, requires_grad=True)
    max_pool2d(x + torch.arange(700) % 690, (1, 700)).sum().backward()
    assert x.grad.argmax() == 689 and x.grad.sum() == 1


def test_maximum_keeps_two_small_tensors():
    """Between forward and backward each axis keeps a number for each of its results, and not the image."""
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append((t.dtype, tuple(t.shape))) or t, lambda t: t):
        max_pool2d(SMALL.clone().requires_grad_(), 2)
    assert kept == [(torch.int16, (2, 2, 5, 2)), (torch.int16, (2, 2, 2, 2))]


@pytest.mark.parametrize("axis", [-1, -2])
def test_gradient_along_one_axis(axis):
    """Each of the two steps on its own: the sign of one must not depend on that of the other."""
    x = SMALL.clone().requires_grad_()
    y, _ = _Largest.apply(x, axis, 2, 2, 1, 2)
    (grad,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(grad.sum(axis), torch.full_like(grad.sum(axis), 2.0)) and set(grad.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("pool", [max_pool2d, avg_pool2d])
def test_gradients_of_single_examples(pool):
    def loss(x):
        return pool(x, 2).square().sum()

    together = torch.func.vmap(torch.func.grad(loss))(SMALL)
    assert torch.equal(together, torch.stack([torch.func.grad(loss)(x) for x in SMALL]))


def test_norm_between_sum_and_maximum(record):
    """p = 1 is the sum of magnitudes; p = 1,000 exceeds the maximum by a factor of at most 4^(1/1000)."""
    gap = error(lp_pool2d(SMALL, 1, 2), 4 * avg_pool2d(SMALL.abs(), 2))
    record(METHOD, MODULE, "p = 1", "sum of magnitudes", error=gap, **EXACT)
    ratio = lp_pool2d(SMALL, 1000, 2) / max_pool2d(SMALL.abs(), 2)
    assert ratio.min() >= 1 and ratio.max() <= 4 ** (1 / 1000)


def test_norm_of_torch_for_non_negative_input(record):
    for p in (2, 3.5):
        gap = error(lp_pool2d(ACTIVE + 0.1, p, (2, 3), (1, 2)), F.lp_pool2d(ACTIVE + 0.1, p, (2, 3), (1, 2)))
        record(METHOD, MODULE, f"norm, p = {p}", "torch.nn.functional.lp_pool2d", error=gap, **EXACT)
    odd = F.lp_pool2d(-ACTIVE - 0.1, 3, 2)
    assert not torch.isfinite(odd).all() or error(lp_pool2d(-ACTIVE - 0.1, 3, 2), odd) > 0.1


def test_norm_of_ceiled_windows(record):
    x = ACTIVE + 0.1
    gap = error(lp_pool2d(x, 2.5, 2, ceil_mode=True), torch.from_numpy(numpy_norm(None, x.numpy(), 2.5, 2, ceil_mode=True)))
    record(METHOD, MODULE, "norm with ceiling", "the equations in NumPy", error=gap, **EXACT)
    assert lp_pool2d(x, 2.5, 2, ceil_mode=True).shape == (2, 2, 3, 3) and lp_pool2d(x, 2.5, 2).shape == (2, 2, 2, 3)


def test_norm_against_onnx(record):
    """A second package, also for the maximum and the mean."""
    onnx = pytest.importorskip("onnx")
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    for op, ours, more in (
        ("LpPool", lp_pool2d(IMAGES, 3, (2, 3), (2, 1)), {"p": 3}),
        ("MaxPool", max_pool2d(IMAGES, (2, 3), (2, 1)), {}),
        ("AveragePool", avg_pool2d(IMAGES, (2, 3), (2, 1)), {}),
    ):
        node = helper.make_node(op, ["x"], ["y"], kernel_shape=[2, 3], strides=[2, 1], **more)
        x, y = (helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in "xy")
        model = helper.make_model(helper.make_graph([node], "pool", [x], [y]), opset_imports=[helper.make_opsetid("", 18)])
        (theirs,) = ReferenceEvaluator(model).run(None, {"x": IMAGES.float().numpy()})
        gap = error(ours, torch.from_numpy(np.array(theirs)))
        record(METHOD, MODULE, op, "onnx.reference", error=gap, tolerance=1e-5, dtype=torch.float32)


def test_gradient_of_the_norm_where_all_is_zero():
    x = torch.zeros(1, 1, 2, 4, dtype=torch.float64)
    x[..., 2:] = 1.0
    x.requires_grad_()
    lp_pool2d(x, 2, 2).sum().backward()
    assert x.grad[..., :2].abs().max() == 0 and torch.allclose(x.grad[..., 2:], torch.full((2, 2), 0.5, dtype=torch.float64))


def test_draws_follow_their_probabilities(record):
    """20,000 draws from one window: each cell's share lies within 4 standard errors of its probability."""
    window = torch.tensor([[[1.0, 0.0, 2.0], [5.0, 0.5, 1.5]]], dtype=torch.float64)
    n = 20_000
    y = stochastic_pool2d(window.expand(n, 1, 2, 3), (2, 3)).flatten()
    p = window.flatten() / window.sum()
    share = torch.stack([(y == a).double().mean() for a in window.flatten()])
    z = ((share - p).abs() / (p * (1 - p) / n).sqrt().clamp_min(1e-9)).max().item()
    record(METHOD, MODULE, "shares of 20,000 draws, in standard errors", "closed form", error=z, tolerance=4.0, dtype=torch.float64)
    mean = stochastic_pool2d(window, (2, 3), training=False).item()
    assert mean == pytest.approx((1 + 4 + 25 + 0.25 + 2.25) / 10)
    assert abs(y.mean().item() - mean) < 4 * y.std().item() / n**0.5


def test_draws_of_different_windows_differ():
    """Overlapping windows with the same content draw on their own."""
    y = stochastic_pool2d(torch.arange(1.0, 5.0).view(2, 2).repeat(1, 40, 40), 2, 1)
    assert {1.0, 2.0, 3.0, 4.0} == set(y.flatten().tolist())
    assert len(torch.unique(y[0, ::2, 0])) > 1 and len(torch.unique(y[0, 0, ::2])) > 1


def test_zero_activations_are_never_drawn():
    window = torch.tensor([[[0.0, 3.0], [0.0, 0.0]]])
    for u in (0.0, 0.5, 1 - 2**-24):
        assert stochastic_pool2d(window, 2, uniform=torch.tensor([[[u]]])).item() == 3.0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_sums_in_float32(dtype):
    x = torch.full((1, 20, 30), 1.0, dtype=dtype)
    x[..., 0] = 0.5
    assert avg_pool2d(x, (20, 30)).item() == torch.tensor(590 / 600).to(dtype).item()
    assert lp_pool2d(x, 1, (20, 30)).item() == torch.tensor(590.0).to(dtype).item()
    y = stochastic_pool2d(x, (20, 30), training=False)
    assert y.dtype == dtype and y.item() == torch.tensor((580 + 20 / 4) / 590).to(dtype).item()
    assert stochastic_pool2d(x, 5, uniform=torch.zeros(1, 4, 6)).dtype == dtype


def test_layers():
    layer, x = StochasticPool2d(2), ACTIVE + 0.1
    torch.manual_seed(1)
    drawn = layer(x)
    torch.manual_seed(1)
    assert torch.equal(drawn, stochastic_pool2d(x, 2)) and not torch.equal(drawn, layer.eval()(x))
    assert torch.equal(layer(x), stochastic_pool2d(x, 2, training=False))
    assert repr(layer) == "StochasticPool2d(kernel_size=2, stride=None)"
    assert torch.equal(MaxPool2d(2)(x), nn.MaxPool2d(2)(x)) and torch.equal(MaxPool2d(2, 1)(x), nn.MaxPool2d(2, 1)(x))
    assert repr(MaxPool2d(2, (3, 1))) == "MaxPool2d(kernel_size=2, stride=(3, 1), padding=0, dilation=1, ceil_mode=False)"


def test_uniform_numbers_decide():
    """With u = 0 the first positive cell is drawn, with u close to 1 the last one."""
    y = [stochastic_pool2d(SMALL.abs(), 2, uniform=torch.full((2, 2, 2, 2), u, dtype=torch.float64)) for u in (0.0, 1 - 1e-9)]
    assert torch.equal(y[0], SMALL.abs()[..., :4:2, ::2]) and torch.equal(y[1], SMALL.abs()[..., 1:4:2, 1::2])
    assert UNIFORM.min() >= 0


def test_k_max_keeps_the_order():
    assert k_max_pool1d(torch.tensor([4.0, 9.0, 1.0, 7.0, 8.0]), 3).tolist() == [9, 7, 8]
    assert torch.equal(k_max_pool1d(IMAGES, 1)[..., 0], IMAGES.amax(-1))


@pytest.mark.parametrize(("kernels", "strides"), [((3, 2, 3), (1, 2, 1)), ((7, 3, 3, 3), (2, 2, 1, 2)), ((5,), (3,)), ((), ())])
def test_receptive_field_is_where_the_gradient_reaches(kernels, strides):
    """Convolutions of ones on a line: the inputs that move the first output."""
    x = torch.ones(1, 1, 200, requires_grad=True)
    y = x
    for k, s in zip(kernels, strides, strict=True):
        y = F.conv1d(y, torch.ones(1, 1, k), stride=s)
    y[0, 0, 0].backward()
    assert int((x.grad != 0).sum()) == receptive_field(kernels, strides)
