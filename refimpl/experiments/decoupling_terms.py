"""A trained convolution replaced by few depthwise separable ones: what is left of its kernel and of the accuracy."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import nn

from refimpl.convolution.network_decoupling import decouple_conv, residual_energy
from refimpl.data import digits_split
from refimpl.experiments.classification import accuracy, fit
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure, panels

__all__ = ["decoupling_terms"]

CHANNELS, EPOCHS, BATCH, RATE = 16, 6, 32, 2e-3
TERMS = 9
"""Of a 3 x 3 kernel: as many as are exact."""


def network() -> nn.Sequential:
    """Three convolutions; all but the first are decoupled."""
    layers: list[nn.Module] = []
    for inputs, stride in ((1, 1), (CHANNELS, 2), (CHANNELS, 2)):
        layers += [nn.Conv2d(inputs, CHANNELS, 3, stride, 1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(CHANNELS * 4, 10))


def decoupled(model: nn.Sequential, terms: int) -> nn.Sequential:
    """A copy whose convolutions behind the first are sums of ``terms`` depthwise separable ones."""
    copy = deepcopy(model)
    for index, layer in enumerate(model):
        if isinstance(layer, nn.Conv2d) and layer.in_channels > 1:
            copy[index] = decouple_conv(layer, terms)
    return copy


def left_out(model: nn.Sequential) -> list[float]:
    """Mean over the decoupled layers of the share of the kernel's energy that 0, 1, ... 9 terms leave out."""
    kernels = [layer.weight.detach() for layer in model if isinstance(layer, nn.Conv2d) and layer.in_channels > 1]
    return torch.stack([residual_energy(kernel) for kernel in kernels]).mean(0).clamp_min(0).tolist()


def _decoupling_terms(seed: int) -> Outcome:
    x, y, x_test, y_test = digits_split(seed=seed)
    model, generator = network(), torch.Generator().manual_seed(seed)
    random = left_out(model)
    fit(model, x, y, torch.optim.Adam(model.parameters(), RATE), count=EPOCHS, batch=BATCH, generator=generator)
    energy = left_out(model)
    shares = [accuracy(decoupled(model, terms), x_test, y_test) for terms in range(1, TERMS + 1)]
    full = accuracy(model, x_test, y_test)
    values = {
        "accuracy": full,
        "lost_at_1": full - shares[0],
        "lost_at_4": full - shares[3],
        "lost_at_9": full - shares[-1],
        "energy_left_at_4": energy[4],
        "energy_left_at_9": energy[9],
        "trained_over_random_at_4": energy[4] / random[4],
    }
    curves = {"accuracy": (list(range(1, TERMS + 1)), shares)}
    curves |= {name: (list(range(TERMS + 1)), found) for name, found in (("trained", energy), ("random", random))}
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    alt = {
        "en": "Left, the share of the kernels' energy that is left out, against the number of terms: it falls to zero at nine, "
        "faster for trained "
        "kernels than for random ones. Right, test accuracy without any retraining: it reaches that of the whole network at few terms.",
        "zh": "左图：略去的卷积核能量比例随项数的变化，到九项时为零，训练后的核比随机核降得快。右图：不再训练时的测试准确率，"
        "几项就达到原网络的水平。",
    }
    terms = axis("terms", "项数")
    drawn = [
        figure(
            "lines",
            title={"en": "Energy left out", "zh": "略去的能量"},
            x=terms,
            y=axis("share", "比例"),
            series=[curve(outcomes, "trained", "trained", "训练后"), curve(outcomes, "random", "random", "随机")],
            alt=alt,
        ),
        figure(
            "lines",
            title={"en": "Accuracy, not retrained", "zh": "不再训练的准确率"},
            x=terms,
            y=axis("test accuracy", "测试准确率"),
            series=[curve(outcomes, "accuracy", "decoupled", "解耦后")],
            alt=alt,
        ),
    ]
    return panels({"en": "Convolutions as few depthwise separable ones", "zh": "用少数深度可分离卷积代替卷积"}, drawn, alt)


decoupling_terms = Experiment(_decoupling_terms, seeds=(0, 1, 2), figure=_draw)
