"""What is special to loss landscapes: slices point by point, the weights afterwards, and what normalization is there for."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.func import functional_call

from refimpl.foundations.loss_landscape import filter_lengths, line, movable, normalize_filters, plane, random_direction
from tests.refimpl.foundations.cases_loss_landscape import METHOD, ROW_OF_ZEROS
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error

MODULE = "refimpl.foundations.loss_landscape"
X, Y = randn(6, 3, seed=1), randn(6, 2, seed=2)
ACROSS, UP = torch.tensor([-1.0, 0.0, 0.5, 2.0], dtype=torch.float64), torch.tensor([-0.5, 0.0, 1.0], dtype=torch.float64)


def network():
    return randomize(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)))


def seeded(number):
    return torch.Generator().manual_seed(number)


def test_plane_point_by_point(record):
    """Each point by calling the network with weights moved on a copy."""
    net = network()
    weights = movable(net)
    first, second = random_direction(weights, seeded(1)), random_direction(weights, seeded(2))
    before = [p.detach().clone() for p in net.parameters()]
    actual = plane(lambda: (net(X) - Y).square().mean(), weights, first, second, ACROSS, UP)
    expected = torch.zeros(len(UP), len(ACROSS), dtype=torch.float64)
    for i, b in enumerate(UP):
        for j, a in enumerate(ACROSS):
            moved = {n: p + a * d + b * e for n, p, d, e in zip(("0.weight", "2.weight"), weights, first, second, strict=True)}
            expected[i, j] = (functional_call(net, moved, X) - Y).square().mean()
    record(METHOD, MODULE, "a plane", "torch.func.functional_call", error=error(actual, expected), tolerance=1e-14, dtype=torch.float64)
    assert all(torch.equal(p, b) for p, b in zip(net.parameters(), before, strict=True))
    assert not actual.requires_grad and actual[1, 1] == (net(X) - Y).square().mean()
    along = line(lambda: (net(X) - Y).square().mean(), weights, first, ACROSS)
    assert torch.equal(along, actual[1])
    square = plane(lambda: (net(X) - Y).square().mean(), weights, first, second, ACROSS)
    assert square.shape == (4, 4) and torch.equal(square[1], actual[1])


def test_weights_are_put_back_after_an_error():
    net = network()
    before = net[0].weight.detach().clone()

    def fail():
        raise RuntimeError("no loss")

    with pytest.raises(RuntimeError, match="no loss"):
        line(fail, movable(net), random_direction(movable(net)), ACROSS)
    assert torch.equal(net[0].weight, before)


def test_quadratic_bowl(record):
    """On ||w||^2 / 2 the line is ||w||^2 / 2 + a w'd + a^2 ||d||^2 / 2, and ||d|| = ||w||."""
    w = randn(3, 4, seed=3)
    (d,) = random_direction([w], seeded(4))
    expected = w.square().sum() / 2 * (1 + ACROSS**2) + ACROSS * (w * d).sum()
    gap = error(line(lambda: w.square().sum() / 2, [w], [d], ACROSS), expected)
    record(METHOD, MODULE, "a quadratic bowl", "closed form", error=gap, tolerance=1e-14, dtype=torch.float64, shapes="(3,4)")


def test_a_loss_may_be_a_view_of_the_weights():
    w, d = randn(3, 4, seed=3), randn(3, 4, seed=4)
    expected = w[1, 2] + ACROSS * d[1, 2]
    assert error(line(lambda: w[1, 2], [w], [d], ACROSS), expected) < 1e-15


def test_rescaling_a_relu_network_changes_nothing(record):
    """Ten times the first layer and a tenth of the second are the same function, and have the same landscape."""
    net = randomize(nn.Sequential(nn.Linear(3, 4, bias=False), nn.ReLU(), nn.Linear(4, 2, bias=False)))
    weights, found, raw = movable(net), [], []
    for factors in ((1.0, 1.0), (10.0, 0.1)):
        with torch.no_grad():
            for weight, factor in zip(weights, factors, strict=True):
                weight *= factor
        found.append(line(lambda: (net(X) - Y).square().mean(), weights, random_direction(weights, seeded(5)), ACROSS))
        raw.append(line(lambda: (net(X) - Y).square().mean(), weights, [randn(*w.shape, seed=6) for w in weights], ACROSS))
    record(METHOD, MODULE, "a rescaled ReLU network", "the network itself", error=error(*found), tolerance=1e-13, dtype=torch.float64)
    assert error(*raw) > 0.5


def test_directions_are_normal_and_as_long_as_the_filters():
    weights = [torch.randn(5, 3, 2, 2), torch.randn(2, 5, dtype=torch.float64)]
    found = random_direction(weights, seeded(7))
    for d, w in zip(found, weights, strict=True):
        assert d.dtype == w.dtype and torch.allclose(filter_lengths(d), filter_lengths(w))
    drawn = torch.randn(5, 3, 2, 2, generator=seeded(7))
    assert torch.equal(found[0], normalize_filters(drawn, weights[0])) and not torch.equal(
        found[0], random_direction(weights, seeded(8))[0]
    )
    assert filter_lengths(weights[0]).shape == (5, 1, 1, 1)
    assert random_direction([weights[0].to("meta")])[0].is_meta


def test_zero_filters_stay():
    assert normalize_filters(ROW_OF_ZEROS, torch.ones_like(ROW_OF_ZEROS))[1].tolist() == [0] * 3
    assert normalize_filters(torch.ones_like(ROW_OF_ZEROS), ROW_OF_ZEROS)[1].tolist() == [0] * 3


def test_only_weights_with_filters_move():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))
    assert [tuple(w.shape) for w in movable(net)] == [(2, 1, 3, 3), (2, 2)]
