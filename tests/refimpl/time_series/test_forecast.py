"""Forecasts fed with themselves, the naive start, the scale of the training values, and a wave that is learned."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from refimpl.time_series.forecast import LSTMForecaster, forecast, mase, naive, windows
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.time_series.cases_forecast import METHOD, S

MODULE = "refimpl.time_series.forecast"


def test_windows_are_views_that_do_not_reach_into_what_follows():
    past, future = windows(S, 3, 2)
    assert past.shape == (2, 5, 3) and future.shape == (2, 5, 2)
    assert past.data_ptr() == S.data_ptr()
    assert torch.equal(past[0, 1], S[0, 1:4]) and torch.equal(future[0, 1], S[0, 4:6])


def test_a_linear_model_fed_with_itself_is_a_matrix_power(record):
    """With f(w) = c . w, k steps are the k-th power of the companion matrix."""
    weights, window = torch.tensor([0.2, -0.5, 0.9], dtype=torch.float64), randn(4, 3, seed=3)
    found = forecast(lambda w: w @ weights, window, 6)
    companion = torch.cat((torch.eye(3, dtype=torch.float64)[1:], weights[None]))
    expected = torch.stack([(window @ torch.linalg.matrix_power(companion, k).T)[:, -1] for k in range(1, 7)], 1)
    record(METHOD, MODULE, "six steps", "powers of the companion matrix", error=error(found, expected), tolerance=1e-14, dtype=window.dtype)
    for horizon in (1, 2):
        assert torch.equal(forecast(lambda w: w[:, -1], window, horizon), naive(window, horizon))


def test_a_head_of_zeros_is_the_naive_forecast():
    model = LSTMForecaster(4).double()
    nn.init.zeros_(model.head.weight)
    nn.init.zeros_(model.head.bias)
    model.fit_scale(S)
    assert torch.equal(model(S), S[:, -1]) and torch.equal(forecast(model, S, 3), naive(S, 3))


def test_the_naive_forecast_on_its_own_data_has_a_scaled_error_of_one(record):
    one, seasonal = (mase(S[:, m:], S[:, :-m], S, m) for m in (1, 3))
    gap = max(error(v, torch.ones_like(v)) for v in (one, seasonal))
    record(METHOD, MODULE, "naive forecast of the training values", "1", error=gap, tolerance=1e-15, dtype=S.dtype)
    assert mase(S, S + 1, torch.ones(2, 4)).isinf().all()


def test_the_scale_makes_the_forecast_follow_shift_and_unit(record):
    """A series in another unit, with another zero, has the same forecast in that unit, once the scale is fitted."""
    model = randomize(LSTMForecaster(5, 2))
    assert (LSTMForecaster(5).mean.item(), LSTMForecaster(5).std.item()) == (0.0, 1.0)
    model.fit_scale(S)
    assert (model.mean.item(), model.std.item()) == (S.mean().item(), S.std().item())
    first = forecast(model, S, 4)
    model.fit_scale(S * 20 + 300)
    gap = error(forecast(model, S * 20 + 300, 4), first * 20 + 300)
    record(METHOD, MODULE, "20 y + 300", "20 y^ + 300", error=gap, tolerance=1e-13, dtype=S.dtype)
    assert {"mean", "std", "head.weight", "head.bias"} < set(model.state_dict())


def test_dropout_acts_between_layers_in_training_alone():
    torch.manual_seed(0)
    model = LSTMForecaster(8, 2, dropout=0.5).double()
    assert not torch.equal(model(S), model(S))
    assert torch.equal(model.eval()(S), model(S))
    assert LSTMForecaster().lstm.hidden_size == 32 and LSTMForecaster().lstm.num_layers == 1 and LSTMForecaster().lstm.dropout == 0.0


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_factory_arguments(dtype):
    model = LSTMForecaster(2, dtype=dtype, device="meta")
    assert {(v.dtype, v.device.type) for v in model.state_dict().values()} == {(dtype, "meta")}


def test_new_tensors_are_on_the_device_of_the_series():
    expected = naive(S, 3, 2)
    with torch.device("meta"):
        assert torch.equal(naive(S, 3, 2), expected)


def test_a_wave_is_learned():
    """Ten steps ahead of a pure wave, better than its last value and than half of the error of a step."""
    torch.manual_seed(0)
    series = torch.sin(torch.arange(300.0) / 3)
    model = LSTMForecaster(8)
    model.fit_scale(series[:200])
    x, y = windows(series[:200], 12)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), y[:, 0]).backward()
        optimizer.step()
    x, y = windows(series[200:], 12, 10)
    with torch.no_grad():
        found = mase(y, forecast(model, x, 10), series[:200]).mean()
    assert found < 0.5 < 1 < mase(y, naive(x, 10), series[:200]).mean()
