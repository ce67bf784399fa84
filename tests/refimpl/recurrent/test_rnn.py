"""What is special to the simple recurrent network: the drop-in interface, the product of Jacobians, causality, both backward ways."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from refimpl.recurrent import rnn
from refimpl.recurrent.one_state import widened
from refimpl.recurrent.rnn import RNN, rnn_layer
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error
from tests.refimpl.harness.recurrent import (
    LONG,
    check_half_runs_in_float32,
    check_loop_runs_again_for_second_derivatives_alone,
    check_no_future,
    check_nothing_is_kept_without_gradients,
    gap_between_backwards,
)
from tests.refimpl.recurrent.cases_rnn import METHOD, layer

MODULE = "refimpl.recurrent.rnn"
OPTIONS = [{}, {"nonlinearity": "relu", "num_layers": 3, "dropout": 0.3}, {"bidirectional": True, "batch_first": True}, {"bias": False}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_drops_in_for_torch(options, record):
    """A seed gives PyTorch's parameters; with them come its outputs."""
    torch.manual_seed(3)
    ours = RNN(3, 5, **options).eval()
    torch.manual_seed(3)
    theirs = nn.RNN(3, 5, **options).eval()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    ours, theirs = ours.double(), theirs.double()
    worst = 0.0
    for x in (LONG, LONG[:, 1], LONG[:, :1]):
        (y, h), (y2, h2) = ours(x), theirs(x)
        worst = max(worst, error(y, y2), error(h, h2))
    record(METHOD, MODULE, f"evaluation with {options or 'defaults'}", "torch.nn.RNN", error=worst, tolerance=1e-12, dtype=torch.float64)


def test_gradient_is_the_product_of_jacobians(record):
    """dh_T / dh_0 = product over steps of diag(1 - h_k^2) U, latest step on the left."""
    projected, u = randn(6, 1, 4, seed=1), randn(4, 4, seed=2)
    h0 = randn(1, 4, seed=3)
    product = torch.eye(4, dtype=torch.float64)
    for h in rnn_layer(projected, h0, u)[:, 0]:
        product = torch.diag(1 - h**2) @ u @ product
    jacobian = torch.autograd.functional.jacobian(lambda h: rnn_layer(projected, h, u)[-1, 0], h0)[:, 0]
    gap = error(jacobian, product)
    record(METHOD, MODULE, "dh_T / dh_0", "product of Jacobians", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(4,4)")


def test_outputs_do_not_see_the_future():
    check_no_future(RNN)


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_both_ways_of_the_backward_agree(nonlinearity, record):
    """The derived backward, and the differentiable one that takes its place where second derivatives are wanted."""
    arguments = [v.requires_grad_() for v in layer(100).args]
    gap = gap_between_backwards(rnn_layer, arguments, nonlinearity)
    record(METHOD, MODULE, f"gradients, {nonlinearity}", "autograd through the loop", error=gap, tolerance=1e-12, dtype=torch.float64)


def test_backward_runs_the_loop_again_only_for_second_derivatives(monkeypatch):
    check_loop_runs_again_for_second_derivatives_alone(monkeypatch, rnn, "_states", RNN)


def test_evaluation_without_gradients_keeps_nothing(monkeypatch):
    check_nothing_is_kept_without_gradients(monkeypatch, rnn, RNN)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_recurrence_runs_in_float32(dtype):
    check_half_runs_in_float32(rnn_layer, 1, dtype)


def test_the_first_tensor_says_how_wide_a_layer_computes():
    half, double = torch.zeros(2, dtype=torch.bfloat16), torch.zeros(2, dtype=torch.float64)
    assert [v.dtype for v in widened(half, double)] == [torch.float32, torch.float32]
    assert [v.dtype for v in widened(double, half)] == [torch.float64, torch.float64]


def test_representation_and_factory_arguments():
    assert repr(RNN(3, 4)) == "RNN(3, 4)"
    assert repr(RNN(3, 4, 2, "relu", False, True, 0.5, True)) == (
        "RNN(3, 4, num_layers=2, bias=False, batch_first=True, dropout=0.5, bidirectional=True, nonlinearity=relu)"
    )
    assert RNN(2, 3, dtype=torch.float16).weight_hh_l0.dtype == torch.float16
    assert RNN(2, 3, device="meta").weight_hh_l0.device.type == "meta"
