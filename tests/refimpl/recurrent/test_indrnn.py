"""What is special to the IndRNN: its gradient through time and the bound on it, independence of the units, the diagonal network."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import nn

from refimpl.recurrent.indrnn import IndRNN, indrnn_layer, recurrent_bound
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.harness.recurrent import LONG, check_no_future
from tests.refimpl.recurrent.cases_indrnn import METHOD

MODULE = "refimpl.recurrent.indrnn"


def test_is_a_network_with_diagonal_matrices(record):
    """``torch.nn.RNN`` takes its state dict once the recurrent weights are made diagonal matrices."""
    ours = randomize(IndRNN(3, 4, 2, bidirectional=True))
    theirs = nn.RNN(3, 4, 2, "relu", bidirectional=True).double()
    theirs.load_state_dict({k: torch.diag(v[0]) if "weight_hh" in k else v for k, v in ours.state_dict().items()})
    gap = max(error(a, b) for a, b in zip(ours(LONG), theirs(LONG), strict=True))
    record(METHOD, MODULE, "two layers in both directions", "torch.nn.RNN", error=gap, tolerance=1e-12, dtype=torch.float64)


@pytest.mark.parametrize("nonlinearity", ["relu", "tanh"])
def test_gradient_is_a_product_of_numbers(nonlinearity, record):
    """dh_T / dh_0 = product over steps of u f'(a_k), for each unit alone."""
    projected, u, h0 = randn(6, 1, 4, seed=1).abs(), randn(4, seed=2).abs(), randn(1, 4, seed=3).abs()
    product = torch.ones(4, dtype=torch.float64)
    for h in indrnn_layer(projected, h0, u, nonlinearity)[:, 0]:
        product = product * u * ((h > 0) if nonlinearity == "relu" else 1 - h**2)
    jacobian = torch.autograd.functional.jacobian(lambda h: indrnn_layer(projected, h, u, nonlinearity)[-1, 0], h0)[:, 0]
    gap = error(jacobian, torch.diag(product))
    assert product.min() > 0
    record(METHOD, MODULE, f"dh_T / dh_0, {nonlinearity}", "product", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(4,4)")


def test_weights_at_the_bound_let_the_gradient_grow_gamma_times(record):
    length, gamma = 50, 3.0
    h0 = torch.ones(1, 1, dtype=torch.float64, requires_grad=True)
    u = torch.tensor([recurrent_bound(length, gamma)], dtype=torch.float64)
    (slope,) = torch.autograd.grad(indrnn_layer(torch.ones(length, 1, 1).double(), h0, u)[-1].sum(), h0)
    gap = abs(slope.item() - gamma) / gamma
    record(METHOD, MODULE, "gradient over 50 steps at the bound", "gamma", error=gap, tolerance=1e-13, dtype=torch.float64)
    assert recurrent_bound(1) == 2.0 and recurrent_bound(4, 16.0) == 2.0 and recurrent_bound(2, 0.25) == 0.5


def test_clipping_touches_recurrent_weights_alone():
    model = randomize(IndRNN(3, 6, 2, bidirectional=True))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    model.clip_recurrent_weights(0.5)
    assert len(model.recurrent_weights()) == 4
    for name, value in model.state_dict().items():
        expected = before[name].clamp(-0.5, 0.5) if name.startswith("weight_hh") else before[name]
        assert torch.equal(value, expected)
    assert all(u.min() == -0.5 or u.max() == 0.5 for u in model.recurrent_weights())


def test_units_are_independent():
    """A unit's state does not depend on where the others start."""
    projected, u = randn(5, 1, 3, seed=1), torch.tensor([0.5, -0.8, 1.1]).double()
    jacobian = torch.autograd.functional.jacobian(lambda h: indrnn_layer(projected, h, u, "tanh")[-1, 0], randn(1, 3, seed=2))[:, 0]
    assert torch.count_nonzero(jacobian - torch.diag(jacobian.diag())) == 0 < jacobian.diag().abs().min()


def test_outputs_do_not_see_the_future():
    check_no_future(lambda *args, **options: IndRNN(*args, nonlinearity="tanh", **options))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_recurrence_runs_in_float32(dtype):
    low = [v.to(dtype) for v in (randn(40, 2, 3, seed=1), randn(2, 3, seed=2), randn(3, seed=3).clamp(-1, 1))]
    ours, expected = indrnn_layer(*low), indrnn_layer(*(v.float() for v in low))
    assert ours.dtype == dtype and torch.equal(ours, expected.to(dtype))


def test_initialization_and_defaults():
    torch.manual_seed(0)
    model = IndRNN(2, 400, 2, bidirectional=True)
    for name, value in model.state_dict().items():
        low, high = (0.0, 1.0) if name.startswith("weight_hh") else (-0.05, 0.05)
        assert low <= value.min() < low + 0.05 * (high - low) and high - 0.05 * (high - low) < value.max() <= high
    assert model.weight_hh_l0.shape == (1, 400)
    defaults = {k: v.default for k, v in inspect.signature(IndRNN).parameters.items()}
    expected = {"num_layers": 1, "nonlinearity": "relu", "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
    assert {k: defaults[k] for k in expected} == expected
    assert repr(IndRNN(3, 4)) == "IndRNN(3, 4)"
    assert repr(IndRNN(3, 4, 2, "tanh")) == "IndRNN(3, 4, num_layers=2, nonlinearity=tanh)"
    arguments = randn(3, 2, 4, seed=1), randn(2, 4, seed=2), randn(4, seed=3)
    assert torch.equal(indrnn_layer(*arguments), indrnn_layer(*arguments, "relu"))
    assert {v.dtype for v in IndRNN(2, 3, dtype=torch.float16).state_dict().values()} == {torch.float16}
    assert {v.device.type for v in IndRNN(2, 3, device="meta").state_dict().values()} == {"meta"}
