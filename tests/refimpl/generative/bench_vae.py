"""The bound beside torch.distributions, on a batch of the size of handwritten digits of 28 x 28."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal, kl_divergence

from refimpl.generative.vae import VAE
from tests.refimpl.generative.cases_vae import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import rand, randn


class Ours(nn.Module):
    """The estimate of the bound."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.vae = VAE(784, 500, 20)

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        return self.vae.elbo(x, noise)


class Distributions(Ours):
    """The same networks with the two terms from torch.distributions."""

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        mu, logvar = self.vae.encoder(x).chunk(2, 1)
        posterior = Normal(mu, (0.5 * logvar).exp(), validate_args=False)
        coins = Bernoulli(logits=self.vae.decoder(mu + posterior.scale * noise), validate_args=False)
        prior = Normal(torch.zeros_like(mu), torch.ones_like(mu), validate_args=False)
        return coins.log_prob(x).sum(1) - kl_divergence(posterior, prior).sum(1)


BENCHES = [
    Bench(
        METHOD,
        "bound of 100 examples of 784, hidden 500, latent 20",
        Ours,
        {"torch.distributions": Distributions},
        lambda: (rand(100, 784, seed=0, low=0.0), randn(100, 20, seed=1)),
    )
]
