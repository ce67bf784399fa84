"""The gates of an LSTM that has learned to keep one number until it is asked for.

At each step the network sees a number, and two marks: one to keep the number, one to give back the number kept last.
Nothing but the answers is taught; when the gates open is what training found.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.figures.plain import numbers
from refimpl.recurrent.lstm import LSTM
from refimpl.training.adam import Adam

__all__ = ["data", "gates", "task"]

LENGTH, UNITS, BATCH, STEPS, RATE, SEED = 24, 4, 128, 1500, 2e-2, 0
FORGET_BIAS = 3.0
"""Gers et al. (2000) start the forget gate open."""

KEEP, ASK = {2: 0.8, 11: -0.6, 17: 0.3}, (7, 9, 15, 22)
"""The sequence that is shown: steps with a mark to keep and their numbers, and steps with a mark to ask."""


def task(size: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs ``(T, size, 3)``: number, mark to keep, mark to ask; answers ``(T, size)``; and where one is due, as booleans."""
    numbers = torch.rand(LENGTH, size, generator=generator) * 2 - 1
    marks = torch.rand(LENGTH, size, generator=generator)
    keep, ask = marks < 0.08, marks > 0.7
    keep[0] = True
    ask[0] = False
    return torch.stack((numbers, keep.float(), ask.float()), 2), *_answers(numbers, keep, ask)


def _answers(numbers: Tensor, keep: Tensor, ask: Tensor) -> tuple[Tensor, Tensor]:
    kept = torch.zeros_like(numbers[0])
    answers = []
    for number, mark in zip(numbers, keep, strict=True):
        kept = torch.where(mark, number, kept)
        answers.append(kept)
    return torch.stack(answers), ask


class Keeper(nn.Module):
    """An LSTM and a linear read-out."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = LSTM(3, UNITS)
        self.out = nn.Linear(UNITS, 1)
        with torch.no_grad():
            self.lstm.bias_ih_l0[UNITS : 2 * UNITS] = FORGET_BIAS

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h, _ = self.lstm(x)
        return self.out(h).squeeze(2), h


def gates(lstm: LSTM, x: Tensor, h: Tensor) -> dict[str, Tensor]:
    """Input, forget and output gate of one sequence, and its cells, each ``(T, H)``, from its outputs ``h`` ``(T, H)``."""
    before = torch.cat((torch.zeros_like(h[:1]), h[:-1]))
    projected = F.linear(x, lstm.weight_ih_l0, lstm.bias_ih_l0) + F.linear(before, lstm.weight_hh_l0, lstm.bias_hh_l0)
    i, f, g, o = projected.split(UNITS, 1)
    found = {"input": i.sigmoid(), "forget": f.sigmoid(), "output": o.sigmoid()}
    cell, cells = torch.zeros(UNITS), []
    for t in range(len(x)):
        cell = found["forget"][t] * cell + found["input"][t] * g[t].tanh()
        cells.append(cell)
    return found | {"cell": torch.stack(cells)}


def train() -> tuple[Keeper, float]:
    """The trained network and its largest error on fresh sequences."""
    torch.manual_seed(SEED)
    net, generator = Keeper(), torch.Generator().manual_seed(SEED)
    optimizer = Adam(net.parameters(), lr=RATE)
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / STEPS)
        x, answers, due = task(BATCH, generator)
        optimizer.zero_grad()
        F.mse_loss(net(x)[0][due], answers[due]).backward()
        optimizer.step()
    with torch.no_grad():
        x, answers, due = task(1000, generator)
        error = (net(x)[0] - answers)[due].square().mean().sqrt().item()
    return net, error


def data() -> dict[str, Any]:
    """The sequence shown, what was answered, the gates and cells over time, and the root mean square error on fresh sequences."""
    net, error = train()
    x = torch.zeros(LENGTH, 1, 3)
    x[:, 0, 0] = torch.rand(LENGTH, generator=torch.Generator().manual_seed(SEED + 1)) * 2 - 1
    for step, number in KEEP.items():
        x[step, 0, :2] = torch.tensor([number, 1.0])
    x[list(ASK), 0, 2] = 1
    answers, _ = _answers(x[:, :, 0], x[:, :, 1] > 0, x[:, :, 2] > 0)
    with torch.no_grad():
        said, h = net(x)
        found = gates(net.lstm, x[:, 0], h[:, 0])
    return {
        "numbers": numbers(x[:, 0, 0]),
        "keep": list(KEEP),
        "ask": ASK,
        "answers": numbers(answers[list(ASK), 0]),
        "said": numbers(said[list(ASK), 0]),
        "error": numbers(torch.tensor(error)),
        **{name: numbers(values.T) for name, values in found.items()},
    }
