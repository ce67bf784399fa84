"""STORM against Algorithm 1 in NumPy, its limits, and what every optimizer must do: resume, leave parameters alone, refuse."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch

from refimpl.training.storm import STORM
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error

METHOD = "storm"
MODULE = "refimpl.training.storm"
START = np.array([1.0, -2.0, 0.5])
BATCHES = randn(30, 3, seed=5).numpy()


def gradient(x, xi):
    """Of sum (x - xi)^4 / 4 + sin(x_1 x_2), which no coordinate has alone."""
    g = (x - xi) ** 3
    g[0] += np.cos(x[0] * x[1]) * x[1]
    g[1] += np.cos(x[0] * x[1]) * x[0]
    return g


def algorithm_1(k, w, c, steps):
    x, former, squares, xs = START.copy(), START.copy(), 0.0, []
    d, eta = gradient(x, BATCHES[0]), k / w ** (1 / 3)
    for t in range(steps):
        g = gradient(x, BATCHES[t])
        d = g + (1 - min(1.0, c * eta**2)) * (d - gradient(former, BATCHES[t]))
        squares += (g**2).sum()
        eta = k / (w + squares) ** (1 / 3)
        former, x = x, x - eta * d
        xs.append(x)
    return np.array(xs)


def closure_on(optimizer, x, xi, calls=None):
    def closure():
        optimizer.zero_grad()
        loss = ((x - xi) ** 4 / 4).sum() + torch.sin(x[0] * x[1])
        loss.backward()
        if calls is not None:
            calls.append((x.detach().clone(), loss))
        return loss

    return closure


def run(steps, first=0, device="cpu", dtype=torch.float64, **options):
    x = torch.tensor(START, dtype=dtype, device=device, requires_grad=True)
    optimizer, xs = STORM([x], **options), []
    for t in range(first, steps):
        optimizer.step(closure_on(optimizer, x, torch.as_tensor(BATCHES[t], dtype=dtype, device=device)))
        xs.append(x.detach().cpu().clone())
    return torch.stack(xs), x, optimizer


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-13), (torch.float32, 1e-5)])
@pytest.mark.parametrize("options", [{"k": 0.3, "w": 2.0, "c": 3.0}, {"k": 0.1, "w": 0.5, "c": 400.0}, {"k": 0.05, "w": 1.0, "c": 0.0}, {}])
def test_trajectory(options, dtype, tolerance, device, record):
    ours, _, _ = run(30, device=device, dtype=dtype, **options)
    expected = algorithm_1(**{"k": 0.1, "w": 1.0, "c": 10.0, **options}, steps=30)
    gap = error(ours, torch.from_numpy(expected))
    what = f"30 steps, {', '.join(f'{n} = {v:g}' for n, v in options.items()) or 'defaults'}"
    record(METHOD, MODULE, what, "Algorithm 1 in NumPy", error=gap, tolerance=tolerance, dtype=dtype, shapes="(30,3)")
    assert np.abs(expected[-1] - START).max() > 0.1


def test_full_weight_is_plain_gradient_descent(record):
    """With a = 1 the direction is the gradient of the batch alone."""
    ours, _, _ = run(10, k=0.2, w=3.0, c=1e9)
    x, squares, xs = START.copy(), 0.0, []
    for xi in BATCHES[:10]:
        g = gradient(x, xi)
        squares += (g**2).sum()
        x = x - 0.2 / (3 + squares) ** (1 / 3) * g
        xs.append(x)
    gap = error(ours, torch.from_numpy(np.array(xs)))
    record(METHOD, MODULE, "a = 1", "gradient descent in NumPy", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(10,3)")


def test_one_batch_again_and_again_has_no_error():
    """Where the batch never changes, the direction is its gradient whatever a is."""
    x = torch.tensor(START, requires_grad=True)
    optimizer, xi = STORM([x], k=0.3, w=2.0, c=0.5), torch.from_numpy(BATCHES[0])
    for _ in range(6):
        here = gradient(x.detach().numpy().copy(), BATCHES[0])
        optimizer.step(closure_on(optimizer, x, xi))
        assert error(optimizer.state[x]["direction"], torch.from_numpy(here)) < 1e-12


def test_the_closure_is_called_at_the_new_and_at_the_former_point():
    x = torch.tensor(START, requires_grad=True)
    optimizer, calls = STORM([x]), []
    first = optimizer.step(closure_on(optimizer, x, torch.zeros(3, dtype=torch.float64), calls))
    assert len(calls) == 1 and first is calls[0][1]
    second = optimizer.step(closure_on(optimizer, x, torch.zeros(3, dtype=torch.float64), calls))
    assert len(calls) == 3 and second is calls[1][1]
    assert torch.equal(calls[2][0], calls[0][0]) and not torch.equal(calls[1][0], calls[0][0])


def test_stop_save_resume():
    """A resumed run equals the uninterrupted one to the last bit."""
    whole, _, _ = run(12, k=0.3, w=2.0, c=3.0)
    _, x, optimizer = run(7, k=0.3, w=2.0, c=3.0)
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    resumed = STORM([x], k=0.3, w=2.0, c=3.0)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    for t in range(7, 12):
        resumed.step(closure_on(resumed, x, torch.from_numpy(BATCHES[t])))
    assert torch.equal(x.detach(), whole[-1])


def test_groups_share_the_norm_and_keep_their_constants():
    """Split into two groups with the same constants the path is the same; another k in one group changes only that group's rate."""
    whole, _, _ = run(8, k=0.2, w=2.0, c=3.0)
    ends = []
    for k in (0.2, 0.1):
        a, b = (torch.tensor(part, requires_grad=True) for part in (START[:1], START[1:]))
        optimizer = STORM([{"params": [a]}, {"params": [b], "k": k}], k=0.2, w=2.0, c=3.0)
        for xi in BATCHES[:8]:

            def closure(a=a, b=b, xi=xi):
                a.grad = b.grad = None
                x = torch.cat([a, b])
                loss = ((x - torch.from_numpy(xi)) ** 4 / 4).sum() + torch.sin(x[0] * x[1])
                loss.backward()
                return loss

            optimizer.step(closure)
        ends.append(torch.cat([a, b]).detach())
    assert error(ends[0], whole[-1]) < 1e-13
    assert error(ends[1][1:], whole[-1][1:]) > 1e-3


