"""Capsules on the digits, with one and with three iterations of routing."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from refimpl.capsules.dynamic_routing import CapsNet, route
from refimpl.data import Split, digits_split
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.experiments.sequences import learn

__all__ = ["routing_iterations"]

SIZES = {"channels": 16, "kernel_size": 3, "primary_capsules": 4, "primary_dim": 4, "class_dim": 8, "hidden": (32, 64)}
STEPS, CHECK, BATCH, RATE, ITERATIONS = 350, 50, 32, 3e-3, (1, 3)


@torch.no_grad()
def right(model: CapsNet, x: Tensor, y: Tensor) -> float:
    """Share of the images whose longest class capsule is the right one."""
    return (model(x).norm(dim=2).argmax(1) == y).double().mean().item()


def doubt(predictions: Tensor, iterations: int) -> float:
    """Mean entropy of the couplings of a lower capsule, over that of equal couplings."""
    couplings = route(predictions, iterations)[1]
    return (torch.special.entr(couplings).sum(2).mean() / torch.tensor(couplings.shape[2]).log()).item()


def train(model: CapsNet, data: Split, generator: torch.Generator) -> list[float]:
    """Test accuracy every ``CHECK`` steps."""
    shares = []

    def loss() -> Tensor:
        rows = torch.randint(len(data.x), (BATCH,), generator=generator)
        return model.loss(data.x[rows], data.y[rows])

    def check(step: int) -> None:
        if step % CHECK == 0:
            shares.append(right(model, data.x_test, data.y_test))

    learn(loss, model.parameters(), STEPS, RATE, after=check)
    return shares


def _routing_iterations(seed: int) -> Outcome:
    data = digits_split(seed=seed)
    values: dict[str, float] = {}
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for iterations in ITERATIONS:
        torch.manual_seed(seed)
        model = CapsNet(8, iterations=iterations, **SIZES)
        shares = train(model, data, torch.Generator().manual_seed(seed))
        values[f"accuracy_with_{iterations}"] = shares[-1]
        curves[f"{iterations}"] = (list(range(CHECK, STEPS + 1, CHECK)), shares)
    values["gain"] = values["accuracy_with_3"] - values["accuracy_with_1"]
    with torch.no_grad():  # of the network that was trained last, with three iterations
        lower = model.primary(model.conv(data.x_test).relu())
        predictions = torch.einsum("bid,ijed->bije", lower, model.classes.weight)
        values |= {f"doubt_with_{iterations}": doubt(predictions, iterations) for iterations in ITERATIONS}
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    labels = {"1": ("1 iteration", "1 次迭代"), "3": ("3 iterations", "3 次迭代")}
    return figure(
        "lines",
        title={"en": "Capsules on the digits", "zh": "数字数据上的胶囊网络"},
        x=axis("step", "步数"),
        y=axis("test accuracy", "测试准确率"),
        series=[curve(outcomes, name, *label) for name, label in labels.items()],
        alt={
            "en": "Test accuracy by step with one and with three iterations of routing: with three it ends a little higher.",
            "zh": "一次与三次路由迭代时测试准确率随步数的变化：三次迭代最后略高。",
        },
    )


routing_iterations = Experiment(_routing_iterations, seeds=(0, 1, 2, 3, 4), figure=_draw)
