"""What is special to t-SNE: the perplexity itself, scikit-learn's parts, symmetries, the descent step by step."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
import torch

from refimpl.foundations.tsne import (
    conditional_probabilities,
    joint_probabilities,
    map_probabilities,
    tsne,
    tsne_cost,
    tsne_gradient,
)
from tests.refimpl.foundations.cases_tsne import METHOD, P, X, Y, numpy_gradient, numpy_joint
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.foundations.tsne"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}


def seeded(seed=3):
    return torch.Generator().manual_seed(seed)


def perplexities(p):
    return (-torch.xlogy(p, p).sum(1) / math.log(2)).exp2()


@pytest.mark.parametrize("perplexity", [1.5, 5.0, 30.0, 48.0])
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_every_row_has_the_perplexity(perplexity, scale, record):
    x = randn(50, 3, seed=8) * scale
    p = conditional_probabilities(x, perplexity)
    gap = error(perplexities(p), torch.full((50,), perplexity))
    record(METHOD, MODULE, f"perplexity {perplexity}, data of size {scale:g}", "2^entropy", error=gap, shapes="(50,3)", **EXACT)
    assert not p.diagonal().any() and error(p.sum(1), torch.ones(50)) < 1e-14


def test_bandwidths_by_another_search(record):
    """One row after another, the root of the entropy in log b by Brent's method."""
    optimize = pytest.importorskip("scipy.optimize")
    x = randn(20, 3, seed=9).numpy()
    expected = np.zeros((20, 20))
    for i in range(20):
        others = np.arange(20) != i
        d = ((x[i] - x[others]) ** 2).sum(1)

        def found(position, d=d):
            p = np.exp(-math.exp(position) * d)
            return p / p.sum()

        root = optimize.brentq(lambda v, f=found: -(f(v) @ np.log(f(v) + 1e-300)) - math.log(6.5), -7, 5, xtol=1e-15, rtol=1e-14)
        expected[i, others] = found(root)
    gap = error(conditional_probabilities(torch.from_numpy(x), 6.5), torch.from_numpy(expected))
    record(METHOD, MODULE, "conditional probabilities", "scipy.optimize.brentq", error=gap, shapes="(20,3)", **EXACT)


def test_probabilities_against_scikit_learn(record):
    """Its search stops at 1e-5 nats of entropy, and works in float32."""
    inner = pytest.importorskip("sklearn.manifold._t_sne")
    distance = pytest.importorskip("scipy.spatial.distance")
    x = randn(60, 5, seed=10)
    d = distance.squareform(distance.pdist(x.numpy(), "sqeuclidean")).astype(np.float32)
    expected = torch.from_numpy(distance.squareform(inner._joint_probabilities(d, 12.0, 0)))
    gap = error(joint_probabilities(x, 12.0), expected)
    record(METHOD, MODULE, "joint probabilities", "sklearn.manifold", error=gap, tolerance=1e-4, dtype=torch.float64, shapes="(60,5)")


@pytest.mark.parametrize("dims", [2, 3])
def test_cost_and_gradient_against_scikit_learn(dims, record):
    """With dims - 1 degrees of freedom, which scikit-learn takes for more than two dimensions, it is another method."""
    inner = pytest.importorskip("sklearn.manifold._t_sne")
    distance = pytest.importorskip("scipy.spatial.distance")
    p, y = joint_probabilities(randn(30, 5, seed=11), 7.0), randn(30, dims, seed=12)
    cost, slope = inner._kl_divergence(y.numpy().ravel().copy(), distance.squareform(p.numpy()), 1, 30, dims)
    gap = max(abs(tsne_cost(p, y).item() - cost) / cost, error(tsne_gradient(p, y), torch.from_numpy(slope).view(30, dims)))
    note = {"error": gap, "tolerance": 1e-10, "dtype": torch.float64, "shapes": f"(30,{dims})"}
    record(METHOD, MODULE, f"cost and gradient, {dims} dimensions", "sklearn.manifold", **note)


def test_more_equal_neighbors_than_the_perplexity():
    """The corners of a simplex are all as near; copies of one point share the probability, whatever the perplexity."""
    for x in (torch.eye(6), torch.zeros(6, 3)):
        for perplexity in (1.0, 2.5, 5.0):
            assert error(conditional_probabilities(x.double(), perplexity), (1 - torch.eye(6).double()) / 5) < 1e-14
    x = torch.tensor([[0.0], [1.0], [-1.0], [5.0]], dtype=torch.float64)
    assert conditional_probabilities(x, 1.5)[0].tolist() == [0, 0.5, 0.5, 0]


