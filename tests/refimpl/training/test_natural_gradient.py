"""The natural gradient against the Fisher matrix by its definition, Newton's step where both agree, and a change of parameters."""

from __future__ import annotations

import inspect
from itertools import pairwise

import numpy as np
import pytest
import torch

from refimpl.training.natural_gradient import conjugate_gradient, fisher_vector_product, natural_gradient
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.harness.compare import error

METHOD = "natural-gradient"
MODULE = "refimpl.training.natural_gradient"
X, Y = randn(7, 3, seed=1), torch.tensor([0, 2, 1, 1, 3, 0, 2])
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}


def network(x):
    def logits(p):
        return torch.tanh(x @ p["a"] + p["b"]) @ p["c"]

    return logits


def parameters(dtype=torch.float64, device="cpu"):
    shapes = {"a": (3, 5), "b": (5,), "c": (5, 4)}
    return {name: rand(*shape, seed=i, low=-1.5, high=1.5).to(device, dtype) for i, (name, shape) in enumerate(shapes.items())}


def flat(tree):
    return torch.cat([tree[name].reshape(-1) for name in sorted(tree)])


def tree(vector):
    sizes = {"a": (3, 5), "b": (5,), "c": (5, 4)}
    parts = torch.split(vector, [15, 5, 20])
    return {name: part.reshape(shape) for (name, shape), part in zip(sizes.items(), parts, strict=True)}


def fisher(p):
    """By the definition: every input, every class, weighted by the class's probability."""
    total = np.zeros((40, 40))
    for x in X:
        for k in range(4):

            def log_p(q, x=x, k=k):
                return torch.log_softmax(network(x[None])(q), -1)[0, k]

            g = flat(torch.func.grad(log_p)(p)).numpy()
            total += torch.exp(log_p(p)).item() * np.outer(g, g)
    return total / len(X)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_product_against_the_definition(dtype, device, record):
    v = randn(40, seed=9)
    ours = fisher_vector_product(network(X.to(device, dtype)), parameters(dtype, device), tree(v.to(device, dtype)))
    gap = error(flat(ours), torch.from_numpy(fisher(parameters()) @ v.numpy()))
    what, oracle = "F v of a network with one hidden layer", "sum over inputs and classes in NumPy"
    record(METHOD, MODULE, what, oracle, error=gap, tolerance=TOLERANCE[dtype], dtype=dtype, shapes="7 inputs, 40 parameters")


def test_fisher_is_the_hessian_of_softmax_regression(device, record):
    """For a linear model the Fisher matrix and the Hessian of the cross-entropy are equal, so that one step is Newton's."""
    w = {"w": rand(3, 4, seed=3).to(device)}
    x, y = X.to(device), Y.to(device)

    def loss(w):
        return torch.nn.functional.cross_entropy(x @ w, y)

    hessian = torch.func.hessian(loss)(w["w"]).reshape(12, 12)
    columns = [fisher_vector_product(lambda p: x @ p["w"], w, {"w": e.reshape(3, 4)})["w"].reshape(-1) for e in torch.eye(12).to(w["w"])]
    gap = error(torch.stack(columns, 1), hessian)
    what = "F of softmax regression"
    record(METHOD, MODULE, what, "torch.func.hessian", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(12,12)")
    g = torch.func.grad(loss)(w["w"])
    ours = natural_gradient(lambda p: x @ p["w"], w, {"w": g}, damping=0.02)["w"]
    newton = torch.linalg.solve(hessian + 0.02 * torch.eye(12).to(hessian), g.reshape(-1)).reshape(3, 4)
    what = "direction with damping 0.02"
    record(METHOD, MODULE, what, "torch.linalg.solve", error=error(ours, newton), tolerance=1e-9, dtype=torch.float64, shapes="(3,4)")


def test_direction_does_not_depend_on_the_parametrization(record):
    """With theta = M phi the natural direction of phi, mapped by M, is that of theta; the gradient's is not."""
    torch.manual_seed(0)
    m = randn(3, 3, seed=4) + 2 * torch.eye(3)
    w = rand(3, 2, seed=5)
    y = Y % 2

    def direction(model, start, natural):
        g = {"w": torch.func.grad(lambda q: torch.nn.functional.cross_entropy(model({"w": q}), y))(start)}
        return natural_gradient(model, {"w": start}, g, steps=100)["w"] if natural else g["w"]

    phi = torch.linalg.solve(m, w)
    gaps = []
    for natural in (True, False):
        mine = direction(lambda p: X @ p["w"], w, natural)
        theirs = m @ direction(lambda p: X @ (m @ p["w"]), phi, natural)
        gaps.append(error((X @ theirs).diff(dim=1), (X @ mine).diff(dim=1)))  # of the distribution: logits up to a constant
    record(METHOD, MODULE, "theta = M phi", "the direction mapped by M", error=gaps[0], tolerance=1e-7, dtype=torch.float64, shapes="(3,2)")
    assert gaps[1] > 0.1


def test_conjugate_gradient(record):
    """Exact after as many steps as unknowns; with fewer the error falls in the norm of the matrix."""
    a = randn(6, 6, seed=6)
    a = a @ a.T + 0.5 * torch.eye(6)
    b = {"first": randn(2, 2, seed=7), "second": randn(2, seed=8)}

    def product(v):
        image = a @ torch.cat([v["first"].reshape(-1), v["second"]])
        return {"first": image[:4].reshape(2, 2), "second": image[4:]}

    def vector(v):
        return torch.cat([v["first"].reshape(-1), v["second"]])

    exact = torch.from_numpy(np.linalg.solve(a.numpy(), vector(b).numpy()))
    gap = error(vector(conjugate_gradient(product, b, steps=12, tolerance=0.0)), exact)
    record(METHOD, MODULE, "conjugate gradients", "numpy.linalg.solve", error=gap, tolerance=1e-10, dtype=torch.float64, shapes="(6,6)")

    def distance(steps):
        e = vector(conjugate_gradient(product, b, steps=steps)) - exact
        return (e @ a @ e).item()

    distances = [distance(steps) for steps in range(1, 6)]
    assert all(later < earlier for earlier, later in pairwise(distances))
    assert distances[0] > 1e-6
    first = vector(conjugate_gradient(product, b, steps=1))
    r = vector(b)
    assert error(first, (r @ r) / (r @ a @ r) * r) < 1e-13


def test_conjugate_gradient_stops_when_the_residual_is_small():
    calls = []

    def product(v):
        calls.append(v)
        return {"x": torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64) * v["x"]}

    b = {"x": torch.ones(3, dtype=torch.float64)}
    for tolerance, most in ((1e-10, 4), (0.9, 2)):
        calls.clear()
        x = conjugate_gradient(product, b, tolerance=tolerance)["x"]
        residual = torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64) * x - 1
        assert 0 < len(calls) <= most and residual.norm() <= tolerance * 3**0.5
    residuals = [1.0]
    for steps in range(1, 4):
        x = conjugate_gradient(product, b, steps=steps, tolerance=0.0)["x"]
        residuals.append((torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64) * x - 1).norm().item() / 3**0.5)
    for tolerance in (0.9, 0.5, 0.2, 0.05, 1e-3, *(1.001 * r for r in residuals[1:3] if r < 0.99)):
        calls.clear()
        conjugate_gradient(product, b, tolerance=tolerance)
        assert len(calls) == next(k for k, r in enumerate(residuals) if r <= tolerance)
    calls.clear()
    assert torch.equal(conjugate_gradient(product, {"x": torch.zeros(3)})["x"], torch.zeros(3)) and not calls
    assert torch.equal(conjugate_gradient(lambda v: {"x": 0 * v["x"]}, b)["x"], torch.zeros(3, dtype=torch.float64))
    assert torch.equal(conjugate_gradient(product, b, tolerance=1.0)["x"], torch.zeros(3, dtype=torch.float64))


