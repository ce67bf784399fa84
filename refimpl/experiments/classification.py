"""What the experiments on classifiers share: the digits, a plain training loop, and accuracy."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from refimpl.data import Split, digits_split
from refimpl.foundations.softmax_cross_entropy import cross_entropy

__all__ = ["accuracy", "digit_rows", "epochs", "fit"]


def digit_rows(seed: int) -> Split:
    """The digits as rows of 64 pixels with mean 0 and variance 1 over all training pixels, in the order of the seed."""
    x, y, x_test, y_test = digits_split(seed=seed)
    mean, std = x.mean(), x.std()
    return Split((x.flatten(1) - mean) / std, y, (x_test.flatten(1) - mean) / std, y_test)


def epochs(x: Tensor, y: Tensor, count: int, batch: int, generator: torch.Generator):
    """Batches of ``count`` passes, each in a new order; what is left over at the end of a pass is left out."""
    for _ in range(count):
        order = torch.randperm(len(x), generator=generator)
        for rows in order[: len(x) - len(x) % batch].split(batch):
            yield x[rows], y[rows]


def fit(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    optimizer: torch.optim.Optimizer,
    *,
    count: int,
    batch: int,
    generator: torch.Generator,
    after: Callable[[], None] | None = None,
) -> list[float]:
    """Train on the cross-entropy; the loss of every step.

    Args:
        count, batch, generator: as in :func:`epochs`.
        after: called after each step.
    """
    losses = []
    for inputs, target in epochs(x, y, count, batch, generator):
        optimizer.zero_grad()
        loss = cross_entropy(model(inputs), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if after is not None:
            after()
    return losses


@torch.no_grad()
def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of the examples that the model, put in evaluation, classifies."""
    training = model.training
    model.eval()
    share = (model(x).argmax(1) == y).double().mean().item()
    model.train(training)
    return share
