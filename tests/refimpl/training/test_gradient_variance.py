"""Gradient variance: the Jacobian by automatic differentiation, exact moments of one layer, and the moments of sampled networks."""

from __future__ import annotations

from itertools import pairwise
from math import exp, sqrt

import pytest
import torch

from refimpl.training.gradient_variance import fourth_moment, inverse_width_sum, jacobian_norms
from tests.refimpl.harness.compare import error

METHOD = "gradient-variance"
MODULE = "refimpl.training.gradient_variance"


def drawn(seed, device):
    return torch.Generator(device).manual_seed(seed)


def test_jacobian_by_automatic_differentiation(device, record):
    """The same random numbers, drawn in the same order, in networks whose Jacobian torch.func takes."""
    inputs, widths, count = 4, [5, 3, 6], 7
    ours = jacobian_norms(inputs, widths, count, drawn(3, device), device)
    generator, normal = drawn(3, device), {"dtype": torch.float64, "device": device}
    x = torch.randn(count, inputs, 1, generator=generator, **normal)
    shapes = pairwise([inputs, *widths])
    weights = [torch.randn(count, n, m, generator=generator, **normal) * sqrt(2 / m) for m, n in shapes]
    expected = []
    for i in range(count):

        def network(v, i=i):
            for w in weights:
                v = torch.relu(w[i] @ v)
            return v

        column = torch.func.jacrev(network)(x[i, :, 0])[:, 0]
        expected.append((column**2).sum() * inputs / widths[-1])
    gap = error(ours, torch.stack(expected))
    record(METHOD, MODULE, "|J u|^2 of 7 networks", "torch.func.jacrev", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="4-5-3-6")
    assert ours.shape == (count,) and ours.min() >= 0 and ours.max() > 0


@pytest.mark.parametrize("width", [1, 2, 7])
def test_moments_of_one_layer(width, record):
    """|J u|^2 = (2 / n) times the sum of n terms b z^2 with b a fair coin and z normal: moments by enumeration of the coins."""
    binomial = [1.0]
    for _ in range(width):
        binomial = [(a + b) / 2 for a, b in zip([0.0, *binomial], [*binomial, 0.0], strict=True)]
    # k active units: a chi-square variable with mean k and second moment k^2 + 2 k
    mean = sum(p * k for k, p in enumerate(binomial)) * 2 / width
    fourth = sum(p * (k * k + 2 * k) for k, p in enumerate(binomial)) * (2 / width) ** 2
    assert mean == pytest.approx(1.0, rel=1e-14)
    gap = abs(fourth_moment([width]) - fourth) / fourth
    record(METHOD, MODULE, f"fourth moment, width {width}", "enumeration", error=gap, tolerance=1e-14, dtype=torch.float64, shapes="scalar")


@pytest.mark.parametrize("widths", [[30, 50, 20], [40] * 3])
def test_moments_of_sampled_networks(widths, record):
    """Mean 1 and fourth moment prod (1 + 5 / n), within 4 standard errors of 4,000 networks."""
    found = jacobian_norms(10, widths, 4000, drawn(1, "cpu"))
    for power, expected in ((1, 1.0), (2, fourth_moment(widths))):
        values = found**power
        gap = abs(values.mean().item() - expected)
        limit = 4 * values.std().item() / sqrt(len(values))
        what = f"moment {2 * power} of |J u|, widths {widths}"
        record(METHOD, MODULE, what, "product over layers", error=gap, tolerance=limit, dtype=torch.float64, shapes="4000 networks")
        assert limit < 0.3


def test_logarithm_is_nearly_normal():
    """Wide layers: log |J u|^2 has variance 5 beta and mean -5 beta / 2, within 15 percent and 4 standard errors."""
    widths = [60] * 6
    logs = jacobian_norms(10, widths, 1000, drawn(2, "cpu")).log()
    beta = inverse_width_sum(widths)
    assert beta == pytest.approx(0.1, rel=1e-12)
    assert logs.var().item() == pytest.approx(5 * beta, rel=0.15)
    assert logs.mean().item() == pytest.approx(-2.5 * beta, abs=4 * sqrt(5 * beta / 1000) + 0.1 * 2.5 * beta)


def test_bound():
    assert fourth_moment([10, 20]) == pytest.approx(1.5 * 1.25, rel=1e-15)
    assert inverse_width_sum([10, 20]) == pytest.approx(0.15, rel=1e-15)
    assert fourth_moment([10, 20]) < exp(5 * 0.15)
    assert fourth_moment([]) == 1 and inverse_width_sum([]) == 0


def test_width_one_and_one_network():
    assert jacobian_norms(1, [1], 1, drawn(0, "cpu")).shape == (1,)
    assert jacobian_norms(3, [], 2, drawn(0, "cpu")).tolist() == [1.0, 1.0]
    torch.manual_seed(4)
    a = jacobian_norms(3, [4], 5)
    torch.manual_seed(4)
    assert torch.equal(a, jacobian_norms(3, [4], 5))


def test_device():
    assert jacobian_norms(3, [4], 5, device="meta").device.type == "meta"


def test_bad_arguments_are_named():
    for call, message in (
        (lambda: inverse_width_sum([3, 0]), r"^inverse_width_sum: widths must be positive, got 0$"),
        (lambda: fourth_moment([-2]), r"^fourth_moment: widths must be positive, got -2$"),
        (lambda: jacobian_norms(0, [3], 5), r"^jacobian_norms: widths must be positive, got 0$"),
        (lambda: jacobian_norms(2, [3, 0], 5), r"^jacobian_norms: widths must be positive, got 0$"),
        (lambda: jacobian_norms(2, [3], 0), r"^jacobian_norms: count must be positive, got 0$"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
