"""Glorot's and He's weights under tanh, sigmoid and ReLU: how the signal and the gradient pass thirty layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure, panels
from refimpl.foundations.activation_rectifiers import relu
from refimpl.training.kaiming import kaiming_normal_
from refimpl.training.xavier import xavier_normal_

__all__ = ["scale_by_activation"]

DEPTH, WIDTH, EXAMPLES = 30, 200, 200
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": relu}
INITIALIZERS: dict[str, Callable[..., Tensor]] = {
    "xavier": xavier_normal_,
    "he": lambda w, generator: kaiming_normal_(w, generator=generator),
}


def gradients(activation: Callable[[Tensor], Tensor], initialize: Callable[..., Tensor], generator: torch.Generator) -> list[float]:
    """Norm of the gradient that reaches each layer's output, from the last to the first, relative to the last's."""
    x = torch.randn(EXAMPLES, WIDTH, dtype=torch.float64, generator=generator)
    outputs = []
    for _ in range(DEPTH):
        weight = initialize(torch.empty(WIDTH, WIDTH, dtype=torch.float64), generator=generator)
        x = activation(x @ weight.t())
        x.requires_grad_() if not outputs else x.retain_grad()
        outputs.append(x)
    x.backward(torch.randn(x.shape, dtype=x.dtype, generator=generator))
    norms = [output.grad.norm().item() for output in reversed(outputs)]
    return [norm / norms[0] for norm in norms]


def _scale_by_activation(seed: int) -> Outcome:
    values: dict[str, float] = {}
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for name, activation in ACTIVATIONS.items():
        for rule, initialize in INITIALIZERS.items():
            found = gradients(activation, initialize, torch.Generator().manual_seed(seed))
            values[f"{name}_{rule}"] = found[-1]
            curves[f"{name} {rule}"] = (list(range(DEPTH)), found)
    values["sigmoid_xavier_over_he"] = values["sigmoid_xavier"] / values["sigmoid_he"]
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    alt = {
        "en": "Three panels: norm of the gradient against the layers it has passed, on logarithmic axes. Under tanh it falls "
        "slowly with Glorot's "
        "weights and rises slowly with He's; under sigmoid it vanishes with both; under ReLU it vanishes with Glorot's and stays "
        "with He's.",
        "zh": "三幅图：梯度范数随经过的层数的变化（对数轴）。tanh 下，Glorot 权重使其缓慢下降，He 权重使其缓慢上升；sigmoid "
        "下两者都消失；"
        "ReLU 下，Glorot 权重使其消失，He 权重使其保持。",
    }
    drawn = [
        figure(
            "lines",
            title={"en": name, "zh": name},
            x=axis("layers back", "往回的层数"),
            y=axis("gradient norm", "梯度范数", scale="log"),
            series=[curve(outcomes, f"{key} xavier", "Glorot", "Glorot"), curve(outcomes, f"{key} he", "He", "He")],
            alt=alt,
        )
        for key, name in (("tanh", "tanh"), ("sigmoid", "sigmoid"), ("relu", "ReLU"))
    ]
    return panels({"en": "Gradients through thirty layers", "zh": "穿过三十层的梯度"}, drawn, alt)


scale_by_activation = Experiment(_scale_by_activation, seeds=(0, 1, 2), figure=_draw)
