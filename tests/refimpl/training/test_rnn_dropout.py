"""What is special to dropout on non-recurrent connections: how often a signal is dropped, and that time is left alone."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import nn

from refimpl.recurrent import stack
from refimpl.recurrent.lstm import LSTM
from refimpl.training import rnn_dropout
from refimpl.training.rnn_dropout import DropoutLSTM
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.training.cases_rnn_dropout import METHOD

MODULE = "refimpl.training.rnn_dropout"


@pytest.mark.parametrize("layers", [1, 3])
def test_a_signal_crosses_as_many_masks_as_layers_and_one_more(layers, monkeypatch, record):
    """Around zero an LSTM without bias is linear. With D replaced by a factor 1/2, the slope of every output by every
    earlier input is 2^-(layers + 1) of what it was, however many steps lie between them."""
    model = randomize(DropoutLSTM(2, 3, layers, bias=False))
    zeros = torch.zeros(6, 2, dtype=torch.float64)
    plain = torch.autograd.functional.jacobian(lambda x: model.eval()(x)[0], zeros)
    for owner, name in ((stack.F, "dropout"), (rnn_dropout, "dropout")):
        monkeypatch.setattr(owner, name, lambda x, *_: x / 2)
    halved = torch.autograd.functional.jacobian(lambda x: model.train()(x)[0], zeros)
    gap = error(halved, plain / 2 ** (layers + 1))
    record(METHOD, MODULE, f"slopes through {layers} layers", "2^-(L + 1)", error=gap, tolerance=1e-14, dtype=zeros.dtype)
    assert plain[5, :, 0].abs().min() > 0


def test_the_path_through_time_is_never_dropped():
    """Where everything is dropped, the states move as those of an LSTM of one layer that reads zeros."""
    model = randomize(DropoutLSTM(3, 4, dropout=1.0))
    plain = LSTM(3, 4).double()
    plain.load_state_dict(model.state_dict())
    x, state = randn(7, 2, 3, seed=1), (randn(1, 2, 4, seed=2), randn(1, 2, 4, seed=3))
    y, final = model(x, state)
    _, expected = plain(0 * x, state)
    assert not y.any() and all(torch.equal(a, e) for a, e in zip(final, expected, strict=True))


def test_masks_are_fresh_at_each_step_and_call():
    model = randomize(DropoutLSTM(3, 40))
    y = model(randn(9, 1, 3, seed=1))[0].squeeze(1)
    dropped = (y == 0).double()
    assert 0.35 < dropped.mean() < 0.65 and len({tuple(row.tolist()) for row in dropped}) == 9
    assert not torch.equal(model(randn(9, 1, 3, seed=1))[0].squeeze(1), y)


def test_drops_in_for_torch():
    ours = inspect.signature(DropoutLSTM).parameters
    assert list(ours)[:3] == ["input_size", "hidden_size", "num_layers"] and ours["dropout"].default == 0.5
    for options in ({}, {"num_layers": 2, "bidirectional": True, "bias": False}):
        assert {k: v.shape for k, v in DropoutLSTM(3, 4, **options).state_dict().items()} == {
            k: v.shape for k, v in nn.LSTM(3, 4, **options).state_dict().items()
        }
    model = DropoutLSTM(3, 4, device="meta", dtype=torch.float16)
    assert {(p.device.type, p.dtype) for p in model.parameters()} == {("meta", torch.float16)}
    x = randn(4, 2, 3, seed=1)
    plain = nn.LSTM(3, 4, batch_first=True).double()
    ours = DropoutLSTM(3, 4, batch_first=True).double().eval()
    ours.load_state_dict(plain.state_dict())
    assert error(ours(x)[0], plain(x)[0]) < 1e-14
