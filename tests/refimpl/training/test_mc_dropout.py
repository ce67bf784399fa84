"""What is special to Monte Carlo dropout: which layers draw, exact variances, the precision, the limits of entropy."""

from __future__ import annotations

from itertools import product
from math import log

import pytest
import torch
from torch import nn

from refimpl.training.dropout import Dropout, linear_variance
from refimpl.training.mc_dropout import DROPOUT, dropout_active, entropies, precision, predict, sample
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error
from tests.refimpl.training.cases_mc_dropout import METHOD

MODULE = "refimpl.training.mc_dropout"


def network(p=0.3):
    torch.manual_seed(1)
    return nn.Sequential(Dropout(p), nn.Linear(4, 3, bias=False)).double()


def test_variance_of_a_linear_network(record):
    """p / (1 - p) sum (w x)^2, within 5 standard errors of 20,000 masks; the mean is the prediction without dropout."""
    model, x = network(), randn(2, 4, seed=1)
    torch.manual_seed(2)
    with torch.no_grad():
        mean, variance = predict(sample(model, x.repeat(20_000, 1, 1).flatten(0, 1), 1).view(20_000, 2, 3))
        exact = linear_variance(x, model[1].weight, 0.3)
        expected = model.eval()(x)
    gap = ((variance - exact).abs() / exact).max().item()
    record(
        METHOD,
        MODULE,
        "variance of a linear network",
        "p / (1 - p) sum (w x)^2",
        error=gap,
        tolerance=5 * (2 / 20_000) ** 0.5,
        dtype=x.dtype,
    )
    assert ((mean - expected).abs() <= 5 * (exact / 20_000).sqrt()).all()


def test_samples_are_predictions_under_masks(record):
    """Every sample is the output under one of the 16 masks of 4 units."""
    model, x = network(0.5), randn(1, 4, seed=3)
    torch.manual_seed(0)
    draws = sample(model, x, 40)
    masks = torch.tensor(list(product([0.0, 2.0], repeat=4)), dtype=torch.float64)
    possible = (masks * x) @ model[1].weight.T
    gap = torch.cdist(draws[:, 0], possible).min(1).values.max().item()
    record(METHOD, MODULE, "40 samples", "outputs under all 16 masks", error=gap, tolerance=1e-7, dtype=x.dtype, shapes="(40,1,3)")
    assert draws.shape == (40, 1, 3) and len({tuple(d.flatten().tolist()) for d in draws}) > 5
    assert sample(model, x).shape[0] == 100


def test_the_noise_of_the_data_adds_to_the_variance():
    draws = torch.tensor([[1.0], [3.0]], dtype=torch.float64)
    assert [predict(draws, tau)[1].item() for tau in (float("inf"), 4.0, 0.5)] == [1.0, 1.25, 3.0]


@pytest.mark.parametrize("layer", DROPOUT)
def test_only_dropout_layers_are_switched_on(layer):
    model = nn.Sequential(nn.BatchNorm1d(3), layer(0.5), nn.Sequential(nn.BatchNorm1d(3)))
    model.train()
    model[2].eval()
    with dropout_active(model):
        assert [m.training for m in model.modules()] == [False, False, True, False, False]
    assert [m.training for m in model.modules()] == [True, True, True, False, False]


def test_modes_come_back_after_an_error():
    model = network().eval()
    with pytest.raises(RuntimeError), dropout_active(model):
        raise RuntimeError
    assert not any(m.training for m in model.modules())


def test_precision_by_hand(record):
    found = precision(0.2, 3.0, 0.001, 50)
    gap = abs(found - 0.8 * 9 / (2 * 50 * 0.001)) / found
    record(METHOD, MODULE, "precision", "(1 - p) l^2 / (2 N lambda)", error=gap, tolerance=1e-15, dtype=torch.float64)
    assert precision(0.0, 1.0, 0.5, 1) == 1.0


def test_limits_of_the_entropies():
    """Samples that agree carry no information about the mask; samples that are sure and disagree carry all of it."""
    same = randn(1, 2, 5, seed=4).expand(7, 2, 5)
    assert entropies(same)[1].abs().max() < 1e-14
    sure = 1e4 * torch.eye(5, dtype=torch.float64)[:, None, :]
    total, information = entropies(sure)
    assert error(total, torch.full((1,), log(5), dtype=torch.float64)) < 1e-14 and error(total, information) < 1e-14
    random_total, random_information = entropies(randn(9, 30, 5, seed=5) * 2)
    assert (random_information >= 0).all() and (random_information <= random_total).all()


def test_noise_of_the_data_adds_to_the_variance():
    draws = randn(6, 2, seed=6)
    assert error(predict(draws, 4.0)[1], predict(draws)[1] + 0.25) < 1e-14
