"""What the experiments on classifiers share: the digits, training by the reference loop, and accuracy."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from refimpl.data import Split, digits_split
from refimpl.foundations.softmax_cross_entropy import cross_entropy
from refimpl.foundations.training_loop import Trainer, evaluate

__all__ = ["accuracy", "digit_rows", "fit"]


def digit_rows(seed: int) -> Split:
    """The digits as rows of 64 pixels with mean 0 and variance 1 over all training pixels, in the order of the seed."""
    x, y, x_test, y_test = digits_split(seed=seed)
    mean, std = x.mean(), x.std()
    return Split((x.flatten(1) - mean) / std, y, (x_test.flatten(1) - mean) / std, y_test)


def fit(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    optimizer: torch.optim.Optimizer,
    *,
    count: int,
    batch: int,
    generator: torch.Generator,
    scheduler: LRScheduler | None = None,
) -> list[float]:
    """Train on the cross-entropy; the mean loss of every epoch.

    Args:
        count, batch: number of epochs, and of rows in a mini-batch.
        generator: source of the orders of the examples.
        scheduler: takes a step after each epoch.
    """
    trainer = Trainer(model, optimizer, cross_entropy, x, y, batch, scheduler=scheduler)
    trainer.generator = generator
    return [epoch.loss for epoch in trainer.fit(count)]


def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of the examples that the model, put in evaluation, classifies."""
    return evaluate(model, x, y, lambda scores, target: (scores.argmax(1) == target).double().mean())
