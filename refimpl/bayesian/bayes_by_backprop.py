r"""Bayes by Backprop: learn a normal distribution for every weight by gradient descent on a sampled evidence bound.

Paper
    Blundell, Cornebise, Kavukcuoglu and Wierstra, "Weight Uncertainty in Neural Networks", ICML 2015, arXiv:1505.05424,
    sections 3.1 to 3.4 (the bound, its sample, Gaussian posterior, mixture prior and mini-batches).

Equations (weights w, theta = (mu, rho) for each, prior P, M mini-batches D_i)
    draw       w = mu + log(1 + exp(rho)) eps,   eps ~ N(0, 1)
    objective  F = KL(q(w | theta) || P(w)) - E_q[log P(D | w)]
    sample     F ~ log q(w | theta) - log P(w) - log P(D | w)     for one draw of w
    normal     KL = sum ln(s / sigma) + (sigma^2 + mu^2) / (2 s^2) - 1 / 2     in closed form, for the prior N(0, s^2)
    mixture    log P(w) = sum log(pi N(w; 0, s1^2) + (1 - pi) N(w; 0, s2^2))
    batches    F_i = pi_i KL - E_q[log P(D_i | w)],   pi_i = 2^(M - i) / (2^M - 1) or 1 / M,   i = 1 ... M
    predict    p(y | x) = mean of p(y | x, w) over draws

Deviations from the paper
    1. In evaluation mode the network uses the means; predictions over draws are made by ``predict``.
    2. Where the prior is normal, ``kl`` gives the divergence in closed form, which the paper samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["BayesByBackprop", "batch_weight", "log_mixture", "log_normal", "normal_kl"]


def log_normal(w: Tensor, mean: Tensor | float, sigma: Tensor | float) -> Tensor:
    """Log density of independent normal numbers, summed."""
    sigma = torch.as_tensor(sigma, dtype=w.dtype)
    logs = sigma.log().sum() * (w.numel() // max(1, sigma.numel()))
    return -((w - mean) / sigma).square().sum() / 2 - logs - w.numel() * math.log(2 * math.pi) / 2


def log_mixture(w: Tensor, pi: float, sigma_1: float, sigma_2: float) -> Tensor:
    """Log density of the scale mixture prior, summed.

    Args:
        pi: share of the first component, in (0, 1).
        sigma_1, sigma_2: standard deviations; the paper takes a large one and a small one.

    Raises:
        ValueError: a parameter is out of range.
    """
    if not 0.0 < pi < 1.0 or not sigma_1 > 0 or not sigma_2 > 0:
        raise ValueError(f"log_mixture: expected pi in (0, 1) and positive deviations, got {pi}, {sigma_1} and {sigma_2}")
    shares = ((pi, sigma_1), (1 - pi, sigma_2))
    parts = [math.log(share / sigma) - (w / sigma).square() / 2 for share, sigma in shares]
    return torch.logaddexp(*parts).sum() - w.numel() * math.log(2 * math.pi) / 2


def normal_kl(mean: Tensor, sigma: Tensor, prior_sigma: float) -> Tensor:
    """Divergence of independent normal numbers from the prior N(0, prior_sigma^2), summed."""
    if not prior_sigma > 0:
        raise ValueError(f"normal_kl: prior_sigma must be positive, got {prior_sigma}")
    squares = sigma.square().sum() + mean.square().sum()
    return squares / (2 * prior_sigma**2) - (sigma / prior_sigma).log().sum() - mean.numel() / 2


def batch_weight(i: int, batches: int) -> float:
    """pi_i of mini-batch i = 1 ... M: the first ones feel the prior, later ones the data."""
    if not 1 <= i <= batches:
        raise ValueError(f"batch_weight: i must lie in 1 ... {batches}, got {i}")
    return 2.0**-i / (1 - 2.0**-batches)


class BayesByBackprop(nn.Module):
    """Any network with a normal distribution in the place of each parameter.

    Args:
        module: the network; its parameters become the means and keep their values.
        sigma: standard deviation of every weight at first.
        prior: ``(s,)`` for N(0, s^2), or ``(pi, sigma_1, sigma_2)`` for the scale mixture.

    In training, every call draws new weights; in evaluation the weights are the means.

    Raises:
        ValueError: the network has no parameters, or a number is out of range.
    """

    def __init__(self, module: nn.Module, sigma: float = 0.05, prior: tuple[float, ...] = (1.0,)) -> None:
        super().__init__()
        means = list(module.parameters())
        if not means:
            raise ValueError(f"BayesByBackprop: module must have parameters, got {module}")
        if not sigma > 0 or len(prior) not in (1, 3):
            raise ValueError(f"BayesByBackprop: expected a positive sigma and a prior of 1 or 3 numbers, got {sigma} and {prior}")
        self.module, self.prior = module, prior
        self.rho = nn.ParameterList([nn.Parameter(torch.full_like(m, math.log(math.expm1(sigma)))) for m in means])

    def distributions(self) -> Iterator[tuple[str, Tensor, Tensor]]:
        """Name, mean and standard deviation of every parameter of the network."""
        for (name, mean), rho in zip(self.module.named_parameters(), self.rho, strict=True):
            yield name, mean, F.softplus(rho)

    def draw(self) -> dict[str, Tensor]:
        """Weights from the posterior, differentiable in means and rho."""
        return {name: torch.addcmul(mean, sigma, torch.randn_like(mean)) for name, mean, sigma in self.distributions()}

    def complexity(self, weights: dict[str, Tensor]) -> Tensor:
        """log q(w | theta) - log P(w) at a draw: an unbiased sample of the divergence."""
        log_q = sum(log_normal(weights[name], mean, sigma) for name, mean, sigma in self.distributions())
        if len(self.prior) == 1:
            return log_q - sum(log_normal(w, 0.0, self.prior[0]) for w in weights.values())
        return log_q - sum(log_mixture(w, *self.prior) for w in weights.values())

    def kl(self) -> Tensor:
        """The divergence from a normal prior in closed form."""
        if len(self.prior) != 1:
            raise ValueError(f"kl: expected a normal prior (s,), got {self.prior}; use complexity")
        return sum(normal_kl(mean, sigma, self.prior[0]) for _, mean, sigma in self.distributions())

    def sample(self, *args: Any) -> tuple[Any, Tensor]:
        """Output and complexity for the same draw; a loss is ``pi_i * complexity`` plus the batch's negative log-likelihood."""
        weights = self.draw()
        return torch.func.functional_call(self.module, weights, args), self.complexity(weights)

    def forward(self, *args: Any) -> Any:
        return torch.func.functional_call(self.module, self.draw(), args) if self.training else self.module(*args)

    @torch.no_grad()
    def predict(self, *args: Any, count: int = 100) -> Tensor:
        """Outputs under ``count`` draws, whatever the mode, ``(count, ...)``."""
        return torch.stack([torch.func.functional_call(self.module, self.draw(), args) for _ in range(count)])

    def extra_repr(self) -> str:
        return f"prior={self.prior}"


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    x = torch.cat((torch.rand(40, 1) - 2, torch.rand(40, 1) + 1))
    y, noise = torch.sin(2 * x) + 0.1 * torch.randn_like(x), 0.1
    network = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1))
    model = BayesByBackprop(network, sigma=0.02)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    for step in range(601):
        output, _ = model.sample(x)
        loss = model.kl() - log_normal(y, output, noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 200 == 0:
            print(f"step {step:4d}   free energy {loss.item():9.1f}, of which the divergence {model.kl().item():6.1f}")
    places = torch.tensor([[-1.5], [1.5], [0.0], [4.0]])
    for place, spread in zip(places.flatten().tolist(), model.predict(places, count=200).std(0).flatten().tolist(), strict=True):
        print(f"x = {place:4.1f}, {'data' if 1 <= abs(place) <= 2 else 'none'}: the function's standard deviation is {spread:.3f}")
