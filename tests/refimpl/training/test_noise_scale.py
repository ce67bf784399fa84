"""What is special to the noise scale: estimates exact on average, the best step by brute force, and what running averages keep."""

from __future__ import annotations

import io
from itertools import product
from math import sqrt

import numpy as np
import pytest
import torch

from refimpl.training.noise_scale import RunningNoiseScale, best_step, gradient_moments, moments_of_norms, noise_scale
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error
from tests.refimpl.training.cases_noise_scale import METHOD, covariance, problem

MODULE = "refimpl.training.noise_scale"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}
POPULATION = torch.tensor([[1.0, -2.0], [0.5, 0.3], [-0.7, 2.2]], dtype=torch.float64)
"""Gradients of the three examples that there are, each as likely as the others."""


def moments(population):
    """|G|^2 and tr(Sigma) of a whole population."""
    mean = population.mean(0)
    return mean.square().sum(), (population - mean).square().sum(1).mean()


def draws(count):
    """Every sequence of so many examples, ``(3^count, count, 2)``."""
    return POPULATION[torch.tensor(list(product(range(3), repeat=count)))]


@pytest.mark.parametrize(("batches", "size"), [(2, 1), (2, 2), (3, 2), (5, 1)])
def test_estimates_are_exact_on_average(batches, size, record):
    """Over all samples with replacement the mean of both estimates is the population's moment, however small the batches are."""
    found = [gradient_moments(sample, size) for sample in draws(batches * size).unflatten(1, (batches, size)).mean(2)]
    gap = error(torch.tensor(found, dtype=torch.float64).mean(0), torch.stack(moments(POPULATION)))
    what = f"mean estimates of {batches} batches of {size}, {len(found)} samples"
    record(METHOD, MODULE, what, "moments of the population", error=gap, shapes=f"({batches},2)", **EXACT)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_norm_of_a_batch_gradient_on_average(size, record):
    """E |G_B|^2 = |G|^2 + tr(Sigma) / B, which the estimates turn around."""
    square, trace = moments(POPULATION)
    mean = draws(size).mean(1).square().sum(1).mean()
    record(
        METHOD, MODULE, f"squared norm of {size} examples", "all samples", error=error(mean, square + trace / size), shapes="(2,)", **EXACT
    )
    back = moments_of_norms(mean, draws(6).mean(1).square().sum(1).mean(), size, 6)
    gap = error(torch.stack(back), torch.stack((square, trace)))
    record(METHOD, MODULE, f"estimates of norms of {size} and 6", "moments of the population", error=gap, shapes="(2,)", **EXACT)


@pytest.mark.parametrize("size", [1, 3])
def test_best_step_by_brute_force(size, record):
    """The loss after a step along each possible batch gradient, averaged over all batches and minimized by SciPy."""
    optimize = pytest.importorskip("scipy.optimize")
    hessian = torch.tensor([[1.5, 0.4], [0.4, 0.7]], dtype=torch.float64)
    g = POPULATION.mean(0)
    sigma = (POPULATION - g).mT @ (POPULATION - g) / 3
    steps = draws(size).mean(1).numpy()

    def fall(step):
        moved = -step * steps
        return float(np.mean(moved @ g.numpy() + np.einsum("ni,ij,nj->n", moved, hessian.numpy(), moved) / 2))

    found = optimize.minimize_scalar(fall, bounds=(0.0, 2.0), method="bounded", options={"xatol": 1e-10})
    step, decrease = best_step(g, sigma, hessian, size)
    gap = max(error(step, torch.tensor(found.x)), error(decrease, torch.tensor(-found.fun)))
    oracle = "scipy.optimize.minimize_scalar over all batches"
    record(METHOD, MODULE, f"best step with {size} examples", oracle, error=gap, tolerance=1e-6, dtype=torch.float64, shapes="(2,)")


def test_half_of_the_progress_at_the_noise_scale():
    """With B_noise examples the best step is half as long as that of the true gradient, and lowers the loss half as much."""
    g, sigma, hessian = problem(5, seed=40)
    whole = best_step(g, sigma, hessian, float("inf"))
    half = best_step(g, sigma, hessian, noise_scale(g, sigma, hessian).item())
    assert all(error(2 * a, b) < 1e-13 for a, b in zip(half, whole, strict=True))
    assert error(whole[0], g @ g / (g @ hessian @ g)) < 1e-14


def test_without_gradient_the_best_step_is_none():
    _, sigma, hessian = problem(3, seed=41)
    assert best_step(torch.zeros(3, dtype=torch.float64), sigma, hessian, 4) == (0.0, 0.0)
    assert noise_scale(torch.zeros(3, dtype=torch.float64), sigma).item() == float("inf")


def test_simple_scale_is_that_of_a_round_hessian():
    g, sigma, _ = problem(4, seed=42)
    assert error(noise_scale(g, sigma, 3.7 * torch.eye(4).double()), noise_scale(g, sigma)) < 1e-14
    assert noise_scale(2 * g, 8 * sigma).item() == pytest.approx(2 * noise_scale(g, sigma).item(), rel=1e-13)


