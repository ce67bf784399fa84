"""Experiments on training: initialization."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure, panels
from refimpl.training.kaiming import kaiming_normal_
from refimpl.training.xavier import xavier_normal_

__all__ = ["kaiming_against_xavier"]

DEPTH, WIDTH, CLASSES, INPUTS = 30, 64, 10, 32
EPOCHS, BATCH, RATE = 40, 50, 0.01
INITIALIZERS: dict[str, Callable[..., Tensor]] = {"kaiming": kaiming_normal_, "xavier": xavier_normal_}


def blobs(generator: torch.Generator, *sizes: int) -> list[tuple[Tensor, Tensor]]:
    """Data sets of the given sizes from one mixture: two Gaussian blobs a class."""
    centers = torch.randn(2 * CLASSES, INPUTS, generator=generator)
    sets = []
    for size in sizes:
        which = torch.randint(len(centers), (size,), generator=generator)
        x = centers[which] + torch.randn(size, INPUTS, generator=generator)
        sets.append((x / 2**0.5, which % CLASSES))  # unit variance
    return sets


def layers(initialize: Callable[..., Tensor], generator: torch.Generator) -> tuple[list[Tensor], list[Tensor]]:
    """Weights and zero biases of ``DEPTH`` hidden layers by ``initialize`` and of a linear read-out, the same for both."""
    weights = [initialize(torch.empty(WIDTH, WIDTH if layer else INPUTS), generator=generator) for layer in range(DEPTH)]
    weights.append(xavier_normal_(torch.empty(CLASSES, WIDTH), generator=generator))
    return [w.requires_grad_() for w in weights], [torch.zeros(len(w), requires_grad=True) for w in weights]


def activations(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> list[Tensor]:
    """Outputs of each ReLU layer, and the class scores last."""
    outputs = []
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        x = F.relu(F.linear(x, weight, bias))
        outputs.append(x)
    return [*outputs, F.linear(x, weights[-1], biases[-1])]


def _kaiming_against_xavier(seed: int) -> Outcome:
    values: dict[str, float] = {}
    curves: dict[str, tuple[list[float], list[float]]] = {}
    for name, initialize in INITIALIZERS.items():
        generator = torch.Generator().manual_seed(seed)  # the same data and order for both
        (x, target), (x_test, target_test) = blobs(generator, 2000, 1000)
        weights, biases = layers(initialize, generator)
        with torch.no_grad():
            variances = [h.var().item() for h in activations(x, weights, biases)[:-1]]
        optimizer = torch.optim.SGD([*weights, *biases], lr=RATE)
        accuracies = []
        for _ in range(EPOCHS):
            for batch in torch.randperm(len(x), generator=generator).split(BATCH):
                optimizer.zero_grad()
                F.cross_entropy(activations(x[batch], weights, biases)[-1], target[batch]).backward()
                optimizer.step()
            with torch.no_grad():
                guess = activations(x_test, weights, biases)[-1].argmax(1)
            accuracies.append((guess == target_test).double().mean().item())
        values[f"{name}_accuracy"] = accuracies[-1]
        values[f"{name}_variance_ratio"] = variances[-1] / variances[0]
        curves[f"{name} variance"] = (list(range(1, DEPTH + 1)), variances)
        curves[f"{name} accuracy"] = (list(range(1, EPOCHS + 1)), accuracies)
    return Outcome(values, curves)


def _draw_kaiming_against_xavier(outcomes: list[Outcome]) -> dict[str, Any]:
    names = {"kaiming": ("He (Kaiming)", "He（Kaiming）"), "xavier": ("Glorot (Xavier)", "Glorot（Xavier）")}
    variance_alt = {
        "en": "Variance of each layer's output before training, on a logarithmic axis: level for He, halved by each layer for Glorot.",
        "zh": "训练前每层输出的方差（对数轴）：He 初始化大致持平，Glorot 初始化每过一层减半。",
    }
    accuracy_alt = {
        "en": "Test accuracy by epoch: rising for He, at chance, one in ten, for Glorot.",
        "zh": "每轮之后的测试准确率：He 初始化不断上升，Glorot 初始化停在随机水平（十分之一）。",
    }
    return panels(
        {"en": "Thirty ReLU layers, two initializations", "zh": "30 个 ReLU 层，两种初始化"},
        [
            figure(
                "lines",
                title={"en": "Variance of activations before training", "zh": "训练前激活值的方差"},
                x=axis("layer", "层"),
                y=axis("variance", "方差", scale="log"),
                series=[curve(outcomes, f"{name} variance", *label) for name, label in names.items()],
                alt=variance_alt,
            ),
            figure(
                "lines",
                title={"en": "Test accuracy", "zh": "测试准确率"},
                x=axis("epoch", "训练轮次"),
                y=axis("accuracy", "准确率"),
                series=[curve(outcomes, f"{name} accuracy", *label) for name, label in names.items()],
                alt=accuracy_alt,
            ),
        ],
        {language: f"{variance_alt[language]}{' ' if language == 'en' else ''}{accuracy_alt[language]}" for language in ("en", "zh")},
    )


kaiming_against_xavier = Experiment(_kaiming_against_xavier, seeds=(0, 1, 2, 3, 4), figure=_draw_kaiming_against_xavier)
