r"""Prediction uncertainty in its parts: what the model does not know, and what the observations hide.

Paper
    Zhu and Laptev, "Deep and Confident Prediction for Time Series at Uber", ICDM workshops 2017, arXiv:1709.01907.
    Section III: the law of total variance, the inherent noise of a held-out set, algorithm 1.

Equations (f^W the network under random weights W, y = f^W(x) + noise of variance sigma^2; K draws of W, V held-out examples)
    uncertainty-variance  Var(y | x) = Var(E(y | W, x)) + E(Var(y | W, x)) = Var(f^W(x)) + sigma^2
    uncertainty-model     eta_1^2 = 1/K sum_k (f_k - mean f)^2
    uncertainty-noise     eta_2^2 = 1/V sum_v (mean f(x_v) - y_v)^2
    uncertainty-interval  mean f -+ z eta,   eta^2 = eta_1^2 + eta_2^2,   z the (1 + level) / 2 quantile of N(0, 1)

Deviations from the paper
    1. The network is the caller's: the paper's third part, misspecification, comes from an encoder that is trained to reconstruct
       and runs under dropout before the prediction network; here any source of draws will do, such as ``mc_dropout.sample``.
    2. Everything is elementwise over what is predicted, so that each step of a forecast has its own noise.
    3. In bfloat16 and float16 variances and bounds are computed in float32.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from refimpl.convolution.windows import raised
from refimpl.training.mc_dropout import predict

__all__ = ["Prediction", "coverage", "noise_variance", "prediction"]


class Prediction(NamedTuple):
    """Mean prediction and the parts of its variance, all of one shape."""

    mean: Tensor
    model: Tensor
    noise: Tensor

    @property
    def variance(self) -> Tensor:
        """eta^2, the sum of both parts."""
        return self.model + self.noise

    def interval(self, level: float = 0.95) -> tuple[Tensor, Tensor]:
        """Bounds between which an observation lies with probability ``level``, if errors are normal.

        Raises:
            ValueError: ``level`` is not in (0, 1).
        """
        if not 0.0 < level < 1.0:
            raise ValueError(f"interval: level must lie between 0 and 1, got {level}")
        variance = raised(self.variance)
        reach = torch.special.ndtri(variance.new_full((), (1 + level) / 2)) * variance.sqrt()
        return (self.mean - reach).to(self.mean.dtype), (self.mean + reach).to(self.mean.dtype)


def noise_variance(predictions: Tensor, targets: Tensor) -> Tensor:
    """eta_2^2: mean squared error on examples that training has not seen; above sigma^2 by the square of any bias.

    Args:
        predictions, targets: ``(V, ...)``, V at least 1.

    Returns:
        ``(...)``

    Raises:
        ValueError: the shapes differ, or there is no example.
    """
    if predictions.shape != targets.shape or predictions.dim() < 1 or len(predictions) < 1:
        got = f"{tuple(predictions.shape)} and {tuple(targets.shape)}"
        raise ValueError(f"noise_variance: predictions and targets must have one shape (V, ...) with V at least 1, got {got}")
    return (raised(predictions) - raised(targets)).square().mean(0).to(predictions.dtype)


def prediction(draws: Tensor, noise: Tensor | float = 0.0) -> Prediction:
    """Mean and parts of the variance from predictions under several draws of the weights.

    Args:
        draws: ``(K, ...)``.
        noise: eta_2^2, that broadcasts to one draw.

    Raises:
        ValueError: there is no draw, or ``noise`` does not broadcast to one.
    """
    if draws.dim() < 1 or len(draws) < 1:
        raise ValueError(f"prediction: draws must be (K, ...) with K at least 1, got shape {tuple(draws.shape)}")
    mean, model = predict(raised(draws))
    level = torch.as_tensor(noise, dtype=draws.dtype, device=draws.device)
    try:
        level = level.expand(mean.shape)
    except RuntimeError as error:
        raise ValueError(f"prediction: noise must broadcast to shape {tuple(mean.shape)}, got {tuple(level.shape)}") from error
    return Prediction(mean.to(draws.dtype), model.to(draws.dtype), level)


def coverage(interval: tuple[Tensor, Tensor], targets: Tensor) -> Tensor:
    """Share of the targets that lie in their interval, bounds included; a scalar of the targets' dtype."""
    lower, upper = interval
    return ((lower <= targets) & (targets <= upper)).to(targets.dtype).mean()


if __name__ == "__main__":
    from refimpl.demo import arguments
    from refimpl.training.dropout import Dropout
    from refimpl.training.mc_dropout import sample

    arguments(__doc__)

    def observed(count: int, reach: float = 1.0) -> tuple[Tensor, Tensor]:
        x = reach * (2 * torch.rand(count, 1) - 1)
        return x, torch.sin(3 * x) + 0.2 * torch.randn(count, 1)

    x, y = observed(200)
    layers = [torch.nn.Linear(1, 64), torch.nn.ReLU(), Dropout(0.05), torch.nn.Linear(64, 64), torch.nn.ReLU(), Dropout(0.05)]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(64, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(800):
        optimizer.zero_grad()
        (model(x) - y).square().mean().backward()
        optimizer.step()
    with torch.no_grad():
        held_out, answers = observed(200)
        noise = noise_variance(prediction(sample(model, held_out)).mean, answers)
        print(f"noise on held-out data: standard deviation {noise.item() ** 0.5:.3f}, that of the data is 0.200")
        places, truth = observed(2000)
        found = prediction(sample(model, places), noise)
        for level in (0.5, 0.8, 0.95):
            print(f"intervals of level {level:.0%} hold {coverage(found.interval(level), truth):.1%} of new observations")
        for reach in (1.0, 2.0, 4.0):
            there = prediction(sample(model, torch.full((1, 1), reach)), noise)
            print(f"x {reach}: standard deviation of the model {there.model.item() ** 0.5:.3f}, in all {there.variance.item() ** 0.5:.3f}")
