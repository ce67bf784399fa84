r"""Variational autoencoder: learn a decoder of latent codes together with an encoder that approximates their posterior.

Paper
    Kingma and Welling, "Auto-Encoding Variational Bayes", ICLR 2014, arXiv:1312.6114. Equation 3 (the bound), 10 (its
    estimator), section 2.4 (reparameterization), appendix B (the divergence) and C (the networks).

Equations (x (N, D) data, z (N, J) latent; mu, logvar = log sigma^2 the encoder's outputs, (N, J))
    vae-elbo                bound = E_q log p(x | z) - KL(q(z | x) || p(z)) <= log p(x),   p(z) = N(0, I)
    vae-reparameterization  z = mu + sigma noise,   noise ~ N(0, I)
    vae-gaussian-kl         KL = 1/2 sum_j (mu_j^2 + sigma_j^2 - 1 - log sigma_j^2)
    vae-bernoulli           log p(x | z) = sum_d x_d log y_d + (1 - x_d) log(1 - y_d),   y = sigmoid(logits)
    vae-gaussian            log p(x | z) = -1/2 sum_d (log(2 pi) + s_d + (x_d - m_d)^2 / e^(s_d)),   s = log variance
    vae-networks            h = tanh(W3 x + b3), mu = W4 h + b4, logvar = W5 h + b5;   logits = W2 tanh(W1 z + b1) + b2

Deviations from the paper
    1. The decoder gives logits, from which the log-likelihood is computed without a logarithm of a rounded sigmoid.
    2. The divergence uses e^v - 1 as one function, which does not cancel near a variance of 1.
    3. One sample of noise for each example, the paper's L = 1; more come from repeating the examples.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["VAE", "bernoulli_log_likelihood", "gaussian_kl", "gaussian_log_likelihood", "reparameterize"]


def reparameterize(mu: Tensor, logvar: Tensor, noise: Tensor | None = None, *, generator: torch.Generator | None = None) -> Tensor:
    """A sample of N(mu, e^logvar) through which gradients pass to both.

    Args:
        mu, logvar: mean and logarithm of the variance, of one shape.
        noise: standard normal numbers of this shape; drawn where it is None.
        generator: where they come from; PyTorch's global one by default.

    Raises:
        ValueError: the shapes differ.
    """
    _same("reparameterize", mu, logvar=logvar)
    if noise is None:
        noise = torch.randn(mu.shape, dtype=mu.dtype, device=mu.device, generator=generator)
    _same("reparameterize", mu, noise=noise)
    return torch.addcmul(mu, torch.exp(0.5 * logvar), noise)


def gaussian_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, e^logvar) || N(0, I)) in nats, summed over the last dimension: ``(..., J)`` to ``(...)``.

    Raises:
        ValueError: the shapes differ.
    """
    _same("gaussian_kl", mu, logvar=logvar)
    return 0.5 * (mu.square() + torch.expm1(logvar) - logvar).sum(-1)


def bernoulli_log_likelihood(x: Tensor, logits: Tensor) -> Tensor:
    """log p(x | z) in nats of values in [0, 1] under independent coins: ``(..., D)`` to ``(...)``.

    Raises:
        ValueError: the shapes differ.
    """
    _same("bernoulli_log_likelihood", x, logits=logits)
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)


def gaussian_log_likelihood(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    """log p(x | z) in nats under independent normal distributions: ``(..., D)`` to ``(...)``; ``logvar`` may be broadcast.

    Raises:
        ValueError: the shapes of ``x`` and ``mean`` differ.
    """
    _same("gaussian_log_likelihood", x, mean=mean)
    return -0.5 * (math.log(2.0 * math.pi) + logvar + (x - mean).square() * torch.exp(-logvar)).sum(-1)


def _same(function: str, first: Tensor, **other: Tensor) -> None:
    ((name, value),) = other.items()
    if value.shape != first.shape:
        raise ValueError(f"{function}: {name} must have shape {tuple(first.shape)}, got {tuple(value.shape)}")


class VAE(nn.Module):
    """The paper's networks for data in [0, 1]: an encoder and a decoder with one hidden layer each.

    Args:
        input_size, hidden_size, latent_size: D, the width of both hidden layers, J.

    Shape: x ``(N, D)`` to logits ``(N, D)``, mu ``(N, J)``, logvar ``(N, J)``.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int = 500,
        latent_size: int = 20,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size), ("latent_size", latent_size)):
            if size < 1:
                raise ValueError(f"VAE: {name} must be positive, got {size}")
        made = {"device": device, "dtype": dtype}
        self.input_size, self.latent_size = input_size, latent_size
        self.encoder = nn.Sequential(nn.Linear(input_size, hidden_size, **made), nn.Tanh(), nn.Linear(hidden_size, 2 * latent_size, **made))
        self.decoder = nn.Sequential(nn.Linear(latent_size, hidden_size, **made), nn.Tanh(), nn.Linear(hidden_size, input_size, **made))

    def forward(self, x: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        if x.dim() != 2 or x.shape[1] != self.input_size:
            raise ValueError(f"VAE: x must be (N, {self.input_size}), got {tuple(x.shape)}")
        mu, logvar = self.encoder(x).chunk(2, 1)  # (N, J) each; one product for both
        return self.decoder(reparameterize(mu, logvar, noise)), mu, logvar

    def elbo(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        """An unbiased estimate of the bound for each example, ``(N,)`` in nats; training maximizes its mean."""
        logits, mu, logvar = self(x, noise)
        return bernoulli_log_likelihood(x, logits) - gaussian_kl(mu, logvar)

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Means of ``n`` examples whose codes are drawn from the prior, ``(n, D)``."""
        weight = self.decoder[0].weight
        z = torch.randn(n, self.latent_size, dtype=weight.dtype, device=weight.device, generator=generator)
        return torch.sigmoid(self.decoder(z))


if __name__ == "__main__":
    from refimpl.data import digits_split
    from refimpl.demo import arguments

    device = arguments(__doc__)
    data = digits_split(device=device)
    x, x_test = data.x.flatten(1), data.x_test.flatten(1)
    rate = x.mean(0).clamp(1e-3, 1 - 1e-3)
    alone = bernoulli_log_likelihood(x_test, torch.logit(rate).expand_as(x_test)).mean()
    print(f"64 pixels, each with its own mean: {alone:.2f} nats on the test digits")
    vae = VAE(64, 128, 8)
    adam = torch.optim.Adam(vae.parameters(), lr=3e-3)
    for epoch in range(41):
        if epoch % 10 == 0:
            with torch.no_grad():
                _, mu, logvar = vae(x_test)
                bound, kl = vae.elbo(x_test).mean(), gaussian_kl(mu, logvar).mean()
            print(f"epoch {epoch:2}: bound {bound:.2f} nats, of which the code costs {kl:.2f}")
        for batch in torch.randperm(len(x)).split(100):
            adam.zero_grad()
            (-vae.elbo(x[batch]).mean()).backward()
            adam.step()
