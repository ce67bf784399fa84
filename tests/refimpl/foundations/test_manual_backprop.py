"""What is special to backpropagation by hand: any activation and any loss, one step of descent, the defaults."""

from __future__ import annotations

import pytest
import torch

from refimpl.foundations.activations import ACTIVATIONS
from refimpl.foundations.manual_backprop import backward, forward, loss_and_gradients
from tests.refimpl.foundations.cases_manual_backprop import DEEP, METHOD, TARGET, X
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error, tensors

MODULE = "refimpl.foundations.manual_backprop"


@pytest.mark.parametrize("activation", ["relu", "selu", "gelu", "sine"])
def test_squared_error_and_any_activation(activation, record):
    """The delta of the squared error is the difference itself."""
    weights, biases = ([t.clone().requires_grad_() for t in group] for group in DEEP)
    x, target = X.clone().requires_grad_(), randn(5, 4, seed=20)
    trace = forward(x, weights, biases, activation)
    h = x
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        h = (ACTIVATIONS[activation](h) if layer else h) @ weight.T + bias
    expected = torch.autograd.grad((h - target).square().sum() / 2, [*weights, *biases, x])
    actual = tensors(backward(trace, trace.output - target, weights, activation))
    gap = max(error(a, e) for a, e in zip(actual, expected, strict=True))
    record(METHOD, MODULE, f"squared error, {activation}", "torch.autograd", error=gap, tolerance=1e-13, dtype=torch.float64)


def test_step_along_the_gradient_lowers_the_loss_by_its_square(record):
    """To first order in the step: h^-1 (L(w) - L(w - h g)) = ||g||^2."""
    loss, gradients = loss_and_gradients(X, TARGET, *DEEP)
    moved = [[p - 1e-6 * g for p, g in zip(ps, gs, strict=True)] for ps, gs in zip(DEEP, gradients[:2], strict=True)]
    expected = sum(g.square().sum() for g in tensors(gradients[:2]))
    gap = error((loss - loss_and_gradients(X, TARGET, *moved)[0]) / 1e-6, expected)
    record(METHOD, MODULE, "a small step", "the square of the gradient", error=gap, tolerance=1e-5, dtype=torch.float64)


def test_trace_and_defaults():
    weights, biases = DEEP
    trace = forward(X, weights, biases)
    assert torch.equal(trace.inputs[0], X) and trace.output is trace.sums[-1]
    assert torch.equal(trace.inputs[1], ACTIVATIONS["sigmoid"](trace.sums[0])) and len(trace.inputs) == len(trace.sums) == 3
    delta = randn(5, 4, seed=21)
    for given, default in zip(*map(tensors, (backward(trace, delta, weights, "sigmoid"), backward(trace, delta, weights))), strict=True):
        assert torch.equal(given, default)
