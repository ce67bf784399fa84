"""What is special to SELU: its constants, the fixed point and its pull, deep networks, dropout that keeps the moments."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from refimpl.foundations.activation_rectifiers import SELU_ALPHA, SELU_SCALE
from refimpl.foundations.selu import AlphaDropout, SelfNormalizingNetwork, alpha_dropout, moments, selu_constants
from tests.refimpl.foundations.cases_selu import METHOD, X
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error

MODULE = "refimpl.foundations.selu"


def normal(x):
    """The normal distribution function."""
    return math.erfc(-x / math.sqrt(2)) / 2


def test_constants_make_mean_zero_and_variance_one_a_fixed_point(record):
    """In closed form: alpha = (2 pi)^(-1/2) / (1/2 - e^(1/2) Phi(-1)), and lambda from the second moment."""
    alpha = 1 / math.sqrt(2 * math.pi) / (0.5 - math.exp(0.5) * normal(-1))
    scale = (0.5 + alpha**2 * (math.exp(2) * normal(-2) - 2 * math.exp(0.5) * normal(-1) + 0.5)) ** -0.5
    found = torch.tensor(selu_constants(), dtype=torch.float64)
    gap = max(error(found, torch.tensor(expected, dtype=torch.float64)) for expected in ((alpha, scale), (SELU_ALPHA, SELU_SCALE)))
    record(METHOD, MODULE, "alpha and lambda", "closed form; the stored constants", error=gap, tolerance=1e-13, dtype=torch.float64)
    mean, variance = moments(0.0, 1.0)
    gap = max(abs(mean), abs(variance - 1))
    record(METHOD, MODULE, "fixed point of the map", "mean 0, variance 1", error=gap, tolerance=1e-13, dtype=torch.float64)


def test_map_in_closed_form(record):
    """Mean of SELU under N(m, s^2), by completing squares, at omega and tau that are not neutral."""
    mu, nu, omega, tau = 0.3, 1.4, 0.2, 0.9
    m, s = mu * omega, math.sqrt(nu * tau)
    density = math.exp(-((m / s) ** 2) / 2) / math.sqrt(2 * math.pi)
    right = m * normal(m / s) + s * density
    left = math.exp(m + s * s / 2) * normal(-(m + s * s) / s) - normal(-m / s)
    mean = SELU_SCALE * (right + SELU_ALPHA * left)
    square = (m * m + s * s) * normal(m / s) + m * s * density
    flat = (
        math.exp(2 * m + 2 * s * s) * normal(-(m + 2 * s * s) / s) - 2 * math.exp(m + s * s / 2) * normal(-(m + s * s) / s) + normal(-m / s)
    )
    variance = SELU_SCALE**2 * (square + SELU_ALPHA**2 * flat) - mean**2
    found = moments(mu, nu, weight_sum=omega, weight_square=tau)
    gap = max(abs(found[0] - mean) / abs(mean), abs(found[1] - variance) / variance)
    record(METHOD, MODULE, "moments", "closed form", error=gap, tolerance=1e-12, dtype=torch.float64)


def test_moments_of_other_activations():
    assert moments(2.0, 9.0, lambda z: z, weight_sum=0.5, weight_square=4.0) == pytest.approx((1.0, 36.0))
    assert moments(50.0, 1.0, torch.relu, weight_sum=1.0) == pytest.approx((50.0, 1.0))  # no corner within reach
    assert moments(1e4, 1.0, torch.relu, weight_sum=1.0) == pytest.approx((1e4, 1.0))
    for spread in (2.0, 0.05):
        expected = spread / math.sqrt(2 * math.pi), spread**2 * (0.5 - 0.5 / math.pi)
        assert moments(0.0, spread**2, torch.relu) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("mean", "variance"), [(0.1, 1.5), (-0.1, 0.8), (0.0, 3.0)])
def test_fixed_point_attracts(mean, variance):
    """The distance from (0, 1) falls at each layer of the map, as theorem 1 says for this region and near it."""
    distance = abs(mean) + abs(variance - 1)
    for _ in range(40):
        mean, variance = moments(mean, variance)
        assert abs(mean) + abs(variance - 1) < distance
        distance = abs(mean) + abs(variance - 1)
    assert distance < 1e-3


def test_deep_network_stays_normalized():
    """24 layers of 128 units with dropout, three times; without the constants the variance would be off by orders of magnitude."""
    torch.manual_seed(0)
    found = []
    for _ in range(3):
        h = SelfNormalizingNetwork([128] * 25, p=0.1)[:-1](torch.randn(256, 128))
        found.append((h.mean().item(), h.var().item()))
    assert all(abs(mean) < 0.15 and 0.7 < variance < 1.3 for mean, variance in found)


def test_dropout_keeps_mean_and_variance():
    """200,000 standard normal units: within four standard errors, for each p."""
    generator, n = torch.Generator().manual_seed(0), 200_000
    x = torch.randn(n, generator=generator, dtype=torch.float64)
    for p in (0.05, 0.5, 0.9):
        y = alpha_dropout(x, p, True, generator=generator)
        fourth = ((y - y.mean()) ** 4).mean().item()
        assert abs(y.mean().item()) < 4 / n**0.5
        assert abs(y.var().item() - 1) < 4 * ((fourth - 1) / n) ** 0.5


def test_generator_and_modes():
    a, b = (alpha_dropout(X, 0.4, True, generator=torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(a, b) and not torch.equal(a, alpha_dropout(X, 0.4, True, generator=torch.Generator().manual_seed(2)))
    layer = AlphaDropout()
    assert layer.p == 0.5 and layer.eval()(X) is X and alpha_dropout(X, 0.0, True) is X
    assert repr(AlphaDropout(0.1)) == "AlphaDropout(p=0.1)"


def test_network_is_a_sequence_of_linear_layers(record):
    theirs = randomize(nn.Sequential(nn.Linear(5, 4), nn.SELU(), nn.AlphaDropout(0.0), nn.Linear(4, 2)))
    ours = SelfNormalizingNetwork((5, 4, 2), dtype=torch.float64)
    ours.load_state_dict(theirs.state_dict())
    record(METHOD, MODULE, "state dict", "torch.nn.Sequential", error=error(ours(X), theirs(X)), tolerance=1e-14, dtype=torch.float64)
    assert [type(m).__name__ for m in ours] == ["Linear", "Pointwise", "AlphaDropout", "Linear"] and ours[2].p == 0.0
    assert SelfNormalizingNetwork((5, 4, 2), 0.25)[2].p == 0.25


def test_factory_arguments():
    network = SelfNormalizingNetwork((3, 4, 2), device="meta", dtype=torch.float16)
    assert {(p.dtype, p.device.type) for p in network.parameters()} == {(torch.float16, "meta")}


def test_first_weights():
    torch.manual_seed(0)
    network = SelfNormalizingNetwork((400, 100, 3))
    n = 40_000
    assert (
        abs(network[0].weight.std().item() - 0.05) < 4 * 0.05 / (2 * n) ** 0.5 and abs(network[0].weight.mean().item()) < 4 * 0.05 / n**0.5
    )
    assert not network[0].bias.any() and not network[3].bias.any()
    assert torch.allclose(network(randn(2, 400, seed=1).float()), network.eval()(randn(2, 400, seed=1).float()))  # p is 0 by default
