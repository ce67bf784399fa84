"""What is special to the GAN: the optimum and its divergence, the Dirac-GAN, saturation, DCGAN's layout, a game that is learned."""

from __future__ import annotations

import inspect
import math

import pytest
import torch

from refimpl.generative.gan import (
    Discriminator,
    Generator,
    discriminator_loss,
    generator_loss,
    optimal_discriminator,
    saturating_generator_loss,
)
from tests.refimpl.convolution.networks import check_factory_arguments, check_spread
from tests.refimpl.generative.cases_gan import METHOD
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.generative.gan"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}
COUNTS_P, COUNTS_Q = torch.tensor([3, 1, 4, 8]), torch.tensor([1, 5, 2, 8])


def value(logits):
    """V for data and generated examples that fall on the points as counted."""
    return -discriminator_loss(logits.repeat_interleave(COUNTS_P), logits.repeat_interleave(COUNTS_Q))


def test_value_at_the_best_discriminator(record):
    """Proposition 1 and theorem 1: D* makes V stationary, and V is twice the Jensen-Shannon divergence minus log 4 there."""
    p, q = COUNTS_P.double() / 16, COUNTS_Q.double() / 16
    logits = torch.logit(optimal_discriminator(p, q)).requires_grad_()
    best = value(logits)
    (slope,) = torch.autograd.grad(best, logits)
    record(METHOD, MODULE, "slope of V at the best discriminator", "0", error=slope.abs().max().item(), **EXACT)
    middle = (p + q) / 2
    divergence = ((p * (p / middle).log()).sum() + (q * (q / middle).log()).sum()) / 2
    record(METHOD, MODULE, "V at the best discriminator", "2 JSD - log 4", error=error(best, 2 * divergence - math.log(4)), **EXACT)
    for seed in range(5):
        assert value(logits + 0.1 * randn(4, seed=seed)) < best
    assert value(torch.zeros(4).double()).item() == pytest.approx(-math.log(4))


@pytest.mark.parametrize("loss", [generator_loss, saturating_generator_loss])
@pytest.mark.parametrize("rate", [0.1, 0.7])
def test_dirac_gan_spirals_outward(loss, rate, record):
    """Data at 0, the generator at theta, a discriminator with logit psi x: simultaneous steps h have spectral radius sqrt(1 + h^2 / 4)."""

    def step(state):
        theta, psi = state[:1], state[1:]
        with torch.enable_grad():
            ours = discriminator_loss(psi * torch.zeros(1, dtype=torch.float64), psi * theta)
            (of_psi,) = torch.autograd.grad(ours, psi, create_graph=True)
            (of_theta,) = torch.autograd.grad(loss(psi * theta), theta, create_graph=True)
        return torch.cat([theta - rate * of_theta, psi - rate * of_psi])

    jacobian = torch.autograd.functional.jacobian(step, torch.zeros(2, dtype=torch.float64))
    radius = torch.linalg.eigvals(jacobian).abs().max().item()
    record(
        METHOD,
        MODULE,
        f"spectral radius, {loss.__name__}, h = {rate:g}",
        "sqrt(1 + h^2 / 4)",
        error=abs(radius - (1 + rate**2 / 4) ** 0.5),
        **EXACT,
    )


def test_the_non_saturating_loss_learns_where_the_other_does_not():
    """At a logit of -l the slopes are -sigmoid(l) and -sigmoid(-l): about -1 and about 0 where the discriminator is sure."""
    logits = torch.tensor([-30.0, -3.0, 0.0, 30.0], dtype=torch.float64, requires_grad=True)
    (strong,) = torch.autograd.grad(4 * generator_loss(logits), logits)
    (weak,) = torch.autograd.grad(4 * saturating_generator_loss(logits), logits)
    assert error(strong, -torch.sigmoid(-logits)) < 1e-14 and error(weak, -torch.sigmoid(logits)) < 1e-14
    assert strong[0] < -0.999 and abs(weak[0]) < 1e-12 and strong[2] == weak[2] == -0.5


