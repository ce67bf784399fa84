"""What is special to the variational autoencoder: the bound, probabilistic PCA, samples, precision, training."""

from __future__ import annotations

import math

import pytest
import torch

from refimpl.data import digits_split
from refimpl.generative.vae import VAE, bernoulli_log_likelihood, gaussian_kl, gaussian_log_likelihood, reparameterize
from tests.refimpl.generative.cases_vae import METHOD
from tests.refimpl.harness.case import rand, randn, randomize
from tests.refimpl.harness.compare import error

MODULE = "refimpl.generative.vae"
EXACT = {"tolerance": 1e-11, "dtype": torch.float64}


def sigma_points(latent: int, examples: int):
    """Noise whose mean over the first dimension is exact for quadratic functions, ``(2 J, N, J)``."""
    corners = torch.cat([torch.eye(latent), -torch.eye(latent)]).double() * latent**0.5
    return corners[:, None].expand(-1, examples, -1)


def linear_bound(x, w, center, logvar, encode, offset, log_q):
    """The bound of a decoder W z + center with noise e^logvar and an encoder N(encode (x - center) + offset, e^log_q), in expectation."""
    mu = (x - center) @ encode.T + offset
    z = reparameterize(mu.expand(2 * mu.shape[1], -1, -1), log_q.expand(2 * mu.shape[1], *mu.shape), sigma_points(mu.shape[1], len(x)))
    likelihood = gaussian_log_likelihood(x.expand(len(z), -1, -1), z @ w.T + center, logvar).mean(0)
    return likelihood - gaussian_kl(mu, log_q.expand_as(mu))


def principal_components(x, latent: int):
    """Tipping and Bishop's solution: W = U (lambda - s^2)^(1/2), s^2 the mean of the other eigenvalues, and its posterior."""
    center = x.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov(x.T, correction=0))
    values, vectors = values.flip(0), vectors.flip(1)
    noise = values[latent:].mean()
    w = vectors[:, :latent] * (values[:latent] - noise).sqrt()
    inner = w.square().sum(0) + noise  # M is diagonal, because the columns of W are orthogonal
    return center, w, noise, w.T / inner[:, None], (noise / inner).log()


def test_linear_decoder_is_probabilistic_pca(record):
    """At the maximum-likelihood solution, whose posterior has independent parts, the bound is log p(x), and its slope is zero."""
    x = randn(60, 5, seed=1) @ randn(5, 5, seed=2) + 3
    center, w, noise, encode, log_q = principal_components(x, 2)
    leaves = [t.clone().requires_grad_() for t in (w, center, noise.log(), encode, torch.zeros(2).double(), log_q)]
    bound = linear_bound(x, *leaves)
    evidence = torch.distributions.MultivariateNormal(center, w @ w.T + noise * torch.eye(5).double()).log_prob(x)
    record(
        METHOD,
        MODULE,
        "bound of a linear decoder at its optimum",
        "log-likelihood of probabilistic PCA",
        error=error(bound, evidence),
        **EXACT,
        shapes="(60,5)",
    )
    slopes = torch.autograd.grad(bound.mean(), leaves)
    record(METHOD, MODULE, "slope of the bound there", "0", error=max(s.abs().max().item() for s in slopes), **EXACT, shapes="(60,5)")


def test_gap_is_the_divergence_from_the_true_posterior(record):
    """With an encoder that is off, log p(x) - bound is KL(q || p(z | x))."""
    x = randn(60, 5, seed=1) @ randn(5, 5, seed=2) + 3
    center, w, noise, encode, log_q = principal_components(x, 2)
    offset, spread = torch.tensor([0.3, -0.2]).double(), log_q + torch.tensor([0.4, -0.5]).double()
    bound = linear_bound(x, w, center, noise.log(), encode, offset, spread)
    evidence = torch.distributions.MultivariateNormal(center, w @ w.T + noise * torch.eye(5).double()).log_prob(x)
    ratio = (spread - log_q).exp()
    gap = 0.5 * (ratio - 1 - ratio.log() + offset**2 / log_q.exp()).sum().expand(60)
    record(
        METHOD,
        MODULE,
        "log p(x) minus the bound",
        "KL(q || posterior)",
        error=error(evidence - bound, gap),
        tolerance=1e-10,
        dtype=torch.float64,
    )


def test_bound_lies_below_the_evidence_of_coins():
    """A decoder of three coins with one latent number: the mean estimate stays below log p(x) by quadrature over z."""
    vae = randomize(VAE(3, 4, 1), scale=1.5)
    x = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    grid = torch.linspace(-9, 9, 4001, dtype=torch.float64)[:, None]
    prior = -0.5 * grid[:, 0] ** 2 - 0.5 * math.log(2 * math.pi) + math.log(18 / 4000)
    with torch.no_grad():
        logits = vae.decoder(grid)
        evidence = torch.stack([torch.logsumexp(bernoulli_log_likelihood(one.expand(4001, -1), logits) + prior, 0) for one in x])
        estimate = vae.elbo(x.repeat(4000, 1), randn(8000, 1, seed=3)).view(4000, 2)
    slack = evidence - estimate.mean(0)
    assert (slack > 4 * estimate.std(0) / 4000**0.5).all()