def test_ends_of_the_range():
    """Perplexity 1 takes the nearest alone, N - 1 all alike."""
    x = torch.tensor([[0.0], [1.0], [3.0], [7.0]], dtype=torch.float64)
    nearest = torch.tensor([[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])
    assert error(conditional_probabilities(x, 1), nearest) < 1e-12
    assert error(conditional_probabilities(x, 3), (1 - torch.eye(4)) / 3) < 1e-6
    assert conditional_probabilities(x[:2], 1).tolist() == [[0, 1], [1, 0]]


def test_distances_that_differ_by_many_orders():
    """Neighbors at 1e-6 beside a point at 1e6: the row's bandwidth is that of the neighbors."""
    x = torch.cat([randn(8, 2, seed=13) * 1e-6, torch.full((1, 2), 1e6, dtype=torch.float64)])
    p = conditional_probabilities(x, 3.0)
    assert error(perplexities(p)[:8], torch.full((8,), 3.0)) < 1e-3
    assert not p[:8, 8].any()


def test_data_far_from_zero():
    """Distances by |a|^2 + |b|^2 - 2 ab would keep no digit."""
    x = (randn(40, 3, seed=9) * 64).round() / 64
    assert torch.equal(conditional_probabilities(x + 2**30, 5.0), conditional_probabilities(x, 5.0))


def test_data_in_two_byte_types_are_searched_in_float64():
    x = X.bfloat16()
    assert torch.equal(conditional_probabilities(x, 3.5), conditional_probabilities(x.double(), 3.5).bfloat16())
    assert not conditional_probabilities(X.clone().requires_grad_(), 3.5).requires_grad


def test_joint_probabilities_are_symmetric_and_reach_every_point():
    """Their sum is 1 and that of each point at least 1 / (2 n), also of one far from all others."""
    p = joint_probabilities(torch.cat([X, X[:1] + 50]), 3.0)
    assert torch.equal(p, p.T) and error(p.sum(), torch.tensor(1.0)) < 1e-14
    assert (p.sum(1) >= 1 / 20 - 1e-15).all()


def test_a_map_does_not_change_what_turns_and_moves(record):
    """Probabilities and cost are the same after a rotation and a shift, and the gradient turns along and sums to 0."""
    turn = torch.tensor([[0.6, -0.8], [0.8, 0.6]], dtype=torch.float64)
    moved = Y @ turn + 7
    gap = max(
        error(map_probabilities(moved), map_probabilities(Y)),
        error(tsne_cost(P, moved), tsne_cost(P, Y)),
        error(tsne_gradient(P, moved), tsne_gradient(P, Y) @ turn),
        tsne_gradient(P, Y).sum(0).abs().max().item(),
    )
    record(METHOD, MODULE, "rotation and shift", "invariance", error=gap, shapes="(6,2)", **EXACT)


def test_the_cost_is_zero_where_the_map_has_the_probabilities():
    q = map_probabilities(Y)
    assert abs(tsne_cost(q, Y)) < 1e-14 and tsne_gradient(q, Y).abs().max() < 1e-15
    assert tsne_cost(P, Y) > 0.01


def test_two_points_pull_at_each_other_never():
    """p and q are both 1/2 for the only pair, wherever the points are."""
    p = joint_probabilities(X[:2], 1)
    assert p.tolist() == [[0, 0.5], [0.5, 0]] and tsne_gradient(p, Y[:2]).abs().max() < 1e-15


def test_three_points_by_hand():
    """On a line at 0, 1, 3: squared distances 1, 4, 9 give 1/2, 1/5, 1/10, of sum 4/5 over the pairs, each counted twice."""
    q = map_probabilities(torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64))
    expected = torch.tensor([[0, 5, 1], [5, 0, 2], [1, 2, 0]]) / 16
    assert error(q, expected) < 1e-15


def test_far_apart_in_float32():
    """Squares beyond what 1 / (1 + d) keeps: the logarithm is taken of 1 + d itself."""
    y = torch.tensor([[0.0, 0], [1, 0], [1e19, 0]])
    p = torch.tensor([[0, 0.2, 0.2], [0.2, 0, 0.1], [0.2, 0.1, 0]])
    expected = 2 * (0.2 * math.log(0.2) * 2 + 0.1 * math.log(0.1)) + 0.4 * math.log(2) + 0.6 * 38 * math.log(10)
    assert tsne_cost(p, y).item() == pytest.approx(expected, rel=1e-6)


def numpy_descent(x, start, perplexity, steps, lr, exaggeration, exaggerated, momentum, switch):
    """Algorithm 1 with the gains, number by number."""
    p = numpy_joint(None, x, perplexity)
    y, before, gains = start.copy(), start.copy(), np.ones(start.shape)
    for t in range(steps):
        slope = numpy_gradient(None, y, p * (exaggeration if t < exaggerated else 1))
        new = y.copy()
        for at in np.ndindex(y.shape):
            moved = y[at] - before[at]
            gains[at] = gains[at] + 0.2 if (slope[at] > 0) != (moved > 0) else max(gains[at] * 0.8, 0.01)
            new[at] += momentum[t >= switch] * moved - lr * gains[at] * slope[at]
        y, before = new, y
    return y


