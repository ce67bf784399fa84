"""What is special to YellowFin: the single step against a search, its limits, what is measured of a zero gradient, its defaults."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

from refimpl.training.yellowfin import YellowFin, single_step
from tests.refimpl.harness.rule import GRADIENTS, walk
from tests.refimpl.training.cases_yellowfin import METHOD, roots_in_numpy

MODULE = "refimpl.training.yellowfin"


@pytest.mark.parametrize("variance", [1e-6, 0.02, 0.7, 5.0, 1e5])
@pytest.mark.parametrize(("distance", "h_min", "h_max"), [(0.3, 1.0, 1.0), (2.0, 0.5, 3.0), (7.0, 0.01, 90.0)])
def test_single_step_minimizes_the_surrogate(variance, distance, h_min, h_max, record):
    """mu D^2 + alpha^2 C on the line alpha = (1 - sqrt(mu))^2 / h_min, by bounded search and by the roots of the cubic."""
    mu, alpha = single_step(variance, distance, h_min, h_max)

    def surrogate(x):
        return x**2 * distance**2 + ((1 - x) ** 2 / h_min) ** 2 * variance

    lowest = (np.sqrt(h_max / h_min) - 1) / (np.sqrt(h_max / h_min) + 1)
    found = minimize_scalar(surrogate, bounds=(lowest, 1.0), method="bounded", options={"xatol": 1e-12})
    assert surrogate(np.sqrt(mu)) <= found.fun * (1 + 1e-9)
    expected = roots_in_numpy(variance, distance, h_min, h_max)
    gap = max(abs(mu - expected[0]), abs(alpha - expected[1]) * h_min)
    what = f"single step, C = {variance:g}, D = {distance:g}, h in [{h_min:g}, {h_max:g}]"
    record(METHOD, MODULE, what, "numpy.roots", error=float(gap), tolerance=1e-9, dtype=torch.float64, shapes="scalars")


def test_limits_of_the_single_step():
    assert single_step(0.0, 1.0, 4.0, 4.0) == (0.0, 0.25)  # no noise, no range: the whole step
    assert single_step(1.0, 0.0, 1.0, 1.0) == (1.0, 0.0)  # no distance left: stand still
    assert single_step(0.0, 0.0, 1.0, 1.0) == (0.0, 1.0)
    mu, alpha = single_step(0.0, 1.0, 1.0, 81.0)
    assert mu == pytest.approx(0.64) and alpha == pytest.approx(0.04)  # ((9 - 1) / (9 + 1))^2
    assert all(np.isfinite(single_step(c, d, 1.0, 1.0)).all() for c in (1e-100, 1e100) for d in (1e-50, 1e50))


def test_robust_momentum_makes_every_curvature_converge_alike():
    """Inside the robust region the heavy ball's spectral radius is sqrt(mu) for each curvature between h_min and h_max."""
    mu, alpha = single_step(0.0, 1.0, 1.0, 100.0)
    for h in (1.0, 3.0, 50.0, 100.0):
        matrix = np.array([[1 - alpha * h + mu, -mu], [1.0, 0.0]])
        assert np.abs(np.linalg.eigvals(matrix)).max() == pytest.approx(np.sqrt(mu), abs=1e-6)


def test_zero_gradients_measure_nothing():
    """Before the first gradient the rule coasts; afterwards a zero gradient keeps the range of curvatures."""
    zero = torch.zeros(3, dtype=torch.float64)
    end, optimizer = walk(YellowFin, [zero, zero], lr=0.3)
    assert optimizer.param_groups[0]["tuner"]["h"] == []
    assert torch.equal(end, torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64))
    _, optimizer = walk(YellowFin, [GRADIENTS[0], zero], window=2)
    assert optimizer.param_groups[0]["tuner"]["h"] == [pytest.approx((GRADIENTS[0] ** 2).sum().item())]


def test_window_forgets():
    _, optimizer = walk(YellowFin, GRADIENTS, window=4)
    assert optimizer.param_groups[0]["tuner"]["h"] == [pytest.approx((g**2).sum().item()) for g in GRADIENTS[-4:]]


def test_slow_start_ends_after_ten_windows():
    """A constant gradient has h = h_min = h_max and no variance: the rate tends to 1 / h, held back for 10 windows."""
    g = torch.tensor([2.0, 0.0, 0.0], dtype=torch.float64)
    rates = []
    for steps in (1, 10, 25):
        _, optimizer = walk(YellowFin, [g] * steps, window=2, beta=0.0, lr=9.0)
        rates.append(optimizer.param_groups[0]["tuner"]["alpha"])
    assert rates == pytest.approx([0.25 / 20, 0.25 / 2, 0.25], rel=1e-9)


def test_no_penalty_leaves_an_infinite_parameter_alone():
    x = torch.tensor([torch.inf], requires_grad=True)
    x.grad = torch.ones(1)
    YellowFin([x], weight_decay=0.0).step()
    assert x.item() == torch.inf


def test_a_wider_range_of_curvatures_raises_the_momentum():
    """Lengths that alternate between 1 and 3: h in [1, 9], so that mu is at least ((3 - 1) / (3 + 1))^2."""
    lengths = [torch.tensor([3.0 if t % 2 else 1.0, 0.0, 0.0], dtype=torch.float64) for t in range(40)]
    _, optimizer = walk(YellowFin, lengths, window=2, beta=0.0)
    assert optimizer.param_groups[0]["tuner"]["mu"] == pytest.approx(0.25)


def test_zero_gradient_after_others_keeps_the_distance_finite():
    """With no memory at all (beta = 0) a zero gradient has length 0 and curvature 0, whose ratio counts as 0: it stands still."""
    zero = torch.zeros(3, dtype=torch.float64)
    _, optimizer = walk(YellowFin, [GRADIENTS[0], zero], beta=0.0)
    tuner = optimizer.param_groups[0]["tuner"]
    assert tuner["distance"] == 0.0 and np.isfinite([tuner["mu"], tuner["alpha"]]).all()


def test_defaults_and_boundaries():
    x = [torch.zeros(1, requires_grad=True)]
    assert YellowFin(x).defaults == {"lr": 0.1, "beta": 0.999, "window": 20, "weight_decay": 0.0, "maximize": False}
    YellowFin(x, lr=0.0, beta=0.0, window=1, weight_decay=0.0)
    idle = YellowFin(x)
    idle.step()
    assert "tuner" not in idle.param_groups[0]
