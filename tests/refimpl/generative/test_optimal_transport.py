"""What is special to optimal transport: the linear program, assignments, normal distributions, the plan that entropy prefers."""

from __future__ import annotations

import inspect
import math

import pytest
import torch

from refimpl.generative.optimal_transport import sinkhorn, sinkhorn_cost, transport_on_line
from tests.refimpl.generative.cases_optimal_transport import METHOD, WX, WY, A, B, C, X, Y, masses
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.generative.optimal_transport"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}


def cheapest(cost, a, b):
    """The least cost by linear programming."""
    n, m = cost.shape
    rows, columns = torch.eye(n).repeat_interleave(m, 1), torch.eye(m).repeat(1, n)
    optimize = pytest.importorskip("scipy.optimize")
    found = optimize.linprog(cost.flatten().numpy(), A_eq=torch.cat((rows, columns)).numpy(), b_eq=torch.cat((a, b)).numpy())
    assert found.status == 0
    return found.fun


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0])
def test_the_line_is_the_linear_program(p, record):
    a, b = WX / WX.sum(), WY / WY.sum()
    expected = cheapest((X[:, None] - Y).abs() ** p, a, b)
    gap = abs(transport_on_line(X, Y, WX, WY, p).item() - expected) / expected
    record(METHOD, MODULE, f"cost on the line, p = {p:g}", "scipy.optimize.linprog", error=gap, **EXACT | {"tolerance": 1e-8})


def test_the_line_against_scipy(record):
    stats = pytest.importorskip("scipy.stats")
    x, y, a, b = randn(30, seed=1), randn(20, seed=2), rand(30, seed=3, low=0.1), rand(20, seed=4, low=0.1)
    expected = stats.wasserstein_distance(x.numpy(), y.numpy(), a.numpy(), b.numpy())
    gap = abs(transport_on_line(x, y, a, b).item() - expected)
    record(METHOD, MODULE, "distance between weighted samples", "scipy.stats.wasserstein_distance", error=gap, **EXACT)


def test_the_line_by_hand():
    """A unit at 0 goes half to 1 and half to 3; what has no mass counts for nothing."""
    x, y, weight = torch.tensor([7.0, 0.0, -5.0]), torch.tensor([3.0, 1.0]), torch.tensor([0.0, 2.0, 0.0])
    assert transport_on_line(x, y, weight).item() == 2.0
    assert transport_on_line(x, y, weight, p=2.0).item() == 5.0
    assert transport_on_line(y, x, y_weight=weight, p=3.0).item() == 14.0
    assert transport_on_line(x, x).item() == 0.0
    assert inspect.signature(transport_on_line).parameters["p"].default == 1.0


