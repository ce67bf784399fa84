"""What is special to decomposed uncertainty: the law of total variance, the noise that is biased upward, and coverage."""

from __future__ import annotations

import inspect
import itertools
import math

import pytest
import torch
from torch import nn

from refimpl.bayesian.uncertainty import Prediction, coverage, noise_variance, prediction
from refimpl.training.dropout import Dropout
from refimpl.training.mc_dropout import sample
from tests.refimpl.bayesian.cases_uncertainty import METHOD
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.bayesian.uncertainty"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}


def masked(weights, out, x, p):
    """Predictions of out . (mask (W x) / (1 - p)) under every mask: ``(2^H,)`` and the masks' probabilities."""
    hidden = weights @ x
    masks = torch.tensor(list(itertools.product((0.0, 1.0), repeat=len(hidden))), dtype=torch.float64)
    kept = masks.sum(1)
    return (masks * hidden / (1 - p)) @ out, (1 - p) ** kept * p ** (len(hidden) - kept)


def test_law_of_total_variance(record):
    """All observations that a dropout network with binary noise can make: their variance is the sum of both parts."""
    p, sigma = 0.25, 0.7
    f, chance = masked(randn(4, 3, seed=1), randn(4, seed=2), randn(3, seed=3), p)
    draws = f.repeat_interleave((chance * 4**4).round().long())  # each mask as often as it comes: 256 draws in all
    assert len(draws) == 256
    observations = torch.cat([draws - sigma, draws + sigma])
    found = prediction(draws, sigma**2)
    gap = error(found.variance, observations.var(correction=0))
    record(METHOD, MODULE, "sum of the parts", "variance of all observations", error=gap, **EXACT)
    closed = p / (1 - p) * (randn(4, 3, seed=1) @ randn(3, seed=3) * randn(4, seed=2)).square().sum()
    record(METHOD, MODULE, "the model's part", "variance of independent masks", error=error(found.model, closed), **EXACT)


def test_dropout_masks_approach_their_variance(record):
    """The same network sampled by mc_dropout: within 5 standard errors of the closed form."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4, bias=False), Dropout(0.25), nn.Linear(4, 1, bias=False)).double()
    x = randn(1, 3, seed=3)
    contributions = (model[0](x) * model[2].weight).detach()
    closed = 0.25 / 0.75 * contributions.square().sum()
    found = prediction(sample(model, x, 20_000).detach()).model
    gap = abs(found.item() / closed.item() - 1)
    record(METHOD, MODULE, "variance of 20,000 masks", "closed form", error=gap, tolerance=5 * math.sqrt(2 / 20_000), dtype=torch.float64)


def test_the_noise_is_biased_upward_by_the_models_error(record):
    """Over all sets of two held-out examples with binary noise, eta_2^2 is sigma^2 plus the mean squared bias."""
    sigma, bias = 0.5, torch.tensor([0.3, -0.8], dtype=torch.float64)
    truth = randn(2, seed=5)
    sets = torch.tensor(list(itertools.product((-sigma, sigma), repeat=2)), dtype=torch.float64)  # (4, 2)
    found = torch.stack([noise_variance(truth + bias, truth + noise) for noise in sets]).mean()
    expected = torch.tensor(sigma**2) + bias.square().mean()
    record(METHOD, MODULE, "mean over all held-out sets", "noise and squared bias", error=error(found, expected), **EXACT)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_intervals_of_a_normal_posterior_hold_their_level(level, record):
    """Observations from N(mean, model + noise), by the quantiles of that distribution: the share inside is the level."""
    spread = torch.special.ndtri((torch.arange(2000, dtype=torch.float64) + 0.5) / 2000)
    found = Prediction(torch.tensor(1.5).double(), torch.tensor(0.09).double(), torch.tensor(0.16).double())
    inside = coverage(found.interval(level), 1.5 + 0.5 * spread)
    record(METHOD, MODULE, f"coverage at {level}", "the level", error=abs(inside.item() - level), tolerance=6e-4, dtype=torch.float64)


def test_without_the_noise_intervals_are_too_narrow():
    """The paper's point: model uncertainty alone covers too little."""
    torch.manual_seed(0)
    truth = torch.zeros(4000, dtype=torch.float64)
    draws = 0.1 * randn(50, 1, seed=6) + truth
    observed = 0.4 * randn(4000, seed=7)
    alone, whole = (coverage(prediction(draws, noise).interval(0.95), observed).item() for noise in (0.0, 0.16))
    assert alone < 0.5 and abs(whole - 0.95) < 0.02


def test_coverage_counts_the_bounds():
    lower, upper = torch.tensor([0.0, 0.0, 0.0, 0.0]), torch.tensor([1.0, 1.0, 1.0, 1.0])
    assert coverage((lower, upper), torch.tensor([0.0, 1.0, 1.5, -0.5])) == 0.5
    assert coverage((lower, upper), torch.tensor([0.5, 0.5, 0.5, 2.0]).double()).dtype == torch.float64


def test_the_noise_goes_where_the_draws_are():
    found = prediction(torch.ones(3, 2, device="meta"), 0.1)
    assert {part.device.type for part in found} == {"meta"} and found.noise.shape == (2,)


def test_defaults():
    certain = prediction(torch.ones(3, 2))
    assert torch.equal(certain.noise, torch.zeros(2)) and torch.equal(certain.model, torch.zeros(2))
    assert inspect.signature(Prediction.interval).parameters["level"].default == 0.95
    assert inspect.signature(prediction).parameters["noise"].default == 0.0
