"""The fast gradient sign method on the digits, beside noise of the same size, before and after adversarial training."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from refimpl.data import Split, digits_split
from refimpl.experiments.classification import accuracy, fit
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.experiments.sequences import learn
from refimpl.generative.fgsm import adversarial_loss, fgsm

__all__ = ["fgsm_digits"]

WIDTH, EPOCHS, BATCH, RATE = 64, 15, 32, 1e-3
SIZES = (0.0, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25)
AT = 0.2


def network() -> nn.Sequential:
    """Two hidden layers of ReLU on the pixels."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10))


def train_adversarially(model: nn.Module, data: Split, generator: torch.Generator) -> None:
    """Adam for as many steps, on the mean of the losses on an image and on its perturbed copy."""

    def loss() -> Tensor:
        rows = torch.randint(len(data.x), (BATCH,), generator=generator)
        return adversarial_loss(model, data.x[rows], data.y[rows], AT / 2, bounds=(0.0, 1.0))

    learn(loss, model.parameters(), EPOCHS * len(data.x) // BATCH, RATE)


def under_attack(model: nn.Module, data: Split, size: float) -> float:
    """Accuracy on test images moved by ``size`` along the signs of the gradient."""
    return accuracy(model, fgsm(model, data.x_test, data.y_test, size, bounds=(0.0, 1.0)), data.y_test)


def under_noise(model: nn.Module, data: Split, size: float, generator: torch.Generator) -> float:
    """Accuracy on test images each of whose pixels is moved by ``size``, up or down at random."""
    signs: Tensor = torch.randint(2, data.x_test.shape, generator=generator) * 2 - 1
    return accuracy(model, (data.x_test + size * signs).clamp(0, 1), data.y_test)


def _fgsm_digits(seed: int) -> Outcome:
    data, generator = digits_split(seed=seed), torch.Generator().manual_seed(seed)
    plain, hardened = network(), network()
    fit(plain, data.x, data.y, torch.optim.Adam(plain.parameters(), RATE), count=EPOCHS, batch=BATCH, generator=generator)
    train_adversarially(hardened, data, generator)
    found = {
        "attacked": [under_attack(plain, data, size) for size in SIZES],
        "noisy": [under_noise(plain, data, size, generator) for size in SIZES],
        "hardened": [under_attack(hardened, data, size) for size in SIZES],
    }
    at = SIZES.index(AT)
    values = {"clean": found["attacked"][0]} | {name: shares[at] for name, shares in found.items()}
    half = SIZES.index(AT / 2)
    values["error_ratio"] = (1 - found["hardened"][half]) / (1 - found["attacked"][half])  # at the size trained on
    return Outcome(values, {name: (SIZES, shares) for name, shares in found.items()})


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    labels = {
        "noisy": ("random signs", "随机符号"),
        "attacked": ("FGSM", "FGSM"),
        "hardened": ("FGSM, adversarially trained", "FGSM，经对抗训练"),
    }
    return figure(
        "lines",
        title={"en": "Digits under perturbations", "zh": "受扰动的数字图像"},
        x=axis("change of each pixel", "每个像素的改变量"),
        y=axis("accuracy", "准确率"),
        series=[curve(outcomes, name, *label) for name, label in labels.items()],
        alt={
            "en": "Accuracy against the size of the change of each pixel: it falls to near zero along the signs of the gradient, "
            "slowly along "
            "random signs, and more slowly after adversarial training.",
            "zh": "准确率随每个像素改变量的变化：沿梯度符号降到接近零，沿随机符号下降缓慢，经对抗训练后下降也更慢。",
        },
    )


fgsm_digits = Experiment(_fgsm_digits, seeds=(0, 1, 2), figure=_draw)
