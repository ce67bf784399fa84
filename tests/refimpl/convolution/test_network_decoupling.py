"""What is special to network decoupling: it is exact in the end, the best of its kind before, and stands in for the layer."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from refimpl.convolution.depthwise_separable import equivalent_kernel
from refimpl.convolution.network_decoupling import decouple, decouple_conv, residual_energy
from tests.refimpl.convolution.cases_network_decoupling import METHOD, TALL, WIDE, approximate
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.convolution.network_decoupling"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}
OPTIONS = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)}


@pytest.mark.parametrize("bias", [True, False])
def test_exact_layer(bias, record):
    """min(N, K^2) terms give the output of the trained layer, whatever its stride, padding and dilation."""
    conv = nn.Conv2d(3, 7, (2, 3), **OPTIONS, bias=bias).double()
    layer, x = decouple_conv(conv, 6), randn(2, 3, 6, 9, seed=3)
    assert (layer.bias is None) == (not bias) and layer.depthwise.shape == (18, 1, 2, 3)
    record(METHOD, MODULE, f"exact layer, bias {bias}", "torch.nn.Conv2d", error=error(layer(x), conv(x)), **EXACT)


def test_layer_takes_type_and_values():
    conv = nn.Conv2d(3, 7, 3, dtype=torch.bfloat16)
    layer = decouple_conv(conv, 2)
    assert {p.dtype for p in layer.parameters()} == {torch.bfloat16}
    assert torch.equal(layer.bias, conv.bias) and all(p.requires_grad and p.is_leaf for p in layer.parameters())
    assert torch.equal(layer.depthwise, decouple(conv.weight, 2)[0]) and torch.equal(layer.pointwise, decouple(conv.weight, 2)[1])
    assert decouple_conv(nn.Conv2d(3, 7, 3, device="meta"), 1).depthwise.device.type == "meta"


def test_error_falls_to_zero(record):
    """The share that is left, by the formula and by taking the difference."""
    for weight in (TALL, WIDE):
        left = residual_energy(weight)
        assert left[0] == 1 and left[-1] == 0 and (left[1:] < left[:-1]).all()
        taken = [((weight - approximate(weight, t)).square().sum() / weight.square().sum()).item() for t in range(1, len(left))]
        gap = (left[1:] - left.new_tensor(taken)).abs().max().item()
        record(METHOD, MODULE, "residual energy", "difference of the kernels", error=gap, **EXACT)


def test_no_other_terms_do_better():
    """Alternating least squares from five random starts ends no lower than the singular value decomposition."""
    best = (TALL - approximate(TALL, 2)).square().sum()
    rows = TALL.transpose(0, 1).flatten(2)  # (C, O, K^2)
    reached = []
    for seed in range(5):
        d = randn(3, 2, 6, seed=seed)
        for _ in range(200):
            p = torch.linalg.lstsq(d.mT, rows.mT).solution.mT
            d = torch.linalg.lstsq(p, rows).solution
        reached.append((rows - p @ d).square().sum().item())
    assert min(reached) == pytest.approx(best.item(), rel=1e-6) and min(reached) >= best.item() * (1 - 1e-9)


def test_factors_are_balanced():
    """Both factors of a term have the same norm, so that neither overflows in half precision."""
    d, p = decouple(TALL, 3)
    assert torch.allclose(d.flatten(1).norm(dim=1), p.flatten(1).norm(dim=0))
    assert error(equivalent_kernel(d, p, 3), approximate(TALL, 3)) == 0


def test_a_decoupled_layer_is_found_again(record):
    """A kernel made of two terms needs two."""
    kernel = equivalent_kernel(randn(6, 1, 3, 3, seed=4), randn(8, 6, 1, 1, seed=5), 3)
    assert residual_energy(kernel)[2] < 1e-25 < residual_energy(kernel)[1]
    record(METHOD, MODULE, "kernel of two terms", "closed form", error=error(approximate(kernel, 2), kernel), **EXACT)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_is_decomposed_in_float32(dtype):
    d, p = decouple(TALL.to(dtype), 2)
    expected = decouple(TALL.to(dtype).float(), 2)
    assert d.dtype == p.dtype == dtype
    assert torch.equal(d, expected[0].to(dtype)) and torch.equal(p, expected[1].to(dtype))
    assert residual_energy(TALL.to(dtype)).dtype == torch.float32
