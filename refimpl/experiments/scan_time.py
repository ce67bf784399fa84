"""Time of a linear recurrence as a loop over its steps and as a parallel scan, by length."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.recurrent.linear_scan import linear_scan

__all__ = ["scan_time"]

LENGTHS, UNITS, REPEATS, AT = (125, 250, 500, 1000, 2000, 4000), 64, 7, 2000


def loop(a: Tensor, b: Tensor) -> Tensor:
    """The recurrence step by step."""
    states = [b[0]]
    for gate, value in zip(a[1:].unbind(), b[1:].unbind(), strict=True):
        states.append(torch.addcmul(value, gate, states[-1]))
    return torch.stack(states)


def seconds(run: Callable[[Tensor, Tensor], Tensor], a: Tensor, b: Tensor) -> float:
    """The shortest of ``REPEATS`` times of forward and backward, after one that is not counted."""
    times = []
    for _ in range(REPEATS + 1):
        links, values = a.clone().requires_grad_(), b.clone().requires_grad_()
        start = time.perf_counter()
        run(links, values).sum().backward()
        times.append(time.perf_counter() - start)
    return min(times[1:])


def _scan_time(seed: int) -> Outcome:
    generator = torch.Generator().manual_seed(seed)
    found: dict[str, list[float]] = {"loop": [], "scan": []}
    error = 0.0
    for length in LENGTHS:
        a, b = torch.rand(length, UNITS, generator=generator), torch.randn(length, UNITS, generator=generator)
        error = max(error, (loop(a, b) - linear_scan(a, b)).abs().max().item())
        found["loop"].append(seconds(loop, a, b))
        found["scan"].append(seconds(linear_scan, a, b))
    ratios = {length: slow / fast for length, slow, fast in zip(LENGTHS, found["loop"], found["scan"], strict=True)}
    values = {"ratio_at_2000": ratios[AT], "ratio_at_125": ratios[LENGTHS[0]], "largest_difference": error}
    return Outcome(values, {name: (LENGTHS, [1000 * s for s in times]) for name, times in found.items()})


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Forward and backward, 64 units", "zh": "前向与反向，64 个单元"},
        x=axis("length", "长度", scale="log"),
        y=axis("milliseconds", "毫秒", scale="log"),
        series=[curve(outcomes, "loop", "loop", "循环"), curve(outcomes, "scan", "scan", "扫描")],
        alt={
            "en": "Milliseconds by length, both axes logarithmic: the loop's time grows as the length; the scan's starts lower "
            "and grows more slowly.",
            "zh": "毫秒数随长度的变化（双对数轴）：循环的时间与长度成正比，扫描起点更低、增长更慢。",
        },
    )


scan_time = Experiment(_scan_time, seeds=(0, 1, 2), figure=_draw)
