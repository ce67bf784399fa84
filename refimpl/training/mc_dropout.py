r"""Monte Carlo dropout: keep dropout on when predicting, and read uncertainty from the spread of several predictions.

Paper
    Gal and Ghahramani, "Dropout as a Bayesian Approximation: Representing Model Uncertainty in Deep Learning", ICML 2016,
    arXiv:1506.02142. Equations 6 (mean) and 7 and 8 (variance) of section 4; the precision tau of section 3.

Equations (y_k the prediction under the k-th of K dropout masks)
    mean         E[y] = 1/K sum_k y_k
    variance     Var[y] = 1/tau + 1/K sum_k y_k^2 - E[y]^2
    precision    tau = (1 - p) l^2 / (2 N lambda)      for weight decay lambda, length scale l, N examples
    entropy      H = -sum_c pbar_c log pbar_c,   pbar = 1/K sum_k softmax(z_k)
    information  I = H - 1/K sum_k H_k,   H_k the entropy of the k-th prediction: what the masks disagree about

Deviations from the paper
    1. p is the probability of dropping a unit; the paper calls the probability of keeping it p_i.
    2. The spread is summed around the mean, which is the paper's difference of mean squares without its cancellation.
    3. The entropies for classification are of later papers (Gal's thesis, 2016); this one has regression.
    4. Only dropout layers are switched to training; the paper has no other layers that differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from refimpl.training.dropout import Dropout

__all__ = ["dropout_active", "entropies", "precision", "predict", "sample"]

DROPOUT = (Dropout, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
"""Layers that are switched on."""


@contextmanager
def dropout_active(model: nn.Module) -> Iterator[None]:
    """Put the model in evaluation but its dropout layers in training, and everything back afterwards.

    Raises:
        ValueError: the model has no dropout layer.
    """
    if not any(isinstance(module, DROPOUT) for module in model.modules()):
        raise ValueError(f"dropout_active: expected a model with dropout layers, got {type(model).__name__} without any")
    modes = {module: module.training for module in model.modules()}
    for module in modes:
        module.training = isinstance(module, DROPOUT)
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def sample(model: nn.Module, input: Tensor, count: int = 100) -> Tensor:
    """Predictions under ``count`` masks: ``(count, *output)``.

    Raises:
        ValueError: count is not positive, or the model has no dropout layer.
    """
    if count < 1:
        raise ValueError(f"sample: count must be positive, got {count}")
    with dropout_active(model):
        return torch.stack([model(input) for _ in range(count)])


def predict(draws: Tensor, tau: float = float("inf")) -> tuple[Tensor, Tensor]:
    """Mean and variance of the prediction from samples ``(K, ...)``.

    Args:
        draws: from :func:`sample`.
        tau: precision of the noise in the data; infinite to leave it out.

    Returns:
        Two tensors ``(...)``.

    Raises:
        ValueError: tau is not positive.
    """
    if not tau > 0:
        raise ValueError(f"predict: tau must be positive, got {tau}")
    mean = draws.mean(0)
    return mean, 1 / tau + (draws - mean).square().mean(0)


def precision(p: float, length_scale: float, weight_decay: float, examples: int) -> float:
    """tau of a network trained with dropout p and an L2 penalty ``weight_decay`` on the mean loss of N examples.

    Raises:
        ValueError: p is not in [0, 1), or another number is not positive.
    """
    if not 0.0 <= p < 1.0:
        raise ValueError(f"precision: p must lie in [0, 1), got {p}")
    for name, value in (("length_scale", length_scale), ("weight_decay", weight_decay), ("examples", examples)):
        if not value > 0:
            raise ValueError(f"precision: {name} must be positive, got {value}")
    return (1 - p) * length_scale**2 / (2 * examples * weight_decay)


def entropies(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Entropy of the mean prediction and the mutual information between prediction and mask, in nats.

    Args:
        logits: ``(K, ..., C)``, one set for each mask.

    Returns:
        Two tensors ``(...)``; the second is at least 0 and at most the first.
    """
    log_p = torch.log_softmax(logits, -1)
    total = torch.special.entr(log_p.exp().mean(0)).sum(-1)
    return total, total - torch.special.entr(log_p.exp()).sum(-1).mean(0)


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    x = torch.linspace(-1, 1, 40)[:, None]
    y = torch.sin(3 * x) + 0.05 * torch.randn(40, 1)
    model = nn.Sequential(nn.Linear(1, 100), nn.ReLU(), Dropout(0.1), nn.Linear(100, 100), nn.ReLU(), Dropout(0.1), nn.Linear(100, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, weight_decay=1e-5)
    for _ in range(600):
        optimizer.zero_grad()
        (model(x) - y).square().mean().backward()
        optimizer.step()
    places = torch.tensor([[0.0], [0.5], [1.0], [2.0], [3.0]])
    with torch.no_grad():
        mean, variance = predict(sample(model, places, 300))
    print("trained on [-1, 1]: the standard deviation grows away from the data")
    for place, m, v in zip(places[:, 0].tolist(), mean[:, 0].tolist(), variance[:, 0].tolist(), strict=True):
        print(f"  x {place:4.1f}   mean {m:6.3f}   standard deviation {v**0.5:.3f}")