def test_layout_of_the_example_of_pytorch():
    """For images of 64 x 64: the sequence ``main`` with the shapes of figure 1."""
    g, d = Generator(device="meta"), Discriminator(device="meta")
    shapes = [tuple(p.shape) for p in g.parameters() if p.dim() > 1]
    assert shapes == [(100, 512, 4, 4), (512, 256, 4, 4), (256, 128, 4, 4), (128, 64, 4, 4), (64, 3, 4, 4)]
    assert [k for k in g.state_dict() if k.endswith("weight")] == [f"main.{i}.weight" for i in (0, 1, 3, 4, 6, 7, 9, 10, 12)]
    shapes = [tuple(p.shape) for p in d.parameters() if p.dim() > 1]
    assert shapes == [(64, 3, 4, 4), (128, 64, 4, 4), (256, 128, 4, 4), (512, 256, 4, 4), (1, 512, 4, 4)]
    assert [k for k in d.state_dict() if k.endswith("weight")] == [f"main.{i}.weight" for i in (0, 2, 3, 5, 6, 8, 9, 11)]
    assert not any(k.endswith("bias") for k, v in (g.state_dict() | d.state_dict()).items() if v.dim() > 1)


@pytest.mark.parametrize("size", [8, 16, 32])
def test_sizes_fit_each_other(size):
    g, d = Generator(5, 2, 1, size), Discriminator(1, 1, size)
    images = g(randn(3, 5, seed=1).float())
    assert images.shape == (3, 1, size, size) and images.abs().max() < 1
    assert d(images).shape == (3,) and d(images[:1]).shape == (1,)


def test_initialization_and_factory_arguments():
    """N(0, 0.02) for weights, N(1, 0.02) for gammas, 0 for betas."""
    torch.manual_seed(0)
    fresh, again = ((Generator(50, 16, 3, 32), Discriminator(16, 3, 32)) for _ in range(2))
    for net in again:
        with torch.no_grad():
            for p in net.parameters():
                p.fill_(7.0)
        net.reset_parameters()
    for net in (*fresh, *again):
        layers = dict(net.named_modules())
        for name, p in net.named_parameters():
            normalizes = isinstance(layers[name.rpartition(".")[0]], torch.nn.BatchNorm2d)
            if name.endswith("bias"):
                assert not p.any()
            else:
                check_spread(p.detach() - float(normalizes), 0.02)
    check_factory_arguments(lambda **made: Generator(5, 2, 1, 8, **made), (3, 5))
    check_factory_arguments(lambda **made: Discriminator(2, 1, 8, **made), (3, 1, 8, 8))
    ours = [
        {n: p.default for n, p in inspect.signature(f).parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD}
        for f in (Generator, Discriminator)
    ]
    assert ours == [{"latent": 100, "features": 64, "channels": 3, "size": 64}, {"features": 64, "channels": 3, "size": 64}]


def test_a_game_is_learned(record):
    """Logits over five bins against the data's shares, alternating steps of both: the generator's distribution approaches the data's."""
    p = torch.tensor([0.1, 0.4, 0.05, 0.3, 0.15], dtype=torch.float64)
    g, d = torch.zeros(5, dtype=torch.float64, requires_grad=True), torch.zeros(5, dtype=torch.float64, requires_grad=True)
    for _ in range(120):
        q = torch.softmax(g, 0)
        for _ in range(5):
            # expectations over the bins: each bin's loss weighted by its share
            loss = sum(
                a * discriminator_loss(x, torch.tensor(-1e3)) + b * discriminator_loss(torch.tensor(1e3), x)
                for a, b, x in zip(p, q.detach(), d, strict=True)
            )
            (slope,) = torch.autograd.grad(loss, d)
            d = (d - 2.0 * slope).detach().requires_grad_()
        (slope,) = torch.autograd.grad(sum(b * generator_loss(x.detach()) for b, x in zip(q, d, strict=True)), g)
        g = (g - 0.5 * slope).detach().requires_grad_()
    gap = (torch.softmax(g, 0) - p).abs().max().item()
    record(METHOD, MODULE, "distribution learned over five bins", "the data's", error=gap, tolerance=0.02, dtype=torch.float64)
    assert (p - 0.2).abs().max() > 0.15


def test_images_are_not_changed_in_place():
    x = rand(2, 1, 8, 8, seed=9).float()
    before = x.clone()
    Discriminator(2, 1, 8)(x)
    assert torch.equal(x, before)