def test_default_damping_and_steps():
    """No damping: F times the direction is the gradient, which is in F's range for softmax regression."""
    w = {"w": rand(3, 4, seed=3)}
    g = {"w": torch.func.grad(lambda w: torch.nn.functional.cross_entropy(X @ w, Y))(w["w"])}
    d = natural_gradient(lambda p: X @ p["w"], w, g)
    assert error(fisher_vector_product(lambda p: X @ p["w"], w, d)["w"], g["w"]) < 1e-9
    few = natural_gradient(lambda p: X @ p["w"], w, g, steps=2)
    assert error(few["w"], d["w"]) > 1e-3
    loose = natural_gradient(lambda p: X @ p["w"], w, g, tolerance=0.5)
    assert error(loose["w"], d["w"]) > 1e-3
    many = {"x": torch.logspace(0, 8, 200, dtype=torch.float64)}
    count = []

    def product(v):
        count.append(1)
        return {"x": many["x"] * v["x"]}

    conjugate_gradient(product, {"x": torch.ones(200, dtype=torch.float64)})
    assert len(count) == 50
    natural_gradient(lambda p: X @ p["w"], w, g, damping=0.0, steps=1, tolerance=0.0)
    for function in (conjugate_gradient, natural_gradient):
        found = inspect.signature(function).parameters
        assert (found["steps"].default, found["tolerance"].default) == (50, 1e-10)


def test_extreme_logits_stay_finite():
    w = {"w": 1e4 * rand(3, 4, seed=3, low=-1.0).float()}
    v = fisher_vector_product(lambda p: X.float() @ p["w"], w, {"w": torch.ones(3, 4)})
    assert bool(torch.isfinite(v["w"]).all())


def test_bad_arguments_are_named():
    p = parameters()
    v = {**p, "b": torch.zeros(4)}
    a = r"\{'a': \(3, 5\), 'b': \(5,\), 'c': \(5, 4\)\}, got \{'a': \(3, 5\), 'b': \(4,\), 'c': \(5, 4\)\}$"
    named = "expected a direction with names and shapes "
    for call, message in (
        (lambda: fisher_vector_product(network(X), p, v), "^fisher_vector_product: " + named + a),
        (lambda: natural_gradient(network(X), p, v), "^natural_gradient: " + named + a),
        (lambda: natural_gradient(network(X), p, p, damping=-1.0), r"^natural_gradient: damping must be non-negative, got -1.0$"),
        (lambda: conjugate_gradient(lambda v: v, p, steps=0), r"^conjugate_gradient: steps must be at least 1, got 0$"),
        (lambda: conjugate_gradient(lambda v: v, p, tolerance=-0.1), r"^conjugate_gradient: tolerance must be non-negative, got -0.1$"),
        (
            lambda: fisher_vector_product(lambda q: q["b"], {"b": p["b"]}, {"b": p["b"]}),
            r"^fisher_vector_product: expected logits of shape \(N, K\), got \(5,\)$",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            call()
