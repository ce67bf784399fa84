"""What is special to JANET: the GRU it is a part of, gates open and shut, chrono initialization, both backward ways."""

from __future__ import annotations

import pytest
import torch

from refimpl.recurrent import janet
from refimpl.recurrent.janet import JANET, janet_layer
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.harness.recurrent import (
    LONG,
    check_half_runs_in_float32,
    check_loop_runs_again_for_second_derivatives_alone,
    check_no_future,
    check_nothing_is_kept_without_gradients,
    gap_between_backwards,
)
from tests.refimpl.recurrent.cases_janet import METHOD, layer

MODULE = "refimpl.recurrent.janet"


def test_beta_zero_is_a_gru_without_reset_gate(record):
    """torch.gru with its reset gate held open: h = z h + (1 - z) n."""
    ours = randomize(JANET(3, 4, beta=0.0))
    p = dict(ours.named_parameters())
    gru = torch.nn.GRU(3, 4).double()
    with torch.no_grad():
        for name, value in gru.named_parameters():
            value[:4] = 100.0 if name == "bias_ih_l0" else 0.0
            value[4:] = p[name]
    y, h = ours(LONG)
    expected, last = gru(LONG)
    gap = max(error(y, expected), error(h, last))
    record(
        METHOD,
        MODULE,
        "beta = 0",
        "torch.nn.GRU with its reset gate open",
        error=gap,
        tolerance=1e-12,
        dtype=torch.float64,
        shapes="(17,5,3)",
    )


def test_gates_open_and_shut(record):
    """An open gate keeps the state, a shut one writes the candidate."""
    h0, n = randn(2, 3, seed=1), randn(5, 2, 3, seed=2)
    u = torch.zeros(6, 3, dtype=torch.float64)
    kept = janet_layer(torch.cat((torch.full_like(n, 1e3), n), 2), h0, u)
    record(METHOD, MODULE, "gate at 1", "the initial state", error=error(kept, h0.expand(5, 2, 3)), tolerance=0.0, dtype=torch.float64)
    written = janet_layer(torch.cat((torch.full_like(n, -1e3), n), 2), h0, u)
    record(METHOD, MODULE, "gate at 0", "tanh of the input", error=error(written, n.tanh()), tolerance=1e-14, dtype=torch.float64)


def test_beta_writes_more_than_is_forgotten():
    """With s = 0: half is kept, sigmoid(beta) is written."""
    s = torch.zeros(1, 1, 1, dtype=torch.float64)
    h = janet_layer(torch.cat((s, s + 9e9), 2), torch.ones(1, 1).double(), torch.zeros(2, 1).double())
    assert h.item() == pytest.approx(0.5 + torch.sigmoid(torch.tensor(1.0)).item(), rel=1e-6)
    assert JANET(3, 4).beta == 1.0


def test_chrono_initialization():
    """b_s = log(u) with u uniform in [1, T_max - 1], within 4 standard errors; all other biases are zero; T_max = 2 gives b_s = 0."""
    torch.manual_seed(0)
    model = JANET(3, 2000, 1, longest=101)
    u = model.bias_ih_l0[:2000].detach().exp()
    assert u.min() >= 1 and u.max() <= 100.001
    assert abs(u.mean().item() - 50.5) < 4 * 99 / (12 * 2000) ** 0.5
    assert not model.bias_ih_l0[2000:].any() and not model.bias_hh_l0.any()
    assert model.weight_hh_l0.std() > 0
    assert not JANET(3, 5, 2, bidirectional=True, longest=2).bias_ih_l1_reverse.any()
    assert JANET(3, 4).bias_hh_l0.abs().max() > 0


def test_outputs_do_not_see_the_future():
    check_no_future(JANET)


def test_both_ways_of_the_backward_agree(record):
    """The derived backward, and the differentiable one that takes its place where second derivatives are wanted."""
    arguments = [v.requires_grad_() for v in layer(100).args]
    gap = gap_between_backwards(janet_layer, arguments, 0.6)
    record(METHOD, MODULE, "gradients, beta 0.6", "autograd through the loop", error=gap, tolerance=1e-12, dtype=torch.float64)


def test_backward_runs_the_loop_again_only_for_second_derivatives(monkeypatch):
    check_loop_runs_again_for_second_derivatives_alone(monkeypatch, janet, "_unroll", JANET)


def test_evaluation_without_gradients_keeps_nothing(monkeypatch):
    check_nothing_is_kept_without_gradients(monkeypatch, janet, JANET)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_recurrence_runs_in_float32(dtype):
    check_half_runs_in_float32(janet_layer, 2, dtype)


def test_representation_and_factory_arguments():
    assert repr(JANET(3, 4)) == "JANET(3, 4, beta=1.0)"
    shown = repr(JANET(3, 4, 2, True, True, 0.5, True, beta=0.5, longest=9))
    assert shown == "JANET(3, 4, num_layers=2, batch_first=True, dropout=0.5, bidirectional=True, beta=0.5, longest=9)"
    assert JANET(2, 3, dtype=torch.float16).weight_hh_l0.dtype == torch.float16
    assert JANET(2, 3, device="meta").weight_hh_l0.device.type == "meta"
