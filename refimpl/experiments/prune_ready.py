"""Targeted dropout and plain training: accuracy when the smallest weights are removed without any further training."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

from refimpl.data import Split
from refimpl.experiments.classification import accuracy, digit_rows, fit
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.training.targeted_dropout import TargetedDropout, prune

__all__ = ["prune_ready"]

WIDTH, EPOCHS, BATCH, RATE = 128, 15, 32, 2e-3
SHARES = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98)
GAMMA, ALPHA = 0.9, 0.66
RUNS = {"plain": 0.0, "targeted": ALPHA}
"""The probability of dropping a targeted weight in training."""


def trained(data: Split, alpha: float, generator: torch.Generator) -> nn.Sequential:
    """Two hidden layers whose smallest weights fall with probability ``alpha``, gone from the model that is returned."""
    model = nn.Sequential(nn.Linear(64, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10))
    if alpha:
        for layer in (model[0], model[2]):
            parametrize.register_parametrization(layer, "weight", TargetedDropout(GAMMA, alpha))
    fit(model, data.x, data.y, torch.optim.Adam(model.parameters(), RATE), count=EPOCHS, batch=BATCH, generator=generator)
    if alpha:
        for layer in (model[0], model[2]):
            layer.parametrizations.weight[0].gamma = 0.0  # nothing is targeted: the weights as they are
    return prune(model)


def pruned_accuracy(model: nn.Sequential, data: Split, share: float) -> float:
    """Test accuracy without the smallest ``share`` of each hidden unit's weights."""
    copy = deepcopy(model)
    for layer in (copy[0], copy[2]):
        parametrize.register_parametrization(layer, "weight", TargetedDropout(share, 1.0))
    return accuracy(prune(copy), data.x_test, data.y_test)


def _prune_ready(seed: int) -> Outcome:
    data = digit_rows(seed)
    values: dict[str, float] = {}
    curves: dict[str, tuple[tuple[float, ...], list[float]]] = {}
    for name, alpha in RUNS.items():
        torch.manual_seed(seed)
        model = trained(data, alpha, torch.Generator().manual_seed(seed))
        shares = [pruned_accuracy(model, data, share) for share in SHARES]
        values |= {f"{name}_whole": shares[0], f"{name}_at_90": shares[SHARES.index(0.9)]}
        curves[name] = (SHARES, shares)
    values["gain_at_90"] = values["targeted_at_90"] - values["plain_at_90"]
    values["whole_difference"] = values["targeted_whole"] - values["plain_whole"]
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Accuracy without the smallest weights", "zh": "去掉最小权重后的准确率"},
        x=axis("share of the weights removed", "去掉的权重比例"),
        y=axis("test accuracy", "测试准确率"),
        series=[curve(outcomes, "targeted", "targeted dropout", "定向随机失活"), curve(outcomes, "plain", "plain", "普通训练")],
        alt={
            "en": "Test accuracy against the share of weights removed without further training: after plain training it falls "
            "early, after targeted "
            "dropout it holds up to nine weights in ten.",
            "zh": "测试准确率随不经再训练而去掉的权重比例的变化：普通训练后很早下降，定向随机失活后保持到去掉九成。",
        },
    )


prune_ready = Experiment(_prune_ready, seeds=(0, 1, 2), figure=_draw)
