"""What is special to the ON-LSTM: monotone master gates, the LSTM as a special case, distances and trees."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import nn

from refimpl.recurrent.on_lstm import ONLSTM, cumax, on_lstm_layer, parse
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.recurrent.cases_on_lstm import METHOD, X, layer

MODULE = "refimpl.recurrent.on_lstm"


def test_cumax_rises_to_one():
    y = cumax(5 * randn(40, 7, seed=1))
    assert (y.diff(dim=1) >= 0).all() and y.min() > 0
    assert error(y[:, -1], torch.ones(40)) < 1e-14
    assert error(cumax(torch.zeros(4)), torch.tensor([0.25, 0.5, 0.75, 1.0])) < 1e-7
    assert torch.equal(cumax(y), cumax(y, -1)) and error(cumax(y.t(), 0).t(), cumax(y)) < 1e-15


def test_open_master_gates_give_an_lstm(record):
    """A master input gate is never one at the last chunk; where nothing reads that chunk, the others are those of an LSTM."""
    ours, theirs = randomize(ONLSTM(3, 6, chunk_size=2)), nn.LSTM(3, 6).double()
    with torch.no_grad():
        for name in ("weight_ih_l0", "weight_hh_l0"):
            getattr(ours, name)[:6].zero_()
        ours.weight_hh_l0[:, 4:] = 0.0  # what the last chunk shows is not read
        ours.bias_hh_l0[:6].zero_()
        ours.bias_ih_l0[:6] = torch.tensor([-80.0, -80, 80, 80, -80, -80])  # I: split at the end; F: at the beginning
    theirs.load_state_dict({k: v[6:] for k, v in ours.state_dict().items()})
    hx = randn(1, 2, 6, seed=2), randn(1, 2, 6, seed=3)
    (y, (_, c)), (expected, _) = ours(X, hx), theirs(X, hx)
    gap = error(y[..., :4], expected[..., :4])
    record(METHOD, MODULE, "open master gates", "torch.nn.LSTM", error=gap, tolerance=1e-12, dtype=torch.float64)
    assert error(c[..., 4:], hx[1][..., 4:]) < 1e-12  # the last chunk keeps its cell and writes nothing


@pytest.mark.parametrize("split", [1, 2, 3])
def test_a_sharp_split_divides_what_is_kept_from_what_is_erased(split):
    """A master forget gate that splits at a chunk erases those before it; a master input gate writes into those before its split."""
    height = 2 * 3 + 4 * 3
    projected, weight = torch.zeros(1, 1, height).double(), torch.zeros(height, 3).double()
    projected[0, 0, split - 1] = projected[0, 0, 3 + split - 1] = 200.0
    projected[0, 0, 12:15] = 0.7  # the candidate
    c0 = torch.tensor([[1.0, 2.0, 3.0]]).double()
    _, c, distance = on_lstm_layer(projected, torch.zeros(1, 3).double(), c0, weight, 3)
    new = torch.tanh(torch.tensor(0.7, dtype=torch.float64))
    expected = torch.where(torch.arange(1, 4) < split, new, c0[0])
    assert error(c[0, 0], expected) < 1e-12
    assert distance.item() == pytest.approx(split, abs=1e-12)


def test_gates_act_where_the_master_gates_overlap():
    """Both splits in the middle of uniform gates: by hand for two chunks. F = 1/2, 1 and I = 1/2, 0."""
    height = 2 * 2 + 4 * 2
    projected = torch.zeros(1, 1, height).double()
    projected[0, 0, 8:10] = 1.0  # the candidate; i = f = 1/2
    _, c, distance = on_lstm_layer(
        projected, torch.zeros(1, 2).double(), torch.tensor([[2.0, 4.0]]).double(), torch.zeros(height, 2).double(), 2
    )
    g = torch.tanh(torch.tensor(1.0, dtype=torch.float64))
    expected = torch.stack((0.375 * 2 + 0.375 * g, torch.tensor(4.0, dtype=torch.float64)))
    assert error(c[0, 0], expected) < 1e-14 and distance.item() == pytest.approx(1.5)


def test_distances_are_expected_splits(record):
    """The distance lies in [1, M], and is the mean of k under the softmax whose running sum the gate is."""
    model = randomize(ONLSTM(3, 6, 2, chunk_size=2))
    found = model.distances(X)
    assert found.shape == (2, 4, 2) and found.min() > 1 and found.max() < 3
    h, _ = model(X)
    first = X @ model.weight_ih_l0[3:6].t() + model.bias_ih_l0[3:6] + model.bias_hh_l0[3:6]  # at the first step h is zero
    expected = (first[0].softmax(1) * torch.arange(1, 4)).sum(1)
    record(METHOD, MODULE, "distance of the first step", "mean under the softmax", error=error(found[0, 0], expected), tolerance=1e-13)
    assert torch.equal(model(X)[0], h) and not model.recurrence._forward_hooks
    carried = model.distances(X[2:], model(X[:2])[1])
    assert error(carried, found[:, 2:]) < 1e-13


def test_trees_by_hand():
    assert parse([1], ["a"]) == "a"
    assert parse([0, 1], "ab") == ("a", "b") == parse([1, 0], "ab")
    assert parse([9, 3, 2, 1], "abcd") == ("a", ("b", ("c", "d")))
    assert parse([1, 2, 3, 9], "abcd") == ((("a", "b"), "c"), "d")
    assert parse([0, 1, 5, 2, 3], "abcde") == (("a", "b"), ("c", ("d", "e")))
    assert parse([1, 1, 1], "abc") == ("a", ("b", "c"))  # the first of equals
    assert parse([0, 5, 1, 2], "abcd") == ("a", ("b", ("c", "d")))


def test_outputs_do_not_see_the_future():
    x = randn(9, 2, 3, seed=1).requires_grad_()
    (slope,) = torch.autograd.grad(randomize(ONLSTM(3, 4, 2))(x)[0][4].sum(), x)
    assert slope[5:].abs().max() == 0 < slope[:5].abs().min()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_recurrence_runs_in_float32(dtype):
    *low, chunks = layer(0, 20, 2, 4, 2).args
    low = [v.to(dtype) for v in low]
    for ours, expected in zip(on_lstm_layer(*low, chunks), on_lstm_layer(*(v.float() for v in low), chunks), strict=True):
        assert ours.dtype == dtype and torch.equal(ours, expected.to(dtype))


def test_shapes_and_defaults():
    model = ONLSTM(3, 6, chunk_size=3)
    assert {k: tuple(v.shape) for k, v in model.state_dict().items()} == {
        "weight_ih_l0": (28, 3),
        "weight_hh_l0": (28, 6),
        "bias_ih_l0": (28,),
        "bias_hh_l0": (28,),
    }
    assert repr(ONLSTM(3, 6)).startswith("ONLSTM(\n  3, 6, chunk_size=1")
    defaults = {k: v.default for k, v in inspect.signature(ONLSTM).parameters.items()}
    expected = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False, "chunk_size": 1}
    assert {k: defaults[k] for k in expected} == expected
    assert ONLSTM(1, 1)(torch.zeros(1, 1, 1))[0].shape == (1, 1, 1)
    assert {v.dtype for v in ONLSTM(2, 3, dtype=torch.float16).state_dict().values()} == {torch.float16}
    assert {v.device.type for v in ONLSTM(2, 3, device="meta").state_dict().values()} == {"meta"}
