"""A variational autoencoder with linear networks beside probabilistic principal components."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.experiments.sequences import learn
from refimpl.generative.vae import gaussian_kl, gaussian_log_likelihood, reparameterize

__all__ = ["linear_vae"]

EXAMPLES, SIZE, LATENT, NOISE = 500, 8, 2, 0.3
STEPS, RATE, CHECK = 1500, 0.02, 50


class LinearVAE(nn.Module):
    """Linear mean of the code and of the data, one variance for each code component and one for the noise."""

    def __init__(self) -> None:
        super().__init__()
        self.encode, self.decode = nn.Linear(SIZE, LATENT, bias=False), nn.Linear(LATENT, SIZE, bias=False)
        self.code_logvar, self.noise_logvar = nn.Parameter(torch.zeros(LATENT)), nn.Parameter(torch.zeros(()))

    def bound(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """The mean over the examples of an estimate of the evidence lower bound."""
        mu = self.encode(x)
        logvar = self.code_logvar.expand_as(mu)
        z = reparameterize(mu, logvar, generator=generator)
        return (gaussian_log_likelihood(x, self.decode(z), self.noise_logvar) - gaussian_kl(mu, logvar)).mean()


def data(generator: torch.Generator) -> Tensor:
    """Points near a random plane, with mean 0, ``(EXAMPLES, SIZE)``."""
    basis = torch.linalg.qr(torch.randn(SIZE, LATENT, generator=generator))[0] * torch.tensor([2.0, 1.0])
    x = torch.randn(EXAMPLES, LATENT, generator=generator) @ basis.t() + NOISE * torch.randn(EXAMPLES, SIZE, generator=generator)
    return x - x.mean(0)


def principal_components(x: Tensor) -> tuple[Tensor, Tensor, float]:
    """Directions of the plane, ``(SIZE, LATENT)``, noise variance, and log-likelihood per example of Tipping and Bishop's solution."""
    powers, directions = torch.linalg.eigh(x.t() @ x / len(x))
    noise = powers[:-LATENT].mean()
    spent = torch.cat((noise.expand(SIZE - LATENT), powers[-LATENT:]))  # the model's variances along the directions
    likelihood = -0.5 * (torch.log(2 * torch.pi * spent) + powers / spent).sum().item()
    return directions[:, -LATENT:], noise, likelihood


def _linear_vae(seed: int) -> Outcome:
    generator = torch.Generator().manual_seed(seed)
    x, model = data(generator), LinearVAE()
    directions, noise, best = principal_components(x)
    losses = learn(lambda: -model.bound(x, generator), model.parameters(), STEPS, RATE)
    plane = torch.linalg.qr(model.decode.weight.detach())[0]
    below = [best + sum(losses[end - CHECK : end]) / CHECK for end in range(CHECK, STEPS + 1, CHECK)]
    values = {
        "least_cosine": torch.linalg.svdvals(plane.t() @ directions).min().item(),
        "noise_over_components": (model.noise_logvar.detach().exp() / noise).item(),
        "bound_gap": below[-1],
    }
    return Outcome(values, {"gap": (list(range(CHECK, STEPS + 1, CHECK)), [max(gap, 1e-4) for gap in below])})


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "How far the bound is below the best likelihood", "zh": "下界比最佳似然低多少"},
        x=axis("step", "步数"),
        y=axis("nats per example", "每个样本的奈特数", scale="log"),
        series=[curve(outcomes, "gap", "linear VAE", "线性 VAE")],
        alt={
            "en": "Gap between the likelihood of probabilistic principal components and the bound of the linear autoencoder, by "
            "step, on a "
            "logarithmic axis: it closes.",
            "zh": "概率主成分的似然与线性自编码器下界之差随步数的变化（对数轴）：逐渐消失。",
        },
    )


linear_vae = Experiment(_linear_vae, seeds=(0, 1, 2), figure=_draw)
