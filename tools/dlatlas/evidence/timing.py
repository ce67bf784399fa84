"""Time two callables side by side, in one process, in blocks that alternate A B, B A.

Each block calls one of them long enough for the clock; two neighboring blocks give one ratio. What slows
the whole machine for a while slows both of a pair, so the median of the ratios stays put.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Action = Callable[[], object]

BLOCK = 0.02
"""Seconds that one block lasts at least."""

PAIRS = 21
"""Pairs of blocks for each comparison."""

WARM_UP = 3
"""Calls of each before the clock starts; the first ones allocate and, when compiled, compile."""


CLOCK = time.perf_counter
"""The clock."""


@dataclass(frozen=True)
class Comparison:
    """Medians over the pairs: time of each in seconds a call, and of the ratio A / B with its 10th and 90th percentile."""

    a: float
    b: float
    ratio: float
    low: float
    high: float


def compare(a: Action, b: Action, *, synchronize: Action | None = None, pairs: int | None = None, block: float | None = None) -> Comparison:
    """Time ``a`` against ``b``.

    Args:
        synchronize: waits until the device has finished; called before each look at the clock.
        pairs: how many pairs of blocks; ``PAIRS`` by default.
        block: seconds that a block lasts at least; ``BLOCK`` by default.
    """
    wait = synchronize or (lambda: None)
    pairs, block = pairs or PAIRS, block or BLOCK
    calls_a, calls_b = (_calls(action, wait, block) for action in (a, b))
    times: list[tuple[float, float]] = []
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        for i in range(pairs):
            if i % 2:
                second, first = _time(b, calls_b, wait), _time(a, calls_a, wait)
            else:
                first, second = _time(a, calls_a, wait), _time(b, calls_b, wait)
            times.append((first, second))
    finally:
        if enabled:
            gc.enable()
    ratios = [x / y for x, y in times]
    low, high = percentiles(ratios)
    return Comparison(statistics.median(x for x, _ in times), statistics.median(y for _, y in times), statistics.median(ratios), low, high)


def percentiles(numbers: Sequence[float]) -> tuple[float, float]:
    """The 10th and the 90th percentile, interpolated."""
    if len(numbers) == 1:
        return numbers[0], numbers[0]
    tenths = statistics.quantiles(numbers, n=10, method="inclusive")
    return tenths[0], tenths[-1]


def _calls(action: Action, wait: Action, block: float) -> int:
    """Warm up, and count how many calls fill a block."""
    for _ in range(WARM_UP):
        action()
    calls = 1
    while (seconds := _time(action, calls, wait) * calls) < block:
        calls = max(calls + 1, min(calls * 10, round(calls * 1.1 * block / max(seconds, 1e-9))))
    return calls


def _time(action: Action, calls: int, wait: Action) -> float:
    wait()
    start = CLOCK()
    for _ in range(calls):
        action()
    wait()
    return (CLOCK() - start) / calls
