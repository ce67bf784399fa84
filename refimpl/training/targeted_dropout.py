r"""Targeted dropout: drop the weights or units that pruning would remove, so that a network learns to do without them.

Paper
    Gomez, Zhang, Kamalakara, Madaan, Swersky, Gal and Hinton, "Learning Sparse Networks Using Targeted Dropout", 2019,
    arXiv:1905.13678, first shown at a workshop of NeurIPS 2018.

Equations (weight W of O outputs, row w_o of n weights; gamma is the targeted share, alpha the probability of dropping)
    weights   T = {(o, i) : |w_oi| is among the floor(gamma n) smallest of row o}
    units     T = {(o, i) : ||w_o||_2 is among the floor(gamma O) smallest of all rows}
    drop      w'_oi = 0 with probability alpha if (o, i) lies in T, else w_oi;   the weights of a unit fall together
    prune     in evaluation alpha = 1
    kept      E[kept weights] = (1 - gamma alpha) n O     where gamma n, or gamma O, is a whole number

Deviations from the paper
    1. Exactly floor(gamma n) weights are targeted; where several have the same magnitude, the authors' code may take fewer.
    2. Kept weights are not divided by their probability, as in the authors' code; the paper does not speak of it.
    3. gamma and alpha are attributes to be changed between steps; the paper's "ramping" is left to the caller.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn.utils import parametrize

from refimpl.compression.pruning import smallest
from refimpl.training.dropout import dropout_mask

__all__ = ["TargetedDropout", "prune", "target", "targeted_dropout"]


def targeted_dropout(
    weight: Tensor,
    gamma: float = 0.5,
    alpha: float = 0.5,
    training: bool = True,
    units: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """The weight with some of its targets set to zero.

    Args:
        weight: ``(O, ...)``, as linear and convolution layers hold it.
        gamma: share of the weights of each output, or of the units, that is targeted.
        alpha: probability of dropping a target.
        training: without it all targets are dropped.
        units: target whole rows by their length instead of single weights.
        generator: source of the random numbers; the default generator where it is None.

    Raises:
        ValueError: a shape, dtype or parameter does not fit; the message names it.
    """
    _check_shares("targeted_dropout", gamma, alpha)
    if weight.dim() < 2 or not weight.is_floating_point():
        raise ValueError(f"targeted_dropout: weight must be floating point (O, I, ...), got {weight.dtype} of shape {tuple(weight.shape)}")
    rows = weight.flatten(1)
    scores = torch.linalg.vector_norm(rows, dim=1) if units else rows.abs()  # (O,) or (O, n)
    dropped = target(scores, gamma)
    if training:
        dropped = dropped & ~dropout_mask(scores, alpha, generator=generator)
    return weight.masked_fill(dropped.view(-1, *(1,) * (weight.dim() - 1)) if units else dropped.view_as(weight), 0.0)


def target(scores: Tensor, gamma: float) -> Tensor:
    """True at the ``floor(gamma n)`` smallest of the ``n`` numbers along the last dimension."""
    return smallest(scores, int(gamma * scores.shape[-1]))


def _check_shares(function: str, gamma: float, alpha: float) -> None:
    for name, value in (("gamma", gamma), ("alpha", alpha)):
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{function}: {name} must lie in [0, 1], got {value}")


class TargetedDropout(nn.Module):
    """Targeted dropout of a layer's weight: ``parametrize.register_parametrization(layer, "weight", TargetedDropout())``.

    Args:
        gamma, alpha, units: as in :func:`targeted_dropout`.
    """

    def __init__(self, gamma: float = 0.5, alpha: float = 0.5, units: bool = False) -> None:
        super().__init__()
        _check_shares("TargetedDropout", gamma, alpha)
        self.gamma, self.alpha, self.units = gamma, alpha, units

    def forward(self, weight: Tensor) -> Tensor:
        return targeted_dropout(weight, self.gamma, self.alpha, self.training, self.units)

    def extra_repr(self) -> str:
        return f"gamma={self.gamma}, alpha={self.alpha}, units={self.units}"


def prune(model: nn.Module) -> nn.Module:
    """Put the pruned weights in the place of every parametrization by :class:`TargetedDropout`, and return the model."""
    for module in list(model.modules()):
        for name, found in list(getattr(module, "parametrizations", {}).items()):
            if any(isinstance(step, TargetedDropout) for step in found):
                found.eval()
                parametrize.remove_parametrizations(module, name)
    return model


if __name__ == "__main__":
    from refimpl.data import digits_split
    from refimpl.demo import arguments

    data = digits_split(device=arguments(__doc__))
    x, x_test = data.x.flatten(1), data.x_test.flatten(1)
    print("a network with 128 hidden units, its smallest weights removed without further training")
    for gamma in (0.9, 0.95):
        for alpha in (0.0, 0.66):
            torch.manual_seed(0)
            model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
            for layer in (model[0], model[2]):
                parametrize.register_parametrization(layer, "weight", TargetedDropout(gamma, alpha))
            optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
            for _ in range(100):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(x), data.y).backward()
                optimizer.step()
            with torch.no_grad():
                right = (prune(model)(x_test).argmax(1) == data.y_test).double().mean().item()
            kind = "targeted dropout" if alpha else "no dropout      "
            zeros = sum((model[i].weight == 0).sum().item() for i in (0, 2))
            print(f"{kind} {zeros} of {128 * 74} weights pruned: {right:.3f} of the test digits right")
