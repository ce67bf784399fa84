"""A simple recurrent network and one of independent units on the adding problem."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.experiments.sequences import ADDING_BASELINE, adding, learn, means
from refimpl.recurrent.indrnn import IndRNN, recurrent_bound
from refimpl.recurrent.rnn import RNN

__all__ = ["indrnn_adding"]

LENGTH, HIDDEN, LAYERS, BATCH, STEPS, RATE, WINDOW = 50, 64, 2, 32, 600, 2e-3, 50


def independent() -> IndRNN:
    """Units that start between forgetting and keeping: the first layer's recurrent weights in [0, bound], the last's near 1."""
    model, bound = IndRNN(2, HIDDEN, LAYERS), recurrent_bound(LENGTH)
    nn.init.uniform_(model.weight_hh_l0, 0.0, bound)
    nn.init.uniform_(model.get_parameter(f"weight_hh_l{LAYERS - 1}"), recurrent_bound(LENGTH, 0.5), bound)
    return model


def _indrnn_adding(seed: int) -> Outcome:
    torch.manual_seed(seed)
    values: dict[str, float] = {}
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for name, model in (("indrnn", independent()), ("rnn", RNN(2, HIDDEN))):
        read, generator = nn.Linear(HIDDEN, 1), torch.Generator().manual_seed(seed)

        def loss(model: nn.Module = model, read: nn.Module = read, generator: torch.Generator = generator) -> Tensor:
            inputs, target = adding(LENGTH, BATCH, generator)
            return (read(model(inputs)[0][-1]).squeeze(1) - target).square().mean()

        losses = learn(loss, [*model.parameters(), *read.parameters()], STEPS, RATE, max_norm=1.0)
        curves[name] = means(losses, WINDOW)
        values[f"{name}_of_baseline"] = curves[name][1][-1] / ADDING_BASELINE
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Adding problem over 50 steps", "zh": "50 步的加法问题"},
        x=axis("update", "更新次数"),
        y=axis("mean squared error", "均方误差", scale="log"),
        series=[curve(outcomes, "indrnn", "IndRNN", "IndRNN"), curve(outcomes, "rnn", "simple RNN", "简单 RNN")],
        alt={
            "en": "Mean squared error by update, on a logarithmic axis: that of independent units falls, that of the simple "
            "network stays at one sixth.",
            "zh": "均方误差随更新次数的变化（对数轴）：独立单元的误差下降，简单网络停在六分之一。",
        },
    )


indrnn_adding = Experiment(_indrnn_adding, seeds=(0, 1, 2), figure=_draw)
