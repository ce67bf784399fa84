"""How sure a ReLU classifier is of noise, the farther it is from the data."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from refimpl.experiments.classification import accuracy, digit_rows, fit
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.limits.local_generalization import relu_on_ray, softmax_limit

__all__ = ["certain_far_away"]

WIDTH, EPOCHS, BATCH, RATE, DIRECTIONS = 64, 10, 32, 2e-3, 200
SCALES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
FAR = SCALES[-1]


def _certain_far_away(seed: int) -> Outcome:
    x, y, x_test, y_test = digit_rows(seed)
    generator = torch.Generator().manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10))
    fit(model, x, y, torch.optim.Adam(model.parameters(), RATE), count=EPOCHS, batch=BATCH, generator=generator)
    noise = torch.randn(DIRECTIONS, 64, generator=generator, dtype=torch.float64)  # of the size of a digit
    shares = accuracy(model, x_test, y_test)
    model.double().requires_grad_(False)
    sure = [model(scale * noise).softmax(1).amax(1) for scale in SCALES]
    slope, shift, start = relu_on_ray(model, noise)
    beyond = FAR * noise[start <= FAR]
    limit = softmax_limit(slope, shift).amax(1)
    values = {
        "accuracy": shares,
        "sure_of_noise": sure[SCALES.index(1.0)].mean().item(),
        "sure_far_away": sure[-1].mean().item(),
        "certain_in_the_limit": (limit == 1).double().mean().item(),
        "ray_share": (start <= FAR).double().mean().item(),
        "ray_error": ((model(beyond) - (FAR * slope + shift)[start <= FAR]).abs().max() / model(beyond).abs().max()).item(),
    }
    return Outcome(values, {"sure": (SCALES, [s.mean().item() for s in sure])})


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Probability of the class chosen for noise", "zh": "对噪声所选类别的概率"},
        x=axis("size of the noise, that of a digit being 1", "噪声大小，数字图像为 1", scale="log"),
        y=axis("mean largest probability", "最大概率的均值"),
        series=[curve(outcomes, "sure", "ReLU network", "ReLU 网络")],
        alt={
            "en": "Mean largest class probability against the size of the noise: it rises to 1.",
            "zh": "最大类别概率的均值随噪声大小的变化：升到 1。",
        },
    )


certain_far_away = Experiment(_certain_far_away, seeds=(0, 1, 2), figure=_draw)
