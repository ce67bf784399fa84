"""What the experiments on sequence models share: the adding problem, copy memory, and training on fresh batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from refimpl.training.gradient_clipping import clip_grad_norm_

__all__ = ["ADDING_BASELINE", "SYMBOLS", "adding", "copy_baseline", "copy_memory", "learn", "means"]

ADDING_BASELINE = 1 / 6
"""Mean squared error on the adding problem of always answering 1: the variance of the sum of two uniform numbers."""
SYMBOLS = 8
"""Symbols to be remembered in copy memory; a blank and a marker come on top."""


def adding(length: int, batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Hochreiter and Schmidhuber's task: numbers, two of them marked, one in each half; the target is the sum of the two.

    Returns:
        inputs (number, mark) ``(length, batch, 2)`` and targets ``(batch,)``.
    """
    numbers, marks = torch.rand(length, batch, generator=generator), torch.zeros(length, batch)
    half, column = length // 2, torch.arange(batch)
    marks[torch.randint(half, (batch,), generator=generator), column] = 1.0
    marks[torch.randint(half, length, (batch,), generator=generator), column] = 1.0
    return torch.stack((numbers, marks), 2), (numbers * marks).sum(0)


def copy_memory(lag: int, kept: int, batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Remember ``kept`` symbols over ``lag`` blanks, and say them again from the marker on.

    Returns:
        inputs, one-hot over blank, symbols and marker, ``(lag + 2 kept, batch, SYMBOLS + 2)``, and the class to be said at
        each step, ``(lag + 2 kept, batch)``: blank until the marker, then the symbols in order.
    """
    said = torch.randint(1, SYMBOLS + 1, (kept, batch), generator=generator)
    inputs, target = (torch.zeros(lag + 2 * kept, batch, dtype=torch.int64) for _ in range(2))
    inputs[:kept], inputs[kept + lag - 1 :], target[-kept:] = said, SYMBOLS + 1, said
    return torch.nn.functional.one_hot(inputs, SYMBOLS + 2).float(), target


def copy_baseline(lag: int, kept: int) -> float:
    """Mean cross-entropy of the answer that knows the time and not the symbols."""
    return kept * torch.tensor(float(SYMBOLS)).log().item() / (lag + 2 * kept)


def learn(
    loss: Callable[[], Tensor],
    parameters: Iterable[Tensor],
    steps: int,
    rate: float,
    *,
    max_norm: float = math.inf,
    after: Callable[[int], None] | None = None,
) -> list[float]:
    """Adam on a loss that draws its own batch; the loss of every step.

    Args:
        max_norm: the length to which gradients are clipped.
        after: called with the number of steps done after each.
    """
    parameters, losses = list(parameters), []
    optimizer = torch.optim.Adam(parameters, rate)
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        if max_norm < math.inf:
            clip_grad_norm_(parameters, max_norm)
        optimizer.step()
        losses.append(value.item())
        if after is not None:
            after(step)
    return losses


def means(losses: list[float], window: int) -> tuple[list[int], list[float]]:
    """The last step of each window of so many losses, and their mean."""
    ends = range(window, len(losses) + 1, window)
    return list(ends), [sum(losses[end - window : end]) / window for end in ends]