def test_normal_distributions(record):
    """Between N(m, s^2) and N(n, r^2) the squared distance is (m - n)^2 + (s - r)^2; their quantiles stand for them."""
    levels = (torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000
    z = torch.special.ndtri(levels)[torch.randperm(200_000, generator=torch.Generator().manual_seed(0))]
    gap = abs(transport_on_line(1.0 + 2.0 * z, -0.5 + 0.7 * z.flip(0), p=2.0).item() - (1.5**2 + 1.3**2))
    record(METHOD, MODULE, "normal distributions by 200,000 quantiles", "closed form", error=gap, tolerance=1e-4, dtype=torch.float64)


def test_a_small_epsilon_gives_the_cheapest_plan(record):
    """The entropy of a plan lies between 0 and log(N M), so the costs differ by epsilon log(N M) at most."""
    expected, epsilon = cheapest(C, A, B), 1e-3
    gap = sinkhorn_cost(C, A, B, epsilon, 3000).item() - expected
    assert gap > -1e-9
    record(
        METHOD,
        MODULE,
        "cost at epsilon = 0.001",
        "scipy.optimize.linprog",
        error=gap,
        tolerance=epsilon * math.log(12),
        dtype=torch.float64,
    )
    assert sinkhorn_cost(C, A, B, 1.0).item() > expected + 0.05


def test_a_small_epsilon_gives_the_best_assignment(record):
    """Equal masses on as many places: the cheapest plan is a permutation."""
    optimize = pytest.importorskip("scipy.optimize")
    cost, mass = rand(6, 6, seed=22, low=0.0), torch.full((6,), 1 / 6, dtype=torch.float64)
    plan = sinkhorn(cost, mass, mass, 3e-3, 2000)
    rows, columns = optimize.linear_sum_assignment(cost.numpy())
    expected = torch.zeros(6, 6, dtype=torch.float64)
    expected[rows, columns] = 1 / 6
    record(
        METHOD,
        MODULE,
        "plan of 6 places",
        "scipy.optimize.linear_sum_assignment",
        error=error(plan, expected),
        tolerance=1e-3,  # scalings settle slowly at so small an epsilon
        dtype=cost.dtype,
    )


def test_the_plan_is_the_best_of_its_kind(record):
    """Among the plans with these sums it has the least cost plus epsilon P (log P - 1): its gradient is flat along all others."""
    epsilon = 0.2
    plan = sinkhorn(C, A, B, epsilon, 500)
    gap = max(error(plan.sum(1), A), error(plan.sum(0), B))
    slope = C + epsilon * plan.log()
    along = slope - slope.mean(0) - slope.mean(1, keepdim=True) + slope.mean()
    flat = error(along, torch.zeros_like(along))
    record(METHOD, MODULE, "sums of rows and columns, slope along other plans", "zero", error=max(gap, flat), **EXACT)

    def objective(p):
        return (p * C + epsilon * p * (p.log() - 1)).sum()

    for seed in range(5):
        step = randn(3, 4, seed=seed)
        step = 1e-3 * (step - step.mean(0) - step.mean(1, keepdim=True) + step.mean())
        assert objective(plan + step) > objective(plan)


def test_columns_fit_after_each_iteration_and_rows_in_the_end():
    early, late = sinkhorn(C, A, B, 0.1, 1), sinkhorn(C, A, B, 0.1, 400)
    assert error(early.sum(0), B) < 1e-14 and error(early.sum(1), A) > 0.01
    assert error(late.sum(0), B) < 1e-14 and error(late.sum(1), A) < 1e-12
    assert all(inspect.signature(f).parameters["iterations"].default == 100 for f in (sinkhorn, sinkhorn_cost))


def test_a_large_epsilon_gives_the_product_of_the_masses():
    assert error(sinkhorn(C, A, B, 1e9, 3), A[:, None] * B) < 1e-8


def test_places_without_mass(record):
    """Their rows and columns are empty, and the others are as without them, with a gradient for the cost."""
    a, b = torch.cat((A, torch.zeros(1).double())), torch.cat((torch.zeros(1).double(), B))
    cost = torch.full((4, 5), 0.3, dtype=torch.float64)
    cost[:3, 1:] = C
    cost.requires_grad_()
    plan = sinkhorn(cost, a, b, 0.2, 200)
    (slope,) = torch.autograd.grad((plan * cost).sum(), cost)
    inner = C.clone().requires_grad_()
    expected = sinkhorn(inner, A, B, 0.2, 200)
    (wanted,) = torch.autograd.grad((expected * inner).sum(), inner)
    gap = max(error(plan[:3, 1:], expected), error(slope[:3, 1:], wanted))
    record(METHOD, MODULE, "plan and slope beside places without mass", "the plan without them", error=gap, **EXACT)
    assert plan[3].abs().max() == 0 and plan[:, 0].abs().max() == 0 and slope[3].abs().max() == 0


def test_a_cost_far_beyond_epsilon_does_not_underflow():
    """exp(-C / epsilon) would be zero everywhere: a constant added to the cost changes no plan."""
    plan, moved = sinkhorn(C, A, B, 0.05, 50), sinkhorn(C + 1000, A, B, 0.05, 50)
    assert error(moved, plan) < 1e-9


def test_two_byte_types_are_computed_in_float32():
    for dtype in (torch.bfloat16, torch.float16):
        cost, a, b = (v.to(dtype) for v in (C, A, B))
        assert torch.equal(sinkhorn(cost, a, b, 0.05, 9), sinkhorn(cost.float(), a.float(), b.float(), 0.05, 9).to(dtype))
        x, y = randn(500, seed=16).to(dtype), randn(400, seed=17).to(dtype)
        assert torch.equal(transport_on_line(x, y, p=2.0), transport_on_line(x.float(), y.float(), p=2.0).to(dtype))
        weight = masses(500, seed=18).to(dtype)
        assert torch.equal(transport_on_line(x, y, weight), transport_on_line(x.float(), y.float(), weight.float()).to(dtype))
