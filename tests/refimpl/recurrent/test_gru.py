"""What is special to the gated recurrent unit: the drop-in interface, gates open and shut, causality, both backward ways."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from refimpl.recurrent import gru
from refimpl.recurrent.gru import GRU, gru_layer
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
from tests.refimpl.recurrent.cases_gru import METHOD, layer

MODULE = "refimpl.recurrent.gru"
OPTIONS = [{}, {"num_layers": 3, "dropout": 0.3}, {"bidirectional": True, "num_layers": 2, "batch_first": True}, {"bias": False}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_drops_in_for_torch(options, record):
    """A seed gives PyTorch's parameters; with them come its outputs."""
    torch.manual_seed(3)
    ours = GRU(3, 5, **options).eval()
    torch.manual_seed(3)
    theirs = nn.GRU(3, 5, **options).eval()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    ours, theirs = ours.double(), theirs.double()
    worst = 0.0
    for x in (LONG, LONG[:, 1], LONG[:, :1]):
        (y, h), (y2, h2) = ours(x), theirs(x)
        worst = max(worst, error(y, y2), error(h, h2))
    record(METHOD, MODULE, f"evaluation with {options or 'defaults'}", "torch.nn.GRU", error=worst, tolerance=1e-12, dtype=torch.float64)


def test_gates_open_and_shut(record):
    """z at 1 keeps the state; z at 0 and r at 0 forget it; z at 0 and r at 1 are the simple recurrent network."""
    h0, u = randn(2, 3, seed=1), randn(9, 3, seed=2)
    n = randn(5, 2, 3, seed=3)

    def with_gates(r, z):
        gates = torch.full((5, 2, 3), 1.0, dtype=torch.float64)
        return gru_layer(torch.cat((r * gates, z * gates, n), 2), h0, torch.cat((0 * u[:6], u[6:])))

    kept = with_gates(0.0, 1e3)
    gap = error(kept, h0.expand(5, 2, 3))
    record(METHOD, MODULE, "update gate at 1", "the initial state", error=gap, tolerance=0.0, dtype=torch.float64, shapes="(5,2,3)")
    forgetful = with_gates(-1e3, -1e3)
    record(METHOD, MODULE, "both gates at 0", "tanh of the input", error=error(forgetful, n.tanh()), tolerance=1e-14, dtype=torch.float64)
    simple, h = [], h0
    for a in n:
        h = torch.tanh(a + h @ u[6:].T)
        simple.append(h)
    gap = error(with_gates(1e3, -1e3), torch.stack(simple))
    record(
        METHOD, MODULE, "update gate at 0, reset gate at 1", "a simple recurrent network", error=gap, tolerance=1e-14, dtype=torch.float64
    )


def test_reset_acts_after_the_product():
    """The candidate's recurrent bias is multiplied by the reset gate, unlike the input bias."""
    shut = torch.full((1, 1, 3), -1e3, dtype=torch.float64)
    projected = torch.cat((shut, shut, shut * 0), 2)
    bias = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    assert torch.equal(gru_layer(projected, torch.ones(1, 3).double(), torch.zeros(9, 3).double(), bias), torch.zeros(1, 1, 3).double())


def test_outputs_do_not_see_the_future():
    check_no_future(GRU)


@pytest.mark.parametrize("more", [(), (randn(3, seed=9),)], ids=["no bias", "bias"])
def test_both_ways_of_the_backward_agree(more, record):
    """The derived backward, and the differentiable one that takes its place where second derivatives are wanted."""
    arguments = [v.clone().requires_grad_() for v in layer(100, *more).args]
    gap = gap_between_backwards(gru_layer, arguments)
    what = f"gradients, {len(arguments)} inputs"
    record(METHOD, MODULE, what, "autograd through the loop", error=gap, tolerance=1e-12, dtype=torch.float64)


def test_backward_runs_the_loop_again_only_for_second_derivatives(monkeypatch):
    check_loop_runs_again_for_second_derivatives_alone(monkeypatch, gru, "_unroll", GRU)


def test_evaluation_without_gradients_keeps_nothing(monkeypatch):
    check_nothing_is_kept_without_gradients(monkeypatch, gru, GRU)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_recurrence_runs_in_float32(dtype):
    check_half_runs_in_float32(gru_layer, 3, dtype)


def test_representation_and_factory_arguments():
    assert repr(GRU(3, 4)) == "GRU(3, 4)"
    assert (
        repr(GRU(3, 4, 2, False, True, 0.5, True))
        == "GRU(3, 4, num_layers=2, bias=False, batch_first=True, dropout=0.5, bidirectional=True)"
    )
    assert repr(GRU(3, 4, bias=False, reset_after=False)) == "GRU(3, 4, bias=False, reset_after=False)"
    assert GRU(2, 3, dtype=torch.float16).weight_hh_l0.dtype == torch.float16
    assert GRU(2, 3, device="meta").weight_hh_l0.device.type == "meta"