def test_noise_scale_of_a_quadratic(device, record):
    """Loss (theta - x)^T H (theta - x) / 2 with x ~ N(0, C): G = H theta, Sigma = H C H, within 4 standard errors of 4,000 steps."""
    hessian, spread, theta = covariance(3, seed=50), covariance(3, seed=51), torch.tensor([1.5, -0.9, 2.4], dtype=torch.float64)
    g, sigma = hessian @ theta, hessian @ spread @ hessian
    noise = randn(4000, 6, 2, 3, seed=52) @ torch.linalg.cholesky(spread).mT
    batches = ((theta - noise) @ hessian).mean(2).to(device)  # (4000, K, P): 6 batches of 2 examples
    found = torch.stack([torch.stack(gradient_moments(b, batch_size=2)) for b in batches]).cpu()
    for name, values, expected in (("|G|^2", found[:, 0], g @ g), ("tr(Sigma)", found[:, 1], sigma.trace())):
        gap = (values.mean() - expected).abs().item()
        limit = 4 * values.std().item() / sqrt(len(values))
        record(METHOD, MODULE, f"{name} on a quadratic", "closed form", error=gap, tolerance=limit, dtype=torch.float64, shapes="(6,3)")
        assert limit < 0.1 * expected
    ratio = found[:, 1].mean() / found[:, 0].mean()
    assert ratio.item() == pytest.approx(noise_scale(g, sigma).item(), rel=0.1)


def test_estimates_add_up_over_parameters():
    a, b = randn(4, 3, seed=60), randn(4, 2, 2, seed=61)
    whole = gradient_moments(torch.cat([a.flatten(1), b.flatten(1)], 1), 3)
    parts = [x + y for x, y in zip(gradient_moments(a, 3), gradient_moments(b, 3), strict=True)]
    assert all(error(x, y) < 1e-13 for x, y in zip(whole, parts, strict=True))


def test_gradients_alike_have_no_noise():
    """Nearly equal gradients of length 1e6: the literal difference of their squared norms would lose the noise in float32."""
    gradients = torch.full((8, 3), 1e6) + torch.arange(8.0)[:, None]  # exact in float32
    squared_norm, trace = gradient_moments(gradients)
    assert trace.item() == 18.0  # three parameters of variance 6
    assert squared_norm.item() == pytest.approx(3 * (1e6 + 3.5) ** 2, rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_single(dtype):
    """Two neighbors among the numbers of 8 or 11 bits have a mean between them, which those bits cannot hold."""
    eps = torch.finfo(dtype).eps
    gradients = torch.tensor([[1.0], [1.0 + eps]], dtype=dtype)
    squared_norm, trace = gradient_moments(gradients)
    assert squared_norm.dtype == trace.dtype == dtype
    assert trace == eps**2 / 2
    assert squared_norm == torch.tensor(1.0 + eps).to(dtype)


def test_running_averages_in_numpy(record):
    """Both are averaged before the ratio is taken, whose first value is the first ratio itself."""
    estimates = randn(12, 2, seed=70) * 0.2 + torch.tensor([2.0, 9.0], dtype=torch.float64)
    running, worst = RunningNoiseScale(0.8, dtype=torch.float64), 0.0
    for t, (n, s) in enumerate(estimates):
        weights = 0.8 ** np.arange(t, -1, -1)
        means = weights @ estimates[: t + 1].numpy() / weights.sum()
        worst = max(worst, error(running(n, s), torch.tensor(means[1] / means[0])))
        assert error(running.squared_norm, torch.tensor(means[0] * (1 - 0.8 ** (t + 1)))) < 1e-13
    record(METHOD, MODULE, "ratio of running averages, 12 steps", "weighted means in NumPy", error=worst, shapes="scalar", **EXACT)


def test_running_average_is_saved_and_holds_no_graph():
    running = RunningNoiseScale(0.5)
    running(torch.tensor(2.0, dtype=torch.float64, requires_grad=True), torch.tensor(8.0, dtype=torch.float64))
    file = io.BytesIO()
    torch.save(running.state_dict(), file)
    file.seek(0)
    again = RunningNoiseScale(0.5)
    again.load_state_dict(torch.load(file, weights_only=True))
    assert set(again.state_dict()) == {"squared_norm", "trace"}
    values = [r(torch.tensor(4.0), torch.tensor(2.0)) for r in (running, again)]
    assert values[0] == values[1] == (8 / 4 + 2 / 2) / (2 / 4 + 4 / 2)
    assert not running.squared_norm.requires_grad and not values[0].requires_grad
    assert running.trace.dtype == torch.float32


def test_running_average_by_hand():
    running = RunningNoiseScale(0.0)
    assert running(torch.tensor(2.0), torch.tensor(8.0)) == 4.0
    assert running(torch.tensor(-1.0), torch.tensor(8.0)) == -8.0
    default = RunningNoiseScale()
    assert default.decay == 0.99 and repr(default) == "RunningNoiseScale(decay=0.99)"
    placed = RunningNoiseScale(device="meta", dtype=torch.float16)
    assert placed.trace.device.type == placed.squared_norm.device.type == "meta" and placed.trace.dtype == torch.float16
