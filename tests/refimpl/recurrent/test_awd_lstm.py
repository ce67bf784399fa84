"""What is special to the AWD-LSTM: what each mask covers, evaluation without noise, tying, penalties, initialization."""

from __future__ import annotations

import inspect
import math

import pytest
import torch
from torch import nn

from refimpl.recurrent.awd_lstm import AWDLSTM, WeightDropLSTM, activation_penalty, embedding_dropout, locked_dropout, temporal_penalty
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.recurrent.cases_awd_lstm import METHOD, WORDS, X

MODULE = "refimpl.recurrent.awd_lstm"


def test_one_mask_for_all_steps_and_another_for_each_sequence():
    y = locked_dropout(torch.ones(6, 50, 40), 0.3)
    assert torch.equal(y, y[:1].expand_as(y))
    assert not torch.equal(y[0, 0], y[0, 1])
    kept = (y[0] > 0).double()
    assert torch.allclose(y[0][y[0] > 0], torch.tensor(1 / 0.7))
    assert abs(kept.mean().item() - 0.7) < 4 * math.sqrt(0.21 / kept.numel())
    assert locked_dropout(X, 0.3, False) is X and locked_dropout(X, 0.0) is X


def test_a_dropped_word_is_dropped_wherever_it_occurs():
    words = torch.arange(2000).repeat(2)
    y = embedding_dropout(words, torch.ones(2000, 3), 0.2)
    assert torch.equal(y[:2000], y[2000:]) and torch.equal(y, y[:, :1].expand_as(y))
    assert sorted(set(y.flatten().tolist())) == [0.0, 1.25]
    assert abs((y[:2000, 0] > 0).double().mean().item() - 0.8) < 4 * math.sqrt(0.16 / 2000)
    weight = randn(5, 3, seed=1)
    for rows in (embedding_dropout(WORDS, weight, 0.2, False), embedding_dropout(WORDS, weight, 0.0)):
        assert torch.equal(rows, weight[WORDS])


def test_generators_are_used():
    for f in (lambda g: locked_dropout(X, 0.5, generator=g), lambda g: embedding_dropout(WORDS, X[0].repeat(5, 1), 0.5, generator=g)):
        first, second = (f(torch.Generator().manual_seed(3)) for _ in range(2))
        assert torch.equal(first, second)


def test_weights_are_dropped_in_training_alone(record):
    """In evaluation it is ``torch.nn.LSTM``; with every recurrent weight dropped the steps are independent but for the cell."""
    ours, theirs = randomize(WeightDropLSTM(3, 4, 2, dropout=0.0)), nn.LSTM(3, 4, 2).double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    assert error(ours(X)[0], theirs(X)[0]) > 1e-3
    gap = error(ours.eval()(X)[0], theirs(X)[0])
    record(METHOD, MODULE, "weight drop in evaluation", "torch.nn.LSTM", error=gap, tolerance=1e-12, dtype=torch.float64)
    shut = randomize(WeightDropLSTM(3, 4, weight_dropout=1.0))
    plain = randomize(WeightDropLSTM(3, 4, weight_dropout=0.0))
    nn.init.zeros_(plain.weight_hh_l0)
    assert error(shut(X)[0], plain(X)[0]) < 1e-14


def test_weight_mask_is_the_same_at_all_steps():
    """A dropped weight has no gradient from any of ten steps."""
    torch.manual_seed(0)
    layer = randomize(WeightDropLSTM(3, 4, weight_dropout=0.5))
    y, _ = layer(torch.cat((X, X)))
    (slope,) = torch.autograd.grad(y.sum(), layer.weight_hh_l0)
    share = (slope == 0).double().mean().item()
    assert abs(share - 0.5) < 4 * math.sqrt(0.25 / slope.numel())


def test_penalties_by_hand():
    h = torch.tensor([[[1.0, 2.0]], [[3.0, -1.0]], [[3.0, 0.0]]])
    assert activation_penalty(h, 3.0).item() == pytest.approx(3 * (1 + 4 + 9 + 1 + 9) / 6)
    assert temporal_penalty(h, 3.0).item() == pytest.approx(3 * (4 + 9 + 0 + 1) / 4)
    assert temporal_penalty(h[:1]).item() == 0.0
    assert activation_penalty(h) == activation_penalty(h, 2.0) and temporal_penalty(h) == temporal_penalty(h, 1.0)


