"""What is special to Polyak averaging: the mean of the points, its covariance on a quadratic, and what a saved state keeps."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from torch.optim.swa_utils import AveragedModel

from refimpl.training.polyak_averaging import AveragedSGD, asymptotic_covariance
from tests.refimpl.harness.compare import error
from tests.refimpl.harness.rule import GRADIENTS, walk
from tests.refimpl.training.cases_polyak_averaging import METHOD

MODULE = "refimpl.training.polyak_averaging"
HESSIAN = torch.tensor([[1.0, 0.3], [-0.2, 2.0]], dtype=torch.float64)
NOISE = torch.tensor([[1.0, 0.4], [0.4, 0.5]], dtype=torch.float64)
START = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)


def mean_of(optimizer, p):
    with optimizer.averaged():
        return p.detach().clone()


@pytest.mark.parametrize("alpha", [0.0, 0.6])
def test_mean_against_torch(alpha, device, record):
    """``AveragedModel`` is shown the model before each step, so that it averages the points where gradients were taken."""
    model = torch.nn.Linear(3, 2, device=device, dtype=torch.float64)
    theirs = AveragedModel(model)
    optimizer = AveragedSGD(model.parameters(), lr=0.2, alpha=alpha)
    for t in range(20):
        theirs.update_parameters(model)
        for i, p in enumerate(model.parameters()):
            p.grad = torch.sin(p.detach() * (i + 2)) + (-1.0) ** t
        optimizer.step()
        gap = 0.0
        with optimizer.averaged():
            for mine, expected in zip(model.parameters(), theirs.module.parameters(), strict=True):
                gap = max(gap, error(mine, expected))
    what = f"mean of 20 points, alpha {alpha}"
    record(
        METHOD, MODULE, what, "torch.optim.swa_utils.AveragedModel", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(2,3) (2,)"
    )


def test_mean_against_numpy_after_each_step(record):
    """The mean of theta_0 ... theta_{t-1}: the start belongs to it, the last point not yet."""
    point, path, worst = START.clone().requires_grad_(), [], 0.0
    optimizer = AveragedSGD([point], lr=0.3, alpha=0.4)
    for t, g in enumerate(GRADIENTS):
        path.append(point.detach().numpy().copy())
        point.grad = g.clone()
        optimizer.step()
        worst = max(worst, error(mean_of(optimizer, point), torch.as_tensor(np.cumsum(path, 0)[t] / (t + 1))))
    record(METHOD, MODULE, "mean after each of 9 steps", "NumPy cumsum", error=worst, tolerance=1e-14, dtype=torch.float64, shapes="(3,)")


def test_first_step_by_hand():
    point = torch.tensor([3.0], requires_grad=True)
    optimizer = AveragedSGD([point], lr=0.5, alpha=0.9)
    for expected, mean in ((2.0, 3.0), (2.0 - 2**-0.9, 2.5)):
        point.grad = torch.tensor([2.0])
        optimizer.step()
        assert point.item() == pytest.approx(expected, rel=1e-6)
        assert mean_of(optimizer, point).item() == mean


def impulses(steps, alpha, lr=0.4):
    """The mean and the last point for a noise of length 1 along each direction at each step alone, ``(2, 2 steps)``.

    Both are linear in the noise, so their products with themselves are the exact covariances for white noise.
    """
    root = torch.linalg.cholesky(NOISE)
    points = torch.zeros(2, 2 * steps, dtype=torch.float64, requires_grad=True)
    optimizer = AveragedSGD([points], lr=lr, alpha=alpha)
    for t in range(steps):
        g = HESSIAN @ points.detach()
        g[:, 2 * t : 2 * t + 2] += root
        points.grad = g
        optimizer.step()
    return mean_of(optimizer, points), points.detach()


def test_covariance_of_the_mean_in_closed_form(record):
    """For constant steps: 1 / t^2 times the sum over k < t of A^-1 (I - M^k) S (I - M^k)^T A^-T with M = I - lr A."""
    steps, lr = 60, 0.4
    mean, _ = impulses(steps, alpha=0.0, lr=lr)
    a, s, power, expected = HESSIAN.numpy(), NOISE.numpy(), np.eye(2), np.zeros((2, 2))
    for _ in range(steps):
        d = np.linalg.inv(a) @ (np.eye(2) - power)
        expected += d @ s @ d.T / steps**2
        power = power @ (np.eye(2) - lr * a)
    gap = error(mean @ mean.mT, torch.as_tensor(expected))
    record(
        METHOD,
        MODULE,
        "exact covariance, 60 steps",
        "sum of matrix powers",
        error=gap,
        tolerance=1e-12,
        dtype=torch.float64,
        shapes="(2,2)",
    )


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_covariance_tends_to_the_limit_of_the_theorem(alpha, record):
    """t times the covariance nears A^-1 S A^-T from step 250 to 1,000, for constant and falling steps; the last point's is larger."""
    limit = asymptotic_covariance(HESSIAN, NOISE)
    gaps = []
    for steps in (250, 1000):
        mean, last = impulses(steps, alpha)
        gaps.append(error(steps * mean @ mean.mT, limit))
        assert steps * (last @ last.mT).trace() > 3 * limit.trace()
    assert gaps[1] < 0.6 * gaps[0]
    what = f"covariance after 1,000 steps, alpha {alpha}, beside its limit"
    record(METHOD, MODULE, what, "A^-1 S A^-T", error=gaps[1], tolerance=0.05, dtype=torch.float64, shapes="(2,2)")


