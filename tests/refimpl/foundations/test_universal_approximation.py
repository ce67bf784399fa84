"""What is special to universal approximation: the bounds of the errors, in one dimension and in more."""

from __future__ import annotations

import math

import pytest
import torch

from refimpl.foundations.universal_approximation import approximate, cosine_coefficients, piecewise_linear, staircase
from tests.refimpl.foundations.cases_universal_approximation import METHOD, wave
from tests.refimpl.harness.compare import error

MODULE = "refimpl.foundations.universal_approximation"
LINE = torch.linspace(0, 1, 1001, dtype=torch.float64)[:, None]
SQUARE = torch.cartesian_prod(LINE[::50, 0], LINE[::50, 0])


@pytest.mark.parametrize("units", [4, 25, 200])
def test_steps_stay_within_their_bound(units, record):
    """Slopes are at most 6: the error is at most 6 h."""
    gap = (staircase(wave, units)(LINE)[:, 0] - wave(LINE)).abs().max().item()
    record(METHOD, MODULE, f"largest error of {units} steps", "slope times distance of the knots", error=gap, tolerance=6 / units)


@pytest.mark.parametrize("units", [4, 25, 200])
def test_lines_stay_within_their_bound(units, record):
    """Second derivatives are at most 25: the error is at most 25 h^2 / 8, and comes near it."""
    gap = (piecewise_linear(wave, units)(LINE)[:, 0] - wave(LINE)).abs().max().item()
    assert gap > 0.8 * 25 / 8 / units**2
    record(METHOD, MODULE, f"largest error of {units} lines", "h^2 max|f''| / 8", error=gap, tolerance=25 / 8 / units**2)


def trigonometric(x):
    """Its coefficients: 0.5 at (0, 0), 2 at (1, 0), -0.75 at (2, 1)."""
    return 0.5 + 2 * torch.cos(math.pi * x[:, 0]) - 0.75 * torch.cos(2 * math.pi * x[:, 0]) * torch.cos(math.pi * x[:, 1])


def test_coefficients_of_cosines(record):
    expected = torch.zeros(4, 4, dtype=torch.float64)
    expected[0, 0], expected[1, 0], expected[2, 1] = 0.5, 2.0, -0.75
    gap = error(cosine_coefficients(trigonometric, 2, 4), expected)
    record(METHOD, MODULE, "coefficients", "those of a sum of cosines", error=gap, tolerance=1e-14, dtype=torch.float64, shapes="(4,4)")
    assert cosine_coefficients(trigonometric, 2, 1).tolist() == [[trigonometric(torch.full((1, 2), 0.5, dtype=torch.float64)).item()]]


@pytest.mark.parametrize("build", [piecewise_linear, staircase])
def test_two_dimensions_stay_within_the_bound(build, record):
    """Ridges 2 cos(pi x) and twice -.375 cos(pi (2 x +- y)): lengths 1, 3 and 3."""
    units = 40
    network = approximate(trigonometric, 2, 3, units, build)
    gap = (network(SQUARE)[:, 0] - trigonometric(SQUARE)).abs().max().item()
    pieces = [(2.0, 1 / units), (0.375, 3 / units), (0.375, 3 / units)]
    lines = sum(c * (math.pi * h) ** 2 / 8 for c, h in pieces)
    bound = lines if build is piecewise_linear else sum(c * math.pi * h for c, h in pieces)
    record(METHOD, MODULE, f"two dimensions, {build.__name__}", "sum of the bounds of the ridges", error=gap, tolerance=bound + 1e-12)
    assert network[0].in_features == 2 and network[0].out_features == units * 12  # half of 5 x 5 directions, less the zero


def test_more_cosines_are_nearer_in_three_dimensions():
    def f(x):
        return torch.exp(-(x - 0.3).square().sum(1))

    cube = torch.cartesian_prod(*[LINE[::200, 0]] * 3)
    errors = [(approximate(f, 3, count, 30)(cube)[:, 0] - f(cube)).abs().max().item() for count in (2, 4)]
    assert errors[1] < errors[0] / 2


def test_default_is_lines():
    for units in (3, 5):
        assert torch.equal(approximate(wave, 1, 3, units)(LINE), approximate(wave, 1, 3, units, piecewise_linear)(LINE))
    assert approximate(wave, 1, 3, 5)[1].name == "relu" and staircase(wave, 5)[1].name == "sigmoid"
    assert torch.equal(staircase(wave, 3)(LINE), staircase(wave, 3, 0.0, 1.0, 20.0)(LINE))
    assert torch.equal(piecewise_linear(wave, 3)(LINE), piecewise_linear(wave, 3, 0.0, 1.0)(LINE))


def test_one_frequency_is_a_constant():
    assert torch.allclose(approximate(wave, 1, 1, 4)(LINE), wave(LINE[500:501]).expand(1001, 1))
    network = approximate(trigonometric, 2, 1, 4)
    assert torch.allclose(network(SQUARE), network(SQUARE[:1]).expand(len(SQUARE), 1)) and network[0].in_features == 2


def test_one_unit():
    """A gentle step half way, and a straight line."""
    low, high = wave(LINE[:1]), wave(LINE[-1:])
    assert torch.allclose(staircase(wave, 1, sharpness=0.5)(LINE), low + (high - low) * torch.sigmoid(0.5 * (LINE - 0.5)))
    assert torch.allclose(piecewise_linear(wave, 1)(LINE), low + (high - low) * LINE)
