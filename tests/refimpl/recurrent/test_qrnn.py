"""What is special to the QRNN: its place among other recurrences, zoneout, states carried over, initialization."""

from __future__ import annotations

import inspect
import math

import pytest
import torch

from refimpl.recurrent.qrnn import QRNN, QRNNLayer, qrnn_pool
from refimpl.recurrent.sru import sru_layer
from tests.refimpl.harness.case import rand, randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.recurrent.cases_qrnn import LONG, METHOD, X

MODULE = "refimpl.recurrent.qrnn"


def test_f_pooling_is_the_cell_of_version_1_of_the_sru(record):
    z, logits, c0 = randn(13, 3, 4, seed=1), randn(13, 3, 4, seed=2), randn(3, 4, seed=3)
    _, expected = sru_layer(z, logits, torch.zeros_like(z), z, c0)
    h, c = qrnn_pool(z, logits.sigmoid(), c0=c0)
    assert torch.equal(h, c)
    record(METHOD, MODULE, "f-pooling", "cells of the SRU, version 1", error=error(c, expected), tolerance=1e-14, dtype=torch.float64)


def test_constant_candidate_is_approached_geometrically(record):
    """f-pooling of a constant z with a constant f: c_t = z + f^t (c_0 - z)."""
    z, f, c0 = torch.full((30, 1, 2), 0.7).double(), torch.full((30, 1, 2), 0.8).double(), torch.tensor([[2.0, -3.0]]).double()
    z, f = z + (0.7 - z), f + (0.8 - f)  # to the last bit of float64
    t = torch.arange(1, 31).double().view(30, 1, 1)
    expected = 0.7 + 0.8**t * (c0 - 0.7)
    h, _ = qrnn_pool(z, f, c0=c0)
    record(METHOD, MODULE, "f-pooling of a constant", "geometric series", error=error(h, expected), tolerance=1e-14, dtype=torch.float64)


def test_in_pieces_as_in_one(record):
    model = randomize(QRNN(3, 4, 2, window=3))
    whole, last = model(LONG)
    states, pieces = None, []
    for piece in LONG.split((1, 5, 2, 5)):
        h, states = model(piece, states)
        pieces.append(h)
    gap = max(
        error(torch.cat(pieces), whole), *(error(a, b) for pair in zip(states, last, strict=True) for a, b in zip(*pair, strict=True))
    )
    record(METHOD, MODULE, "sequence in four pieces", "in one", error=gap, tolerance=1e-13, dtype=torch.float64)


def test_outputs_do_not_see_the_future():
    x = LONG.clone().requires_grad_()
    (slope,) = torch.autograd.grad(randomize(QRNN(3, 4, 2, window=3))(x)[0][6].sum(), x)
    assert slope[7:].abs().max() == 0 < slope[:7].abs().amin((1, 2)).min()


def test_zoneout_keeps_whole_states():
    """In training a unit's f is 1 with probability p and as without zoneout elsewhere; in evaluation it is their mean."""
    p, h = 0.3, 20_000
    layer = QRNNLayer(2, h, zoneout=p, pooling="f").double()
    plain = QRNNLayer(2, h, pooling="f").double()
    plain.load_state_dict(layer.state_dict())
    x, c0 = randn(1, 1, 2, seed=1), randn(1, h, seed=2)
    moved, stays = plain(x, (c0, None))[0][0, 0], c0[0]
    torch.manual_seed(3)
    y = layer(x, (c0, None))[0][0, 0]
    kept, free = y == stays, (y - moved).abs() < 1e-12
    assert (kept ^ free).all()
    assert abs(kept.double().mean().item() - p) < 4 * math.sqrt(p * (1 - p) / h)
    expected = p * stays + (1 - p) * moved
    assert error(layer.eval()(x, (c0, None))[0][0, 0], expected) < 1e-13
    assert error(QRNNLayer(2, 3, zoneout=1.0).double()(X[:, :, :2])[0], torch.zeros(4, 2, 3)) == 0


