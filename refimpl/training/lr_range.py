r"""Learning-rate range test: raise the step size during one short run, and see from where to where the loss falls.

Paper
    Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017, arXiv:1506.01186, section 3.3.

Equations (steps t = 0 ... T, l_t the loss of batch t before it is followed with step size lr_t)
    ramp          lr_t = low + (high - low) t / T
    geometric     lr_t = low (high / low)^(t / T)
    smoothed      s_t = sum_{i<=t} beta^(t-i) l_i / sum_{i<=t} beta^(t-i)
    stop          at the first t where s_t > m + (k - 1) |m|,  m = min_{i<t} s_i,  or s_t is not finite
    bounds        upper = lr_{u-1},  u = argmin s;    lower = lr_{j-1},  j the first with s_j <= s_0 - share (s_0 - s_u)

Deviations from the paper
    1. It reads both bounds off a plot of the accuracy: where that begins to rise, and where it stalls or falls. Here the
       training loss stands for it, falling by a share of its whole fall, and at its lowest.
    2. A loss belongs to the step size that led to it, the one before, so that on a parabola of curvature L the upper bound is the
       last step size below 2 / L. Flatter directions beside it, when there is no noise, and smoothing put the bound too high.
    3. The paper's ramp is linear and runs to its end. The geometric one, the smoothing and the stop at k times the lowest loss are
       common practice; k m is written as m + (k - 1) |m|, which suits losses below zero too.
    4. All parameter groups get the same step size.
    5. Model and optimizer are put back as they were, since the end of the run spoils them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import NamedTuple

from torch import Tensor, nn
from torch.optim import Optimizer

from refimpl.training.optimizer import need

__all__ = ["RangeTest", "bounds", "lr_range_test", "ramp"]


class RangeTest(NamedTuple):
    """What a run has seen; ``rates`` ends where the run did."""

    rates: list[float]
    losses: list[float]
    smoothed: list[float]
    diverged: bool


def ramp(low: float, high: float, steps: int, *, geometric: bool = False) -> list[float]:
    """The T + 1 step sizes from ``low`` to ``high``.

    Args:
        low, high: the ends.
        steps: T.
        geometric: multiply by the same factor at each step, for ends that are orders of magnitude apart.

    Raises:
        ValueError: an end is out of order or not finite, a geometric ramp begins at zero, or there are no steps.
    """
    need("ramp", "low", low, low > 0 if geometric else low >= 0, "positive" if geometric else "non-negative")
    need("ramp", "high", high, low < high < math.inf, f"finite and above low {low}")
    need("ramp", "steps", steps, steps >= 1, "at least 1")
    if geometric:
        return [low * (high / low) ** (t / steps) for t in range(steps + 1)]
    return [low + (high - low) * t / steps for t in range(steps + 1)]


def lr_range_test(
    model: nn.Module,
    optimizer: Optimizer,
    step: Callable[[], Tensor],
    rates: Sequence[float],
    smoothing: float = 0.0,
    limit: float = 4.0,
) -> RangeTest:
    """Train along a ramp until its end or until the loss diverges, then put model and optimizer back.

    Args:
        model: what is trained; its gradients are cleared in the end.
        optimizer: its step size is set before each call of ``step``.
        step: follows one batch with the optimizer and returns the batch's loss before, a scalar.
        rates: the step sizes, such as those of :func:`ramp`.
        smoothing: beta, in [0, 1); 0 takes the losses as they are.
        limit: k, how many times as large as the lowest the smoothed loss may become, above 1; infinite for no such limit.

    Raises:
        ValueError: ``smoothing`` or ``limit`` is out of range.
    """
    need("lr_range_test", "smoothing", smoothing, 0.0 <= smoothing < 1.0, "in [0, 1)")
    need("lr_range_test", "limit", limit, limit > 1.0, "above 1")
    before = deepcopy((model.state_dict(), optimizer.state_dict()))
    found = RangeTest([], [], [], diverged=False)
    total = weight = 0.0
    try:
        for rate in rates:
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss = step().item()
            total, weight = smoothing * total + loss, smoothing * weight + 1
            smooth, lowest = total / weight, min(found.smoothed, default=math.inf)
            for values, value in zip(found[:3], (rate, loss, smooth), strict=True):
                values.append(value)
            if not math.isfinite(smooth) or smooth > lowest + (limit - 1) * abs(lowest):
                return found._replace(diverged=True)
        return found
    finally:
        model.load_state_dict(before[0])
        optimizer.load_state_dict(before[1])
        model.zero_grad()


def bounds(rates: Sequence[float], losses: Sequence[float], share: float = 0.1) -> tuple[float, float]:
    """The step sizes between which the loss falls, for a schedule that runs up and down between them.

    Args:
        rates, losses: of a run, such as ``rates`` and ``smoothed`` of a :class:`RangeTest`.
        share: which part of the whole fall counts as its beginning, in (0, 1].

    Returns:
        Lower and upper bound.

    Raises:
        ValueError: the lists differ in length, ``share`` is out of range, or the loss is lowest at the start.
    """
    need("bounds", "losses", len(losses), len(losses) == len(rates) > 0, f"as many as rates, {len(rates)}, and at least one")
    need("bounds", "share", share, 0.0 < share <= 1.0, "in (0, 1]")
    lowest = min(range(len(losses)), key=losses.__getitem__)
    need("bounds", "losses", f"their lowest at the first, {losses[0]}", lowest > 0, "falling somewhere")
    begun = losses[0] - share * (losses[0] - losses[lowest])
    first = next((t for t in range(1, lowest) if losses[t] <= begun), lowest)
    return rates[first - 1], rates[lowest - 1]


if __name__ == "__main__":
    import torch

    from refimpl.data import digits_split
    from refimpl.demo import arguments

    device = arguments(__doc__)
    print("parabola of curvature L, ramp from 0.05 to 1 in 38 steps: the last step size below 2 / L")
    for curvature in (3.1, 5.1, 7.1):
        point = nn.Linear(1, 1, bias=False, dtype=torch.float64)
        descent = torch.optim.SGD(point.parameters())

        def parabola(point: nn.Module = point, descent: Optimizer = descent, curvature: float = curvature) -> Tensor:
            loss = curvature / 2 * point.weight.square().sum()
            point.weight.grad = torch.autograd.grad(loss, point.weight)[0]
            descent.step()
            return loss

        found = lr_range_test(point, descent, parabola, ramp(0.05, 1.0, 38))
        print(f"  L {curvature:4.1f}   upper bound {bounds(found.rates, found.losses)[1]:.3f}   2 / L {2 / curvature:.4f}")
    data = digits_split(device=device)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    descent = torch.optim.SGD(model.parameters(), momentum=0.9)

    def step() -> Tensor:
        chosen = torch.randint(len(data.x), (64,))
        loss = nn.functional.cross_entropy(model(data.x[chosen]), data.y[chosen])
        descent.zero_grad()
        loss.backward()
        descent.step()
        return loss

    found = lr_range_test(model, descent, step, ramp(1e-4, 100.0, 200, geometric=True), smoothing=0.9)
    print("perceptron with one hidden layer on digits, batches of 64, momentum 0.9, geometric ramp from 1e-4 to 100 in 200 steps")
    for rate, smooth in list(zip(found.rates, found.smoothed, strict=True))[::15]:
        print(f"  step size {rate:8.4f}   smoothed loss {smooth:7.3f}")
    lower, upper = bounds(found.rates, found.smoothed)
    print(f"  {'stopped' if found.diverged else 'ended'} at {found.rates[-1]:.3g}; bounds {lower:.3g} and {upper:.3g}")
