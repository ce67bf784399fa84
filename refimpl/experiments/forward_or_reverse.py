"""Cost of a gradient by forward mode, one pass an input, and by reverse mode, one pass in all."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.foundations.forward_mode import jacfwd
from refimpl.foundations.reverse_mode import grad

__all__ = ["forward_or_reverse"]

SIZES, REPEATS = (1, 4, 16, 64, 256), 5


def scalar(weight: Tensor) -> Callable[[Any], Any]:
    """A function of n inputs, a column, and one output, counting its own calls in ``calls``."""

    def function(x: Any) -> Any:
        function.calls += 1
        return (torch.tanh(weight @ x) * x).sum()

    function.calls = 0
    return function


def measured(derive: Callable[[], Tensor]) -> tuple[Tensor, float]:
    """The result, and the shortest of ``REPEATS`` times."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        result = derive()
        times.append(time.perf_counter() - start)
    return result, min(times)


def _forward_or_reverse(seed: int) -> Outcome:
    generator = torch.Generator().manual_seed(seed)
    found: dict[str, list[float]] = {"forward": [], "reverse": []}
    passes: dict[str, int] = {}
    difference = 0.0
    for size in SIZES:
        weight = torch.randn(size, size, dtype=torch.float64, generator=generator) / size**0.5
        x, results = torch.randn(size, 1, dtype=torch.float64, generator=generator), []
        for name, derivative in (("forward", jacfwd), ("reverse", grad)):
            function = scalar(weight)
            derivative(function)(x)
            passes[name] = function.calls
            result, seconds = measured(lambda function=function, derivative=derivative, x=x: derivative(function)(x))
            found[name].append(1000 * seconds)
            results.append(result)
        difference = max(difference, (results[0] - results[1]).abs().max().item())
    values = {f"{name}_passes": passes[name] for name in found}
    values |= {"time_ratio_at_256": found["forward"][-1] / found["reverse"][-1], "largest_difference": difference}
    values["reverse_growth"] = found["reverse"][-1] / found["reverse"][0]
    return Outcome(values, {name: (SIZES, times) for name, times in found.items()})


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Time of a gradient", "zh": "求一次梯度的时间"},
        x=axis("inputs", "输入个数", scale="log"),
        y=axis("milliseconds", "毫秒", scale="log"),
        series=[curve(outcomes, "forward", "forward mode", "前向模式"), curve(outcomes, "reverse", "reverse mode", "反向模式")],
        alt={
            "en": "Milliseconds against the number of inputs, both axes logarithmic: forward mode's time grows as the inputs, "
            "reverse mode's hardly.",
            "zh": "毫秒数随输入个数的变化（双对数轴）：前向模式的时间与输入个数成正比，反向模式几乎不变。",
        },
    )


forward_or_reverse = Experiment(_forward_or_reverse, seeds=(0, 1, 2), figure=_draw)