def test_evaluation_has_no_noise_and_text_may_come_in_pieces():
    model = randomize(AWDLSTM(5, 3, 4, 3)).eval()
    logits, dropped, raw, _ = model(WORDS)
    assert torch.equal(dropped, raw)
    first, _, _, states = model(WORDS[:1])
    second, *_ = model(WORDS[1:], states)
    assert error(torch.cat((first, second)), logits) < 1e-14
    quiet = randomize(AWDLSTM(5, 3, 4, 3, 0.0, 0.0, 0.0, 0.0, 0.0))
    assert error(quiet(WORDS)[0], logits) == 0


@pytest.mark.parametrize("rate", ["dropout", "dropouth", "dropouti", "dropoute", "wdrop"])
def test_each_rate_acts_where_it_says(rate):
    """With one rate at 1: nothing but the bias is left of the logits, or what enters a layer is zero."""
    rates = dict.fromkeys(("dropout", "dropouth", "dropouti", "dropoute", "wdrop"), 0.0) | {rate: 1.0}
    model = randomize(AWDLSTM(5, 3, 4, 2, **rates))
    logits, dropped, raw, states = model(WORDS)
    other, _, _, others = model((WORDS + 1) % 5)
    depends = [not torch.equal(a[0], b[0]) for a, b in zip(states, others, strict=True)]
    assert depends == {"dropouti": [False, False], "dropoute": [False, False], "dropouth": [True, False]}.get(rate, [True, True])
    assert bool(dropped.any()) is (rate != "dropout") and raw.any()
    assert torch.equal(logits, other) is (rate not in ("wdrop",))


def test_tying_sizes_and_initialization():
    torch.manual_seed(0)
    tied, apart = AWDLSTM(50, 20, 30), AWDLSTM(50, 20, 30, tie_weights=False)
    assert tied.decoder.weight is tied.encoder.weight and apart.decoder.weight is not apart.encoder.weight
    assert [(r.input_size, r.hidden_size) for r in tied.rnns] == [(20, 30), (30, 30), (30, 20)]
    assert [(r.input_size, r.hidden_size) for r in apart.rnns] == [(20, 30), (30, 30), (30, 30)]
    assert [(r.input_size, r.hidden_size) for r in AWDLSTM(5, 3, 4, 1).rnns] == [(3, 3)]
    assert AWDLSTM(5, 3, 4, 1, tie_weights=False)(WORDS)[0].shape == (4, 2, 5)
    for weight in (tied.encoder.weight, apart.encoder.weight, apart.decoder.weight):
        assert 0.095 < weight.max() <= 0.1 and -0.1 <= weight.min() < -0.095
    assert not apart.decoder.bias.any()
    for rnn in apart.rnns:
        bound = 1 / math.sqrt(rnn.hidden_size)
        assert all(0.8 * bound < value.abs().max() <= bound for value in rnn.parameters())
    drawn = [value.clone() for value in apart.parameters()]
    apart.reset_parameters()
    assert [torch.equal(a, b) for a, b in zip(apart.parameters(), drawn, strict=True)].count(True) == 1  # the bias of the output
    defaults = {k: v.default for k, v in inspect.signature(AWDLSTM).parameters.items()}
    expected = {"ninp": 400, "nhid": 1150, "nlayers": 3, "dropout": 0.4, "dropouth": 0.3, "dropouti": 0.4, "dropoute": 0.1, "wdrop": 0.5}
    assert {k: defaults[k] for k in expected} == expected and defaults["tie_weights"] is True
    assert {rnn.weight_dropout for rnn in tied.rnns} == {0.5}
    assert tied.extra_repr() == "dropout=0.4, dropouth=0.3, dropouti=0.4, dropoute=0.1"
    assert repr(WeightDropLSTM(3, 4)) == "WeightDropLSTM(3, 4, weight_dropout=0.5)"
    assert inspect.signature(locked_dropout).parameters["p"].default == 0.5
    assert inspect.signature(embedding_dropout).parameters["p"].default == 0.1
    assert {v.dtype for v in AWDLSTM(5, 2, 3, dtype=torch.float16).state_dict().values()} == {torch.float16}
    assert {v.device.type for v in AWDLSTM(5, 2, 3, device="meta").state_dict().values()} == {"meta"}
