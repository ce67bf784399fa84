"""What is special to LeCun's initialization: the drawn numbers, the variance kept through a layer, the activation's fixed point."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from refimpl.training.lecun import lecun_normal_, lecun_uniform_, scaled_tanh
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error
from tests.refimpl.training.cases_lecun import METHOD

MODULE = "refimpl.training.lecun"
PAIRS = [(lecun_normal_, nn.init.kaiming_normal_), (lecun_uniform_, nn.init.kaiming_uniform_)]
SHAPES = [(7, 5), (4, 3, 2, 5), (1, 1), (6, 2, 3), (5, 0)]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_same_numbers_as_torch(ours, theirs, dtype, record):
    """He's initialization of PyTorch for a linear layer, from the same generator, bit for bit."""
    worst = 0.0
    for shape in SHAPES:
        tensor = torch.empty(shape, dtype=dtype)
        if not tensor.numel():
            assert ours(tensor) is tensor
            continue
        expected = theirs(tensor.clone(), mode="fan_in", nonlinearity="linear", generator=seeded())
        assert ours(tensor, seeded()) is tensor
        worst = max(worst, error(tensor, expected))
    oracle = f"torch.nn.init.{theirs.__name__}, linear"
    record(METHOD, MODULE, f"{ours.__name__}: weights from the same generator", oracle, error=worst, tolerance=0.0, dtype=dtype)


@pytest.mark.parametrize(("ours", "_theirs"), PAIRS)
def test_variance_is_kept(ours, _theirs, record):
    """Over 4,000 units the variance of the weighted sum is 1 within 4 standard errors."""
    x = randn(1, 300, seed=3)
    x = (x - x.mean()) / x.std(correction=0)
    sums = x @ ours(torch.empty(4000, 300, dtype=torch.float64), seeded(1)).T
    gap = abs(sums.square().mean().item() - 1)
    limit = 4 * (2 / 4000) ** 0.5
    what = f"{ours.__name__}: variance of 4,000 sums"
    record(METHOD, MODULE, what, "1", error=gap, tolerance=limit, dtype=torch.float64, shapes="(4000,300)")


def test_the_global_generator_is_the_default():
    torch.manual_seed(5)
    expected = nn.init.kaiming_normal_(torch.empty(4, 3), nonlinearity="linear")
    torch.manual_seed(5)
    assert torch.equal(lecun_normal_(torch.empty(4, 3)), expected)


def test_activation_at_one(record):
    """f(1) = 1 and f(-1) = -1, to the four digits of the constant."""
    one = torch.tensor([1.0, -1.0], dtype=torch.float64)
    gap = error(scaled_tanh(one), one)
    record(METHOD, MODULE, "f(1) = 1, f(-1) = -1", "the paper", error=gap, tolerance=5e-5, dtype=torch.float64, shapes="(2,)")


def test_effective_gain_is_near_one():
    """Section 4.4: unit variance in, about unit variance out."""
    assert scaled_tanh(randn(100_000, seed=4)).var().item() == pytest.approx(1.0, abs=0.35)