def test_pooling_in_half_precision_runs_in_float32():
    for dtype in (torch.bfloat16, torch.float16):
        low = [
            randn(60, 2, 3, seed=1).to(dtype),
            *(rand(60, 2, 3, seed=j, low=0.0).to(dtype) for j in (2, 3, 4)),
            randn(2, 3, seed=5).to(dtype),
        ]
        for ours, expected in zip(qrnn_pool(*low), qrnn_pool(*(v.float() for v in low)), strict=True):
            assert ours.dtype == dtype and torch.equal(ours, expected.to(dtype))


def test_initialization_and_defaults():
    torch.manual_seed(0)
    layer = QRNNLayer(20, 50, 5)
    assert layer.weight.shape == (150, 20, 5) and layer.bias.shape == (150,)
    for values in (layer.weight.detach(), layer.bias.detach()):
        assert 0.09 < values.abs().max() <= 0.1 and values.min() < 0
    variance = layer.weight.detach().var().item() * 300  # 1 / (3 k D) for a uniform variable
    assert abs(variance - 1) < 4 * math.sqrt(0.8 / layer.weight.numel())
    assert repr(QRNNLayer(3, 4)) == "QRNNLayer(3, 4, window=2, pooling=fo, zoneout=0.0, bias=True)"
    wide = QRNN(3, 4, 2, bias=False, window=3, pooling="ifo", zoneout=0.1)
    assert [repr(layer) for layer in wide.layers] == [f"QRNNLayer({d}, 4, window=3, pooling=ifo, zoneout=0.1, bias=False)" for d in (3, 4)]
    defaults = {k: v.default for k, v in inspect.signature(QRNN).parameters.items()}
    expected = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "window": 2, "pooling": "fo", "zoneout": 0.0}
    assert {k: defaults[k] for k in expected} == expected
    assert QRNN(3, 4, dropout=0.2, batch_first=True).extra_repr() == "batch_first=True, dropout=0.2"
    QRNN(1, 1, 1, dropout=1.0)
    assert QRNNLayer(1, 1, 1)(torch.zeros(1, 1, 1))[0].shape == (1, 1, 1)


def test_dropout_acts_between_layers_in_training_alone():
    model = randomize(QRNN(3, 4, 2, dropout=1.0))
    _, states = model(LONG)
    assert states[1][1].abs().max() == 0 < states[0][0].abs().min()
    assert model.eval()(LONG)[1][1][1].abs().min() > 0


def test_autocast_and_factory_arguments():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, _ = QRNN(3, 4, 2)(X.float())  # the second layer reads bfloat16
    assert y.dtype == torch.bfloat16 and torch.isfinite(y).all()
    assert {v.dtype for v in QRNN(2, 3, dtype=torch.float16).state_dict().values()} == {torch.float16}
    assert {v.device.type for v in QRNN(2, 3, device="meta").state_dict().values()} == {"meta"}


@pytest.mark.parametrize("pooling", ["f", "fo", "ifo"])
def test_gates_open_and_shut(pooling):
    """A forget gate of 1 keeps the state, one of 0 forgets it; a shut output gate shows nothing."""
    layer = QRNNLayer(3, 4, 1, pooling).double()
    c0 = randn(2, 4, seed=1)
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.zero_()
        layer.bias[4:8] = 60.0
        if pooling == "ifo":
            layer.bias[12:] = -60.0
    _, (c, _) = layer(X, (c0, None))
    assert error(c, c0) < 1e-12
    with torch.no_grad():
        layer.bias[4:8] = -60.0
    assert layer(X, (c0, None))[1][0].abs().max() < 1e-12
    if pooling != "f":
        with torch.no_grad():
            layer.bias[:4], layer.bias[8:12] = 1.0, -60.0
        assert layer(X)[0].abs().max() < 1e-12