def test_parameters_without_gradient_stay():
    x, idle = torch.tensor(START, requires_grad=True), torch.ones(2, requires_grad=True)
    optimizer = STORM([x, idle])
    for xi in BATCHES[:3]:
        optimizer.step(closure_on(optimizer, x, torch.from_numpy(xi)))
    assert torch.equal(idle, torch.ones(2)) and idle not in optimizer.state


def test_a_parameter_may_join_later():
    """Its first direction is its first gradient."""
    x, late = torch.tensor(START, requires_grad=True), torch.ones(1, dtype=torch.float64, requires_grad=True)
    optimizer = STORM([x, late])

    def closure(use):
        def evaluate():
            optimizer.zero_grad()
            loss = (x**2).sum() + use * (3 * late).sum() if use else (x**2).sum()
            loss.backward()
            return loss

        return evaluate

    optimizer.step(closure(False))
    optimizer.step(closure(True))
    assert optimizer.state[late]["direction"].item() == 3.0 and late.item() < 1.0


def test_gradients_that_are_zeroed_in_place():
    """The gradient at the new point must outlive the second evaluation in the same tensor."""
    ends = []
    for to_none in (True, False):
        x = torch.tensor(START, requires_grad=True)
        optimizer = STORM([x], k=0.3, w=2.0, c=3.0)
        for xi in BATCHES[:5]:

            def closure(x=x, optimizer=optimizer, xi=xi, to_none=to_none):
                optimizer.zero_grad(set_to_none=to_none)
                loss = ((x - torch.from_numpy(xi)) ** 4 / 4).sum()
                loss.backward()
                return loss

            optimizer.step(closure)
        ends.append(x.detach())
    assert torch.equal(*ends)


def test_zero_gradients_stay_finite():
    x = torch.zeros(3, requires_grad=True)
    optimizer = STORM([x])

    def closure():
        optimizer.zero_grad()
        loss = (x * 0).sum()
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)
    assert torch.equal(x, torch.zeros(3, requires_grad=True))


def test_defaults_and_boundaries():
    x = torch.zeros(1, requires_grad=True)
    assert STORM([x]).defaults == {"k": 0.1, "w": 1.0, "c": 10.0, "squares": 0.0}
    STORM([x], k=0.0, c=0.0)


def test_bad_arguments_are_named():
    x = torch.zeros(1, requires_grad=True)
    for call, message in (
        (lambda: STORM([x], k=-0.1), r"^STORM: k must be non-negative, got -0.1$"),
        (lambda: STORM([x], w=0.0), r"^STORM: w must be positive, got 0.0$"),
        (lambda: STORM([x], c=-1.0), r"^STORM: c must be non-negative, got -1.0$"),
        (lambda: STORM([x]).step(), r"^STORM: step needs a closure that evaluates one batch, got None$"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
