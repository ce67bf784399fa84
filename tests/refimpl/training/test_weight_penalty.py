"""What is special to weight penalties: ridge and lasso solutions, weight decay beside an L2 penalty, the proximal map's definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from refimpl.training.weight_penalty import decay_, l1_penalty, l2_penalty, soft_threshold
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error
from tests.refimpl.harness.rule import GRADIENTS
from tests.refimpl.training.cases_weight_penalty import METHOD

MODULE = "refimpl.training.weight_penalty"
X, Y = randn(40, 6, seed=1), randn(40, seed=2) * 2 + randn(40, 6, seed=1)[:, 0]


def half_mean_square(w):
    return (X @ w - Y).square().mean() / 2


def test_l2_minimum_is_ridge_regression(record):
    """The gradient vanishes where the normal equations with lambda on the diagonal say."""
    normal = (X.T @ X / 40 + 0.3 * torch.eye(6, dtype=X.dtype)).numpy()
    ridge = torch.from_numpy(np.linalg.solve(normal, (X.T @ Y / 40).numpy())).requires_grad_()
    (half_mean_square(ridge) + l2_penalty(ridge, 0.3)).backward()
    gap = ridge.grad.abs().max().item()
    record(METHOD, MODULE, "gradient at the ridge solution", "0", error=gap, tolerance=1e-13, dtype=X.dtype, shapes="(6,)")


def test_proximal_steps_reach_the_lasso(record):
    """Iterated soft thresholding meets the optimality conditions: gradient -lambda sign(w) where w is not 0, within lambda where it is."""
    w = torch.zeros(6, dtype=X.dtype)
    for _ in range(3000):
        w = soft_threshold(w - 0.3 * X.T @ (X @ w - Y) / 40, 0.3 * 0.25)
    g = X.T @ (X @ w - Y) / 40
    active = w != 0
    assert 0 < active.sum() < 6
    gap = (g + 0.25 * w.sign())[active].abs().max().item()
    record(METHOD, MODULE, "lasso", "optimality conditions", error=gap, tolerance=1e-13, dtype=X.dtype, shapes="(6,)")
    assert (g[~active].abs() <= 0.25).all()
    lasso = w.clone().requires_grad_()
    whole = half_mean_square(lasso) + l1_penalty(lasso, 0.25)
    nearby = [half_mean_square(w + d) + l1_penalty(w + d, 0.25) for d in 1e-3 * randn(50, 6, seed=3)]
    assert all(value > whole for value in nearby)


def test_lasso_of_scikit_learn(record):
    linear_model = pytest.importorskip("sklearn.linear_model", reason="the optional package scikit-learn is not installed")
    w = torch.zeros(6, dtype=X.dtype)
    for _ in range(3000):
        w = soft_threshold(w - 0.3 * X.T @ (X @ w - Y) / 40, 0.3 * 0.25)
    found = linear_model.Lasso(alpha=0.25, fit_intercept=False, tol=1e-14, max_iter=100_000).fit(X.numpy(), Y.numpy()).coef_
    gap = error(w, torch.from_numpy(found))
    record(METHOD, MODULE, "lasso", "sklearn.linear_model.Lasso", error=gap, tolerance=1e-7, dtype=X.dtype, shapes="(6,)")


def walk(make, penalty):
    w = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    optimizer = make([w])
    for g in GRADIENTS:
        w.grad = g.clone()
        penalty(w)
        optimizer.step()
    return w.detach()


def add_l2(w):
    w.grad = w.grad + 0.4 * w.detach()


def test_decay_is_the_penalty_for_gradient_descent(record):
    """And another method for Adam: AdamW."""
    sgd, adam = (lambda p: torch.optim.SGD(p, lr=0.1)), (lambda p: torch.optim.Adam(p, lr=0.1))
    gap = error(walk(sgd, lambda w: decay_(w, 0.4, 0.1)), walk(sgd, add_l2))
    record(METHOD, MODULE, "decay and gradient descent", "an L2 penalty", error=gap, tolerance=1e-14, dtype=torch.float64, shapes="(3,)")
    decayed = walk(adam, lambda w: decay_([w], 0.4, 0.1))
    gap = error(decayed, walk(lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.4), lambda w: None))
    record(METHOD, MODULE, "decay and Adam", "torch.optim.AdamW", error=gap, tolerance=1e-14, dtype=torch.float64, shapes="(3,)")
    assert error(decayed, walk(adam, add_l2)) > 0.01


def test_proximal_map_by_its_definition():
    """argmin over u of (u - x)^2 / 2 + threshold |u|, by a fine search."""
    grid = torch.linspace(-4, 4, 80_001, dtype=torch.float64)
    for x in (-3.0, -0.7, 0.0, 0.69, 0.7, 2.2):
        found = grid[((grid - x) ** 2 / 2 + 0.7 * grid.abs()).argmin()]
        assert soft_threshold(torch.tensor(x, dtype=torch.float64), 0.7).item() == pytest.approx(found.item(), abs=1e-4)


def test_subgradient_at_zero_is_zero():
    w = torch.zeros(3, requires_grad=True)
    l1_penalty(w, 1.0).backward()
    assert torch.equal(w.grad, torch.zeros(3))


def test_boundaries():
    w = torch.ones(2)
    decay_(w, 0.0, 0.0)
    assert l2_penalty(torch.tensor(2.0), 3.0) == 6.0 and l1_penalty(torch.tensor(-2.0), 3.0) == 6.0
    assert torch.equal(w, torch.ones(2)) and l2_penalty(w, 0.0) == l1_penalty(w, 0.0) == 0
    decay_((p for p in [w]), 0.5, 0.1)
    assert torch.allclose(w, torch.full((2,), 0.95))
