"""What is special to Bayes by Backprop: the best normal posterior of a linear model, unbiased samples, weights of batches."""

from __future__ import annotations

import inspect
import math
from itertools import pairwise

import torch
from torch import nn

from refimpl.bayesian.bayes_by_backprop import BayesByBackprop, batch_weight, log_mixture, log_normal
from tests.refimpl.bayesian.cases_bayes_by_backprop import METHOD, MIXTURE, W, network
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.bayesian.bayes_by_backprop"


def standard_errors(draws: torch.Tensor, expected: torch.Tensor) -> float:
    """Largest distance of the mean over the first dimension, in standard errors."""
    return ((draws.mean(0) - expected).abs() / (draws.std(0) / len(draws) ** 0.5)).max().item()


def test_the_best_posterior_of_a_linear_model_is_a_fixed_point(record):
    """Means at the exact posterior mean and precisions at the diagonal of its precision: no gradient of the bound is left."""
    x, noise, prior = randn(20, 3, seed=1), 0.7, 1.3
    y = x @ randn(3, 1, seed=2) + noise * randn(20, 1, seed=3)
    precision = x.T @ x / noise**2 + torch.eye(3, dtype=torch.float64) / prior**2
    model = BayesByBackprop(nn.Linear(3, 1, bias=False).double(), 0.1, (prior,))
    with torch.no_grad():
        model.module.weight.copy_((torch.linalg.solve(precision, x.T @ y) / noise**2).T)
        model.rho[0].copy_(torch.expm1(precision.diagonal().rsqrt()).log()[None])
    torch.manual_seed(0)
    for name, closed in (("sampled divergence", False), ("divergence in closed form", True)):
        draws = []
        for _ in range(800):
            output, complexity = model.sample(x)
            loss = (model.kl() if closed else complexity) - log_normal(y, output, noise)
            draws.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))]))
        z = standard_errors(torch.stack(draws), torch.zeros(6, dtype=torch.float64))
        what = f"gradient at the best posterior, {name}, standard errors"
        record(METHOD, MODULE, what, "zero", error=z, tolerance=4.5, dtype=x.dtype, shapes="(20,3)")
    with torch.no_grad():
        model.rho[0] += 0.5
    moved = torch.stack([torch.autograd.grad(model.kl() - log_normal(y, model(x), noise), model.rho[0])[0] for _ in range(300)])
    assert standard_errors(moved, 0 * moved[0]) > 8


def test_the_sampled_divergence_is_unbiased(record):
    model = network((0.6,))
    with torch.no_grad():
        draws = torch.stack([model.complexity(model.draw()) for _ in range(2000)])
        z = standard_errors(draws[:, None], model.kl()[None])
    record(METHOD, MODULE, "mean of 2,000 complexities, standard errors", "closed form", error=z, tolerance=4.5, dtype=draws.dtype)


def test_draws_have_the_distribution_that_the_parameters_say():
    model = BayesByBackprop(nn.Linear(2, 1), sigma=0.3)
    draws = torch.stack([torch.cat([w.flatten() for w in model.draw().values()]) for _ in range(2000)])
    means = torch.cat([p.flatten() for p in model.module.parameters()])
    assert standard_errors(draws, means) < 4.5
    assert (draws.std(0) / 0.3 - 1).abs().max() < 4.5 / 4000**0.5
    correlation = torch.corrcoef(draws.T) - torch.eye(3)
    assert correlation.abs().max() < 4.5 / 2000**0.5, "every weight on its own"
    names, _, sigmas = zip(*model.distributions(), strict=True)
    assert names == ("weight", "bias") and all(torch.allclose(s, torch.tensor(0.3)) for s in sigmas)


def test_weights_of_the_batches():
    for batches in (1, 3, 60):
        found = [batch_weight(i, batches) for i in range(1, batches + 1)]
        assert math.isclose(sum(found), 1.0, rel_tol=1e-15)
        assert all(math.isclose(a, 2 * b, rel_tol=1e-15) for a, b in pairwise(found))
    assert batch_weight(1, 3) == 4 / 7 and batch_weight(2000, 2000) == 0.0


def test_limits_of_the_mixture():
    same = log_mixture(W, 0.3, 0.8, 0.8)
    assert error(same, log_normal(W, 0.0, 0.8)) < 1e-14
    far = torch.full((1,), 60.0)
    assert torch.isfinite(log_mixture(far, *MIXTURE)), "the logarithm of a density that underflows"


def test_modes_predictions_and_defaults():
    model = network()
    x = randn(4, 3, seed=5)
    assert not torch.equal(model(x), model(x)) and torch.equal(model.eval()(x), model.module(x))
    predictions = model.predict(x, count=7)
    assert predictions.shape == (7, 4, 2) and len({p.sum().item() for p in predictions}) == 7 and not predictions.requires_grad
    assert inspect.signature(model.predict).parameters["count"].default == 100
    plain = nn.Linear(2, 2)
    before = plain.weight.detach().clone()
    made = BayesByBackprop(plain)
    assert torch.equal(made.module.weight, before) and made.prior == (1.0,)
    assert all(torch.allclose(s, torch.tensor(0.05)) for _, _, s in made.distributions())
    assert list(made.state_dict()) == ["module.weight", "module.bias", "rho.0", "rho.1"]
    assert "prior=(1.0,)" in repr(made)
