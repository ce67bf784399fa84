"""JANET beside LSTMs on the adding problem, with the same number of units and of updates."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.experiments.sequences import ADDING_BASELINE, adding, learn, means
from refimpl.recurrent.janet import JANET
from refimpl.recurrent.lstm import LSTM

__all__ = ["janet_adding"]

LENGTH, HIDDEN, BATCH, STEPS, RATE, WINDOW = 50, 24, 32, 450, 0.005, 50


@torch.no_grad()
def lstm(chrono: bool) -> LSTM:
    """An LSTM whose forget gates start half open (bias 1), or with chrono initialization: b_f = log(u), b_i = -b_f, the others 0."""
    model = LSTM(2, HIDDEN)
    if not chrono:
        model.bias_ih_l0[HIDDEN : 2 * HIDDEN].add_(1.0)
        return model
    for bias in (model.bias_ih_l0, model.bias_hh_l0):
        bias.zero_()
    forget = torch.empty(HIDDEN).uniform_(1, LENGTH - 1).log_()
    model.bias_ih_l0[HIDDEN : 2 * HIDDEN], model.bias_ih_l0[:HIDDEN] = forget, -forget
    return model


def _janet_adding(seed: int) -> Outcome:
    torch.manual_seed(seed)
    values = {"baseline": ADDING_BASELINE}
    curves: dict[str, tuple[list[int], list[float]]] = {}
    models = {"janet": JANET(2, HIDDEN, longest=LENGTH), "lstm": lstm(False), "chrono_lstm": lstm(True)}
    for name, model in models.items():
        read, generator = nn.Linear(HIDDEN, 1), torch.Generator().manual_seed(seed)

        def loss(model: nn.Module = model, read: nn.Module = read, generator: torch.Generator = generator) -> torch.Tensor:
            inputs, target = adding(LENGTH, BATCH, generator)
            return (read(model(inputs)[0][-1]).squeeze(1) - target).square().mean()

        losses = learn(loss, [*model.parameters(), *read.parameters()], STEPS, RATE, max_norm=1.0)
        curves[name] = means(losses, WINDOW)
        values |= {f"{name}_error": curves[name][1][-1], f"{name}_weights": sum(p.numel() for p in model.parameters())}
    values["weights_ratio"] = values["janet_weights"] / values["lstm_weights"]
    values["janet_over_chrono_lstm"] = values["janet_error"] / values["chrono_lstm_error"]
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Adding problem over 50 steps", "zh": "50 步的加法问题"},
        x=axis("update", "更新次数"),
        y=axis("mean squared error", "均方误差", scale="log"),
        series=[
            curve(outcomes, "janet", "JANET, chrono", "JANET，chrono"),
            curve(outcomes, "chrono_lstm", "LSTM, chrono", "LSTM，chrono"),
            curve(outcomes, "lstm", "LSTM", "LSTM"),
        ],
        alt={
            "en": "Mean squared error by update, on a logarithmic axis: JANET's falls early, the LSTMs' stay near one sixth for longer, "
            "with chrono initialization less long.",
            "zh": "均方误差随更新次数的变化（对数轴）：JANET 很早开始下降，LSTM 更久地停在六分之一附近，用 chrono 初始化时稍早下降。",
        },
    )


janet_adding = Experiment(_janet_adding, seeds=(0, 1, 2), figure=_draw)