def test_quadratic_without_noise_by_a_geometric_series(record):
    """Constant steps from theta_0: the mean is (lr A t)^-1 (I - M^t) theta_0."""
    point = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    optimizer = AveragedSGD([point], lr=0.4, alpha=0.0)
    for _ in range(30):
        point.grad = HESSIAN @ point.detach()
        optimizer.step()
    m = torch.linalg.matrix_power(torch.eye(2) - 0.4 * HESSIAN, 30)
    expected = torch.linalg.solve(0.4 * 30 * HESSIAN, (torch.eye(2) - m) @ torch.tensor([1.0, -2.0], dtype=torch.float64))
    gap = error(mean_of(optimizer, point), expected)
    record(METHOD, MODULE, "mean of 30 points without noise", "geometric series", error=gap, tolerance=1e-13, dtype=torch.float64)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_mean_of_many_points_in_half_precision(dtype, record):
    """After 3,000 steps between -1 and 1 around 0.7 the mean is that of the points; kept in 8 bits it would have stopped at step 256."""
    point = torch.tensor([0.0], dtype=dtype, requires_grad=True)
    optimizer, path = AveragedSGD([point], lr=1.0, alpha=0.0), []
    for t in range(3000):
        path.append(point.item())
        point.grad = point.detach() - torch.tensor([0.7 + (-1) ** t if t > 1000 else 0.0], dtype=dtype)
        optimizer.step()
    state = optimizer.state[point]
    assert state["average"].dtype == torch.float32
    gap = error(state["average"], torch.tensor([np.mean(path)]))
    record(METHOD, MODULE, "mean of 3,000 points, kept in float32", "NumPy mean", error=gap, tolerance=1e-4, dtype=dtype, shapes="(1,)")
    assert mean_of(optimizer, point).dtype == dtype


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_saved_and_resumed_mean(dtype):
    """The mean comes back to the last bit in its own dtype, in groups and for parameters without a gradient, and goes on by itself."""
    held = [
        START.to(dtype, copy=True).requires_grad_(),
        torch.ones(2, dtype=dtype, requires_grad=True),
        torch.ones((), dtype=dtype, requires_grad=True),
    ]
    groups = [{"params": held[:2]}, {"params": held[2:], "lr": 0.3}]
    optimizer = AveragedSGD(groups, lr=0.1, alpha=0.2)
    for g in GRADIENTS:
        held[0].grad, held[2].grad = g.to(dtype), g[0].to(dtype)
        optimizer.step()
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    twins = [p.detach().clone().requires_grad_() for p in held]
    resumed = AveragedSGD([{"params": twins[:2]}, {"params": twins[2:]}])
    resumed.load_state_dict(saved)
    kept = saved["state"][0]["average"].clone()
    for p, twin in ((held[0], twins[0]), (held[2], twins[2])):
        ours, theirs = optimizer.state[p]["average"], resumed.state[twin]["average"]
        assert theirs.dtype == ours.dtype and torch.equal(theirs, ours)
        twin.grad = p.grad.clone()
    assert twins[1] not in resumed.state
    for o in (optimizer, resumed):
        o.step()
    assert all(torch.equal(optimizer.state[p]["average"], resumed.state[q]["average"]) for p, q in zip(held[::2], twins[::2], strict=True))
    assert torch.equal(saved["state"][0]["average"], kept)


def test_parameters_return_after_the_mean():
    """Also after an exception; those without a gradient stay, and a state that was only looked up is none."""
    point, still = START.clone().requires_grad_(), torch.ones(2, requires_grad=True)
    optimizer = AveragedSGD([point, still])
    assert not optimizer.state[still]
    for g in GRADIENTS:
        point.grad = g.clone()
        optimizer.step()
    before = point.detach().clone()
    with pytest.raises(RuntimeError), optimizer.averaged():
        assert not torch.equal(point, before)
        assert torch.equal(point, optimizer.state[point]["average"]) and torch.equal(still, torch.ones(2))
        raise RuntimeError
    assert torch.equal(point, before) and point.requires_grad


def test_infinite_start_does_not_make_the_mean_of_later_parameters_nan():
    """Each parameter has a mean of its own; very large points do not overflow on the way."""
    largest = torch.finfo(torch.float32).max
    points = [torch.full((2,), value, requires_grad=True) for value in (largest, 1.0, float("inf"))]
    optimizer = AveragedSGD(points, lr=0.5, alpha=0.0)
    for _ in range(5):
        for p in points:
            p.grad = torch.zeros(2)
        optimizer.step()
    assert torch.allclose(mean_of(optimizer, points[0]), points[0], rtol=1e-6)
    assert torch.equal(mean_of(optimizer, points[1]), torch.ones(2))


def test_defaults():
    _, optimizer = walk(AveragedSGD)
    assert optimizer.defaults == {"lr": 0.1, "alpha": 0.75, "weight_decay": 0.0, "maximize": False}
    assert next(iter(optimizer.state.values()))["step"] == len(GRADIENTS)