SETTING = {"perplexity": 3.5, "lr": 2.0, "exaggeration": 3.0, "exaggerated": 4, "momentum": (0.4, 0.7), "switch": 7}


@pytest.mark.parametrize("steps", [0, 1, 2, 4, 5, 7, 8, 30])
def test_descent_step_by_step(steps, record):
    start = randn(9, 2, seed=14)
    expected = torch.from_numpy(numpy_descent(X.numpy(), start.numpy(), steps=steps, **SETTING))
    before = start.clone()
    gap = error(tsne(X, steps=steps, start=start, **SETTING), expected)
    note = {"error": gap, "tolerance": 1e-9, "dtype": torch.float64, "shapes": "(9,4)"}
    record(METHOD, MODULE, f"places after {steps} steps", "algorithm 1 in NumPy", **note)
    assert torch.equal(start, before)


def test_gains_have_a_floor():
    """Two points that fly apart against a steady force: after 25 steps .8^25 is below .01."""
    x, start = X[:3], randn(3, 1, seed=15)
    setting = SETTING | {"perplexity": 1.5, "lr": 1e-3, "exaggerated": 0, "momentum": (0.999, 0.999)}
    expected = numpy_descent(x.numpy(), start.numpy(), steps=60, **setting)
    assert error(tsne(x, dims=1, steps=60, start=start, **setting), torch.from_numpy(expected)) < 1e-9


def test_first_places():
    """Normal with standard deviation .01, within 4 standard errors; from the generator given or the global one."""
    x = randn(2000, 1, seed=16).float()
    y = tsne(x, steps=0, generator=seeded())
    n = y.numel()
    assert y.shape == (2000, 2) and y.dtype == torch.float32
    assert abs(y.std().item() / 0.01 - 1) < 4 / math.sqrt(2 * n) and abs(y.mean().item()) < 4 * 0.01 / math.sqrt(n)
    assert torch.equal(tsne(X, 3, steps=2, generator=seeded()), tsne(X, 3, steps=2, generator=seeded()))
    torch.manual_seed(3)
    assert torch.equal(tsne(X, 3, 3, steps=2), tsne(X, 3, 3, steps=2, generator=seeded()))
    assert torch.equal(tsne(X, 3, steps=0, generator=seeded()), 0.01 * torch.randn(9, 2, dtype=torch.float64, generator=seeded()))


def test_defaults():
    found = {name: parameter.default for name, parameter in inspect.signature(tsne).parameters.items()}
    expected = {"perplexity": 30, "dims": 2, "steps": 1000, "lr": 100, "exaggeration": 4, "exaggerated": 50, "switch": 250}
    assert expected.items() <= found.items() and found["momentum"] == (0.5, 0.8)
    assert torch.equal(joint_probabilities(randn(32, 2, seed=4)), joint_probabilities(randn(32, 2, seed=4), 30))


def test_clusters_stay_together(record):
    """Three clouds, 20 apart in ten dimensions: on the map every point's nearest neighbor is of its own cloud."""
    centers = torch.eye(3, 10, dtype=torch.float64) * 20
    x = centers.repeat_interleave(15, 0) + randn(45, 10, seed=17)
    y = tsne(x, 5.0, steps=250, lr=10.0, generator=seeded())
    label = torch.arange(45) // 15
    nearest = torch.cdist(y, y).fill_diagonal_(torch.inf).argmin(1)
    wrong = (label[nearest] != label).double().mean().item()
    record(METHOD, MODULE, "nearest neighbors of another cloud", "labels", error=wrong, tolerance=0, dtype=torch.float64, shapes="(45,10)")
    p = joint_probabilities(x, 5.0)
    assert tsne_cost(p, y) < tsne_cost(p, 0.01 * randn(45, 2, seed=18)) / 3


def test_the_update_as_printed_climbs():
    """Equation 3 of the paper adds the gradient; one such step raises the cost, and one that subtracts it lowers it."""
    p, y = joint_probabilities(X, 3.5), randn(9, 2, seed=14)
    slope, cost = tsne_gradient(p, y), tsne_cost(p, y)
    assert tsne_cost(p, y + 0.1 * slope) > cost > tsne_cost(p, y - 0.1 * slope)
    first = tsne(X, 3.5, steps=1, lr=0.1, exaggerated=0, start=y)
    assert torch.equal(torch.sign(first - y), -torch.sign(slope))


def test_the_default_dtype_does_not_matter():
    torch.set_default_dtype(torch.float64)
    try:
        assert map_probabilities(Y.float()).dtype == tsne_gradient(P.float(), Y.float()).dtype == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)


def test_all_on_the_device_of_the_data():
    y = randn(9, 2, seed=14)
    with torch.device("meta"):
        assert tsne(X, 3.5, steps=1, start=y).device.type == "cpu"
        assert tsne(X, 3.5, steps=1).device.type == "cpu"
