"""The spread of activations through ten layers: small weights collapse, Glorot's and SELU's do not."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.foundations.activation_rectifiers import selu
from refimpl.training.lecun import lecun_normal_
from refimpl.training.xavier import xavier_normal_

__all__ = ["deep_tanh"]

DEPTH, WIDTH, EXAMPLES = 10, 500, 1000


def small_normal_(tensor: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Weights of standard deviation 0.01, whatever the layer's width."""
    return tensor.normal_(0, 0.01, generator=generator)


NETS = {"small": (small_normal_, torch.tanh), "xavier": (xavier_normal_, torch.tanh), "selu": (lecun_normal_, selu)}


def _deep_tanh(seed: int) -> Outcome:
    values: dict[str, float] = {}
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for name, (initialize, activation) in NETS.items():
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(EXAMPLES, WIDTH, generator=generator)
        spread = []
        for _ in range(DEPTH):
            x = activation(x @ initialize(torch.empty(WIDTH, WIDTH), generator=generator).t())
            spread.append(x.std().item())
        values |= {f"{name}_std_layer_4": spread[3], f"{name}_std": spread[-1], f"{name}_mean": x.mean().item()}
        curves[name] = (list(range(1, DEPTH + 1)), spread)
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    labels = {
        "small": ("tanh, N(0, 0.01²)", "tanh，N(0, 0.01²)"),
        "xavier": ("tanh, Glorot", "tanh，Glorot"),
        "selu": ("SELU, LeCun", "SELU，LeCun"),
    }
    return figure(
        "lines",
        title={"en": "Spread of the activations, layer by layer", "zh": "逐层激活值的标准差"},
        x=axis("layer", "层"),
        y=axis("standard deviation", "标准差", scale="log"),
        series=[curve(outcomes, name, *label) for name, label in labels.items()],
        alt={
            "en": "Standard deviation of the activations by layer, on a logarithmic axis: it falls by a factor of more than four "
            "a layer for "
            "tanh with small weights, falls slowly for tanh with Glorot's, and stays at one for SELU.",
            "zh": "各层激活值的标准差（对数轴）：权重很小的 tanh 网络每层缩小到四分之一以下，Glorot 初始化的 tanh 网络缓慢下降，"
            "SELU 网络保持在 1。",
        },
    )


deep_tanh = Experiment(_deep_tanh, seeds=(0, 1, 2, 3, 4), figure=_draw)
