"""What is special to softmax with cross-entropy: the closed-form gradient, worked values, stability."""

from __future__ import annotations

import math

import pytest
import torch

from refimpl.foundations import softmax_cross_entropy as sce
from tests.refimpl.foundations.cases_softmax_cross_entropy import METHOD, TARGET, Z, probabilities
from tests.refimpl.harness.compare import error

MODULE = "refimpl.foundations.softmax_cross_entropy"


@pytest.mark.parametrize("target", [TARGET, 1.7 * probabilities(4, 5, seed=9, dim=1)], ids=["indices", "unnormalized"])
def test_gradient_is_p_minus_t(target, record):
    z = Z.clone().requires_grad_()
    sce.cross_entropy(z, target, reduction="sum").backward()
    gap = error(sce.logits_gradient(Z, target), z.grad)
    record(METHOD, MODULE, "closed form p - t", "torch.autograd", error=gap, tolerance=1e-12, dtype=torch.float64, shapes="(4,5)")


def test_worked_value(record):
    """Logits (0.1, 0.3, 0.2) and the second of three classes, by the calculator: log(e^.1 + e^.3 + e^.2) - .3."""
    expected = math.log(math.exp(0.1) + math.exp(0.3) + math.exp(0.2)) - 0.3
    actual = sce.cross_entropy(torch.tensor([[0.1, 0.3, 0.2]], dtype=torch.float64), torch.tensor([1])).item()
    gap = abs(actual - expected)
    record(METHOD, MODULE, "worked value", "closed form", error=gap, tolerance=1e-14, dtype=torch.float64, shapes="(1,3)")


def test_probabilities_sum_to_one_and_shift_changes_nothing():
    p = sce.softmax(Z, 1)
    assert torch.allclose(p.sum(1), torch.ones(4, dtype=torch.float64), atol=1e-15)
    assert torch.allclose(sce.softmax(Z + 123.0, 1), p, atol=1e-13)


def test_log_probability_survives_underflow():
    """The probability is below the smallest float32, its logarithm is exact."""
    z = torch.tensor([[0.0, -500.0]])
    assert sce.softmax(z, 1)[0, 1] == 0
    assert sce.log_softmax(z, 1)[0, 1] == -500


def test_gradient_at_extreme_logits_is_exact():
    z = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    sce.cross_entropy(z, torch.tensor([1])).backward()
    assert z.grad.tolist() == [[1.0, -1.0, 0.0]]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_reduced_in_float32(dtype):
    z = Z.repeat(1, 200).to(dtype)
    assert torch.equal(sce.log_softmax(z, 1), sce.log_softmax(z.float(), 1).to(dtype))
