"""Errors sent back through fixed random weights: whether the network learns, and how its steps turn toward backpropagation's."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from refimpl.biology.target_propagation import FeedbackLinear
from refimpl.experiments.classification import accuracy, digit_rows, fit
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure, panels
from refimpl.foundations.softmax_cross_entropy import cross_entropy

__all__ = ["feedback_alignment"]

WIDTH, EPOCHS, BATCH, RATE = 64, 12, 32, 0.05
RUNS = ("backpropagation", "feedback", "frozen")


def network(kind: str) -> nn.Sequential:
    """Two hidden tanh layers; ``feedback`` sends errors back through random weights, ``frozen`` learns the last layer alone."""
    linear = FeedbackLinear if kind == "feedback" else nn.Linear
    model = nn.Sequential(nn.Linear(64, WIDTH), nn.Tanh(), linear(WIDTH, WIDTH), nn.Tanh(), linear(WIDTH, 10))
    if kind == "frozen":
        model[:4].requires_grad_(False)
    return model


def angle(model: nn.Sequential, x: Tensor, y: Tensor) -> float:
    """Degrees between the step of the first layer's weights and that of backpropagation through the same weights."""
    first = model[0].weight
    (step,) = torch.autograd.grad(cross_entropy(model(x), y), first)
    h = model[1](model[0](x))
    h = torch.tanh(nn.functional.linear(h, model[2].weight, model[2].bias))
    (true,) = torch.autograd.grad(cross_entropy(nn.functional.linear(h, model[4].weight, model[4].bias), y), first)
    cosine = nn.functional.cosine_similarity(step.flatten(), true.flatten(), 0)
    return torch.rad2deg(torch.arccos(cosine.clamp(-1, 1))).item()


def _feedback_alignment(seed: int) -> Outcome:
    x, y, x_test, y_test = digit_rows(seed)
    values: dict[str, float] = {}
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for name in RUNS:
        torch.manual_seed(seed)
        generator, model, shares = torch.Generator().manual_seed(seed), network(name), []
        angles = [angle(model, x, y)] if name == "feedback" else []
        optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], RATE)
        for _ in range(EPOCHS):
            fit(model, x, y, optimizer, count=1, batch=BATCH, generator=generator)
            shares.append(accuracy(model, x_test, y_test))
            if angles:
                angles.append(angle(model, x, y))
        values[f"{name}_accuracy"] = shares[-1]
        curves[f"{name} accuracy"] = (list(range(1, EPOCHS + 1)), shares)
        if angles:
            values |= {"first_angle": angles[0], "least_angle": min(angles), "last_angle": angles[-1]}
            curves["angle"] = (list(range(EPOCHS + 1)), angles)
    values["loss_to_backpropagation"] = values["backpropagation_accuracy"] - values["feedback_accuracy"]
    values["gain_over_frozen"] = values["feedback_accuracy"] - values["frozen_accuracy"]
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    alt = {
        "en": "Left, test accuracy by epoch: random feedback is close to backpropagation and above a network whose hidden layers "
        "are frozen. Right, "
        "the angle between the first layer's steps and backpropagation's: near 90 degrees at first, well below it after an epoch.",
        "zh": "左图：每轮之后的测试准确率，随机反馈接近反向传播，高于隐藏层不学习的网络。右图：第一层的更新与反向传播的夹角，"
        "起初接近 90 度，一轮之后明显变小。",
    }
    labels = {
        "backpropagation": ("backpropagation", "反向传播"),
        "feedback": ("random feedback", "随机反馈"),
        "frozen": ("last layer alone", "只学最后一层"),
    }
    drawn = [
        figure(
            "lines",
            title={"en": "Test accuracy on the digits", "zh": "数字数据上的测试准确率"},
            x=axis("epoch", "训练轮次"),
            y=axis("accuracy", "准确率"),
            series=[curve(outcomes, f"{name} accuracy", *label) for name, label in labels.items()],
            alt=alt,
        ),
        figure(
            "lines",
            title={"en": "Angle to backpropagation's step", "zh": "与反向传播更新的夹角"},
            x=axis("epoch", "训练轮次"),
            y=axis("degrees", "度"),
            series=[curve(outcomes, "angle", "first layer", "第一层")],
            alt=alt,
        ),
    ]
    return panels({"en": "Learning through random feedback", "zh": "通过随机反馈学习"}, drawn, alt)


feedback_alignment = Experiment(_feedback_alignment, seeds=(0, 1, 2), figure=_draw)
