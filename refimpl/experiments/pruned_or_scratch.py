"""A wide network pruned to its strongest filters and fine-tuned, beside the narrow network trained from scratch."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from refimpl.compression.pruning import filter_mask, slim_
from refimpl.data import Split, digits_split
from refimpl.experiments.classification import accuracy, fit
from refimpl.experiments.outcome import Experiment, Outcome, axis, bar, figure

__all__ = ["pruned_or_scratch"]

WIDE, KEPT, EPOCHS, TUNING, BATCH, RATE = 32, 8, 6, 3, 32, 0.05
NAMES = {
    "wide": ("32 filters", "32 个滤波器"),
    "pruned": ("pruned to 8", "剪到 8 个"),
    "tuned": ("and fine-tuned", "再微调"),
    "scratch": ("8 from scratch", "8 个，从头训练"),
}


def network(width: int) -> nn.Sequential:
    """Two normalized convolutions and a linear layer."""
    return nn.Sequential(
        *(nn.Conv2d(1, width, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
        *(nn.Conv2d(width, width, 3, stride=2, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
        nn.Flatten(),
        nn.Linear(4 * width, 10),
    )


def train(model: nn.Module, data: Split, epochs: int, rate: float, generator: torch.Generator) -> float:
    """SGD with momentum; the test accuracy afterwards."""
    optimizer = torch.optim.SGD(model.parameters(), rate, momentum=0.9)
    fit(model, data.x, data.y, optimizer, count=epochs, batch=BATCH, generator=generator)
    return accuracy(model, data.x_test, data.y_test)


def prune(model: nn.Sequential) -> None:
    """Keep the ``KEPT`` filters of largest L1 norm in each convolution, in place (Li et al., 2017)."""
    first, second, last = model[0], model[3], model[7]
    slim_(first, model[1], [second], filter_mask(first.weight, 1 - KEPT / WIDE).flatten())
    slim_(second, model[4], [last], filter_mask(second.weight, 1 - KEPT / WIDE).flatten())


def _pruned_or_scratch(seed: int) -> Outcome:
    data, generator = digits_split(seed=seed), torch.Generator().manual_seed(seed)
    model = network(WIDE)
    shares = {"wide": train(model, data, EPOCHS, RATE, generator)}
    prune(model)
    shares["pruned"] = accuracy(model, data.x_test, data.y_test)
    shares["tuned"] = train(model, data, TUNING, RATE / 10, generator)
    shares["scratch"] = train(network(KEPT), data, EPOCHS + TUNING, RATE, generator)
    values = {f"{name}_accuracy": share for name, share in shares.items()}
    values |= {"scratch_over_tuned": shares["scratch"] - shares["tuned"], "wide_over_scratch": shares["wide"] - shares["scratch"]}
    return Outcome(values)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "bars",
        title={"en": "32 filters a layer, 8 of them kept", "zh": "每层 32 个滤波器，保留 8 个"},
        x=axis("network", "网络"),
        y=axis("test accuracy", "测试准确率"),
        series=[bar(outcomes, {f"{key}_accuracy": ""}, *label) for key, label in NAMES.items()],
        alt={
            "en": "Test accuracy of the wide network, of the pruned one before and after fine-tuning, and of the narrow one from "
            "scratch: the last "
            "two are alike.",
            "zh": "宽网络、剪枝后微调前、微调后以及从头训练的窄网络的测试准确率：后两者相近。",
        },
    )


pruned_or_scratch = Experiment(_pruned_or_scratch, seeds=(0, 1, 2), figure=_draw)