def test_samples_have_the_moments_of_the_encoder(record):
    """Drawn noise: mean and variance within 4 standard errors, from the given generator or the global one."""
    n = 20_000
    mu, logvar = torch.full((n, 1), 2.0).double(), torch.full((n, 1), -1.5).double()
    z = reparameterize(mu, logvar, generator=torch.Generator().manual_seed(1))
    mean = (z.mean() - 2) / (math.exp(-1.5) / n) ** 0.5
    spread = (z.var() / math.exp(-1.5) - 1) / (2 / n) ** 0.5
    record(
        METHOD,
        MODULE,
        "mean and variance of the samples, z-score",
        "N(mu, sigma^2)",
        error=max(abs(mean.item()), abs(spread.item())),
        tolerance=4.0,
        dtype=torch.float64,
    )
    torch.manual_seed(1)
    assert torch.equal(reparameterize(mu, logvar), z) and not torch.equal(reparameterize(mu, logvar), z)
    with torch.device("meta"):
        assert reparameterize(mu, logvar).device.type == "cpu"
    vae = VAE(3, 2, 2).double()
    with torch.device("meta"):
        assert vae.sample(2, torch.Generator("cpu").manual_seed(1)).device.type == "cpu"
    x = rand(4, 3, seed=2, low=0.0)
    torch.manual_seed(5)
    first = vae.elbo(x)
    torch.manual_seed(5)
    assert torch.equal(vae.elbo(x, torch.randn(4, 2, dtype=torch.float64)), first)


def test_divergence_near_the_prior_keeps_its_digits():
    """For v = 1e-5 the exact value is v^2 / 4 + v^3 / 12; 1 + v - e^v would cancel in float32."""
    v = torch.tensor([1e-5], dtype=torch.float32)
    assert gaussian_kl(torch.zeros(1), v).item() == pytest.approx(0.25e-10, rel=2e-2, abs=2e-12)
    assert gaussian_kl(torch.zeros(3), torch.zeros(3)).item() == 0.0
    assert gaussian_kl(v.double() * 0, v.double() * 100).item() == pytest.approx(0.25e-6 * (1 + 1e-3 / 3), rel=1e-6)


def test_certain_pixels_have_finite_gradients():
    logits = torch.tensor([[200.0, -200.0, 0.0]], requires_grad=True)
    value = bernoulli_log_likelihood(torch.tensor([[0.0, 1.0, 0.5]]), logits)
    assert value.item() == pytest.approx(-400 - math.log(2))
    (slope,) = torch.autograd.grad(value, logits)
    assert slope.tolist() == [[-1.0, 1.0, 0.0]]


def test_samples_of_the_prior_and_factory_arguments():
    vae = VAE(6, 5, 3).double()
    torch.manual_seed(2)
    made = vae.sample(4)
    assert made.shape == (4, 6) and not made.requires_grad and torch.equal(made, vae.sample(4, torch.Generator().manual_seed(2)))
    expected = torch.sigmoid(vae.decoder(torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))))
    assert error(made, expected) < 1e-15
    assert {(p.device.type, p.dtype) for p in VAE(6, device="meta", dtype=torch.float16).parameters()} == {("meta", torch.float16)}
    default = VAE(7, device="meta")
    assert [tuple(p.shape) for p in default.parameters() if p.dim() == 2] == [(500, 7), (40, 500), (500, 20), (7, 500)]


def test_learns_digits_better_than_pixels_alone(record):
    """After 15 epochs the bound on new digits is above the log-likelihood of independent pixels by more than 1.5 nats."""
    data = digits_split()
    x, x_test = data.x.flatten(1), data.x_test.flatten(1)
    alone = bernoulli_log_likelihood(x_test, torch.logit(x.mean(0).clamp(1e-3, 1 - 1e-3)).expand_as(x_test)).mean().item()
    torch.manual_seed(0)
    vae = VAE(64, 64, 6)
    adam = torch.optim.Adam(vae.parameters(), lr=5e-3)
    for _ in range(15):
        for batch in torch.randperm(len(x)).split(100):
            adam.zero_grad()
            (-vae.elbo(x[batch]).mean()).backward()
            adam.step()
    with torch.no_grad():
        bound = vae.elbo(x_test).mean().item()
    record(
        METHOD,
        MODULE,
        "nats gained over independent pixels, negated",
        "at least 1.5",
        error=alone - bound,
        tolerance=-1.5,
        dtype=torch.float32,
    )
