"""SRCNN beside bicubic interpolation on digits that were reduced to half their size."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from refimpl.data import digits_split
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.experiments.sequences import learn
from refimpl.vision.bicubic import bicubic
from refimpl.vision.restoration_scores import psnr
from refimpl.vision.srcnn import SRCNN

__all__ = ["sharper_digits"]

FILTERS, KERNELS, BATCH, STEPS, CHECK, RATE = (32, 16), (5, 1, 5), 32, 600, 50, 2e-3


def enlarged(x: Tensor) -> Tensor:
    """The images reduced to half their size and enlarged again, both by bicubic interpolation."""
    height, width = x.shape[2:]
    return bicubic(bicubic(x, (height // 2, width // 2), antialias=True), (height, width))


def ratios(model: SRCNN, x: Tensor, x_test: Tensor, generator: torch.Generator) -> list[float]:
    """Peak signal-to-noise ratio of the sharpened test images every ``CHECK`` steps of training."""
    rough, rough_test, found = enlarged(x), enlarged(x_test), []

    def loss() -> Tensor:
        rows = torch.randint(len(x), (BATCH,), generator=generator)
        return (model(rough[rows]) - x[rows]).square().mean()

    def check(step: int) -> None:
        if step % CHECK == 0:
            with torch.no_grad():
                found.append(psnr(model(rough_test), x_test).item())

    learn(loss, model.parameters(), STEPS, RATE, after=check)
    return found


def _sharper_digits(seed: int) -> Outcome:
    x, _, x_test, _ = digits_split(seed=seed)
    steps = list(range(CHECK, STEPS + 1, CHECK))
    values = {"bicubic": psnr(enlarged(x_test), x_test).item()}
    curves: dict[str, tuple[list[int], list[float]]] = {"bicubic": (steps, [values["bicubic"]] * len(steps))}
    for name in ("from_input", "small_weights"):
        model = SRCNN(1, FILTERS, KERNELS)
        if name == "from_input":
            model.start_from_input_()
        found = ratios(model, x, x_test, torch.Generator().manual_seed(seed))
        values |= {f"{name}_gain": found[-1] - values["bicubic"], f"{name}_gain_after_{CHECK}": found[0] - values["bicubic"]}
        curves[name] = (steps, found)
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    labels = {
        "from_input": ("SRCNN, from the input", "SRCNN，从输入图像开始"),
        "small_weights": ("SRCNN, from N(0, 0.001²)", "SRCNN，从 N(0, 0.001²) 开始"),
        "bicubic": ("bicubic", "双三次插值"),
    }
    return figure(
        "lines",
        title={"en": "Test digits enlarged twofold", "zh": "放大两倍的测试数字"},
        x=axis("step", "步数"),
        y=axis("peak signal-to-noise ratio, dB", "峰值信噪比（dB）"),
        series=[curve(outcomes, name, *label) for name, label in labels.items()],
        alt={
            "en": "Peak signal-to-noise ratio of test images by training step: SRCNN's rises above the level line of bicubic "
            "interpolation.",
            "zh": "测试图像的峰值信噪比随训练步数的变化：SRCNN 升到双三次插值的水平线之上，从输入图像开始时较早，从小权重开始时较晚。",
        },
    )


sharper_digits = Experiment(_sharper_digits, seeds=(0, 1, 2), figure=_draw)
