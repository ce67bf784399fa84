"""A perceptron on classes that a line separates and on XOR, and a network with one hidden layer on XOR."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.experiments.sequences import learn as train
from refimpl.foundations.mlp import MLP
from refimpl.foundations.perceptron import learn, mistake_bound, perceptron
from refimpl.foundations.softmax_cross_entropy import cross_entropy

__all__ = ["xor_layers"]

EXAMPLES, GAP, EPOCHS, HIDDEN, STEPS, RATE = 200, 0.2, 100, 8, 300, 0.05


def points(xor: bool, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Points of [-1, 1]^2 whose class is the sign of x, or of x y, and no coordinate of which is within ``GAP`` of 0."""
    signs = torch.randint(2, (EXAMPLES, 2), generator=generator, dtype=torch.float64) * 2 - 1
    x = signs * (GAP + (1 - GAP) * torch.rand(EXAMPLES, 2, dtype=torch.float64, generator=generator))
    return x, ((signs.prod(1) if xor else signs[:, 0]) > 0).double()[:, None]


def _xor_layers(seed: int) -> Outcome:
    generator = torch.Generator().manual_seed(seed)
    values: dict[str, float] = {}
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for name, xor in (("line", False), ("xor", True)):
        x, y = points(xor, generator)
        zero = torch.zeros(1, 2, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
        learned = learn(x, y, *zero, epochs=EPOCHS)
        right = (perceptron(x, learned.weight, learned.bias) == y).double().mean().item()
        mistakes = learned.updates[:, 0].tolist()
        values |= {f"{name}_accuracy": right, f"{name}_last_mistakes": mistakes[-1]}
        curves[name] = (list(range(1, EPOCHS + 1)), mistakes + [0] * (EPOCHS - len(mistakes)))
        if name == "line":
            values["mistakes_over_bound"] = sum(mistakes) / mistake_bound(x, y, learned.weight, learned.bias).item()
    x, y = x.float(), y[:, 0].long()
    model = MLP([2, HIDDEN, 2], "tanh")
    train(lambda: cross_entropy(model(x), y), model.parameters(), STEPS, RATE)
    with torch.no_grad():
        values["hidden_layer_accuracy"] = (model(x).argmax(1) == y).double().mean().item()
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Mistakes of the perceptron in each epoch", "zh": "感知器每轮的错误数"},
        x=axis("epoch", "训练轮次"),
        y=axis("mistakes", "错误数"),
        series=[curve(outcomes, "line", "separable", "线性可分"), curve(outcomes, "xor", "XOR", "异或")],
        alt={
            "en": "Mistakes by epoch: they end within a few epochs where a line separates the classes, and go on for ever on XOR.",
            "zh": "每轮的错误数：类别线性可分时几轮后归零，异或问题上永不停止。",
        },
    )


xor_layers = Experiment(_xor_layers, seeds=(0, 1, 2, 3, 4), figure=_draw)
