"""How much of the gradient reaches back through a simple recurrent network and an LSTM."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.recurrent.lstm import LSTM
from refimpl.recurrent.rnn import RNN

__all__ = ["long_lags"]

LENGTH, BATCH, INPUTS, HIDDEN, FORGET = 100, 16, 8, 64, 4.0


def networks() -> dict[str, nn.Module]:
    """The simple network and the LSTM as they start, and the LSTM whose forget gates start open."""
    models = {"rnn": RNN(INPUTS, HIDDEN), "lstm": LSTM(INPUTS, HIDDEN), "open_lstm": LSTM(INPUTS, HIDDEN)}
    with torch.no_grad():
        models["open_lstm"].bias_ih_l0[HIDDEN : 2 * HIDDEN].add_(FORGET)
    return models


def _long_lags(seed: int) -> Outcome:
    x = torch.randn(LENGTH, BATCH, INPUTS, generator=torch.Generator().manual_seed(seed))
    values: dict[str, float] = {}
    curves: dict[str, tuple[list[int], list[float]]] = {}
    torch.manual_seed(seed)
    for name, model in networks().items():
        inputs = x.clone().requires_grad_()
        model(inputs)[0][-1].sum().backward()
        norms = inputs.grad.flatten(1).norm(dim=1)  # by step
        left = (norms / norms[-1]).flip(0).double()
        values[f"{name}_left_after_50"] = left[50].item()
        curves[name] = (list(range(LENGTH)), left.clamp_min(1e-30).tolist())
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    labels = {
        "rnn": ("simple RNN", "简单 RNN"),
        "lstm": ("LSTM", "LSTM"),
        "open_lstm": ("LSTM, forget bias 4", "LSTM，遗忘门偏置 4"),
    }
    return figure(
        "lines",
        title={"en": "Gradient that reaches back to an input", "zh": "传回到输入的梯度"},
        x=axis("steps back", "往回的步数"),
        y=axis("norm, 1 at the last step", "范数，最后一步为 1", scale="log"),
        series=[curve(outcomes, name, *label) for name, label in labels.items()],
        alt={
            "en": "Norm of the gradient with respect to the input against the lag, on a logarithmic axis: three straight lines, "
            "steep for the simple "
            "network and the LSTM as it starts, nearly level for the LSTM whose forget gates start open.",
            "zh": "对输入的梯度范数随时滞的变化（对数轴）：三条直线，简单网络与默认初始化的 LSTM 下降很陡，遗忘门一开始就打开的 "
            "LSTM 几乎持平。",
        },
    )


long_lags = Experiment(_long_lags, seeds=(0, 1, 2, 3, 4), figure=_draw)
