"""What is special to the Wasserstein GAN: the distance on the line, two parallel lines, clipped weights, a generator that learns."""

from __future__ import annotations

import inspect
import math

import pytest
import torch
from torch import nn

from refimpl.generative import wgan_gp
from refimpl.generative.wgan import clip_weights_, critic_loss, generator_loss
from tests.refimpl.generative.cases_wgan import METHOD
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.generative.wgan"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}


def test_no_lipschitz_critic_beats_the_distance_on_the_line(record):
    """Between samples on the line the distance is the mean difference of sorted values; a best critic follows the sign of F_q - F_p."""
    real, fake = randn(40, seed=1) * 2, randn(40, seed=2) + 1
    distance = (real.sort().values - fake.sort().values).abs().mean()
    knots = torch.cat([real, fake]).sort().values
    slopes = torch.stack([torch.sign((fake <= k).double().mean() - (real <= k).double().mean()) for k in knots[:-1]])

    def critic(x):  # piecewise linear of slope +-1 or 0, so of Lipschitz constant 1
        return ((x[:, None] - knots[:-1]).clamp(min=0).minimum(knots.diff()) * slopes).sum(1)

    estimate = -critic_loss(critic(real), critic(fake))
    record(METHOD, MODULE, "estimate of the best critic", "mean difference of sorted samples", error=error(estimate, distance), **EXACT)
    for seed in range(10):
        w, b = rand(8, seed=3 + seed), rand(8, seed=30 + seed)
        other = (torch.tanh(real[:, None] * w + b) / 8).sum(1), (torch.tanh(fake[:, None] * w + b) / 8).sum(1)
        assert -critic_loss(*other) < distance


@pytest.mark.parametrize("theta", [-1.5, -0.1, 0.1, 2.0])
def test_parallel_lines(theta, record):
    """Example 1: at horizontal distance theta the estimate is |theta| and the generator's slope 1 or -1."""
    height, shift = rand(20, seed=4, low=0.0), torch.tensor(theta, dtype=torch.float64, requires_grad=True)
    real, fake = torch.stack([torch.zeros(20).double(), height], 1), torch.stack([shift.expand(20), height], 1)

    def critic(x):
        return -math.copysign(1.0, theta) * x[:, 0]

    estimate = -critic_loss(critic(real), critic(fake))
    record(METHOD, MODULE, f"two lines, {theta:g} apart", "|theta|", error=abs(estimate.item() - abs(theta)), **EXACT)
    (slope,) = torch.autograd.grad(generator_loss(critic(fake)), shift)
    assert slope.item() == pytest.approx(math.copysign(1.0, theta))


def test_scores_are_those_of_the_gradient_penalty():
    assert wgan_gp.critic_loss is critic_loss and wgan_gp.generator_loss is generator_loss


def test_clipping(device):
    """Every weight is clamped in place, those inside are left alone, and the default limit is the paper's."""
    weights = [nn.Parameter(randn(*shape, seed=len(shape)).to(device)) for shape in ((), (4,), (3, 5), (0, 2))]
    before = [w.detach().clone() for w in weights]
    places = [w.data_ptr() for w in weights]
    clip_weights_(iter(weights), 0.7)
    for w, old in zip(weights, before, strict=True):
        assert torch.equal(w.detach(), old.clamp(-0.7, 0.7))
    assert weights[2].min() == -0.7 and weights[2].max() == 0.7 and [w.data_ptr() for w in weights] == places
    clip_weights_(weights)
    assert weights[2].abs().max().item() == 0.01 == inspect.signature(clip_weights_).parameters["limit"].default
    clip_weights_([])


def test_clipped_weights_bound_the_slope(record):
    """Weights of at most c in layers of widths 3, 5 and 1 give slopes of at most c^2 times 5 in the largest norm of the input."""
    net = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 1)).double()
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(randn(*p.shape, seed=p.numel()) * 5)
    clip_weights_(net.parameters(), 0.3)
    x = randn(200, 3, seed=5).requires_grad_()
    (slope,) = torch.autograd.grad(net(x).sum(), x)
    assert slope.abs().max() <= 0.3**2 * 5 + 1e-12
    with torch.no_grad():
        for p in net.parameters():
            p.fill_(0.3)
    (slope,) = torch.autograd.grad(net(x[:1].abs()).sum(), x)
    record(METHOD, MODULE, "largest slope of a clipped critic", "c^2 times the width", error=abs(slope.max().item() - 0.3**2 * 5), **EXACT)


def test_algorithm_1_moves_the_generator_onto_the_data(record):
    """Five clipped steps of the critic for each of the generator's, which learns a shift."""
    torch.manual_seed(0)
    shift, target = torch.zeros(2, requires_grad=True), torch.tensor([1.0, -0.5])
    critic = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
    of_critic, of_shift = torch.optim.RMSprop(critic.parameters(), 0.05), torch.optim.RMSprop([shift], 0.05)
    tail = []
    for step in range(60):
        for _ in range(5):
            of_critic.zero_grad()
            critic_loss(critic(torch.randn(64, 2) * 0.1 + target), critic(torch.randn(64, 2) * 0.1 + shift.detach())).backward()
            of_critic.step()
            clip_weights_(critic.parameters(), 0.05)
        of_shift.zero_grad()
        generator_loss(critic(torch.randn(64, 2) * 0.1 + shift)).backward()
        of_shift.step()
        tail += [shift.detach().clone()] if step >= 40 else []
    gap = (torch.stack(tail).mean(0) - target).abs().max().item()
    record(METHOD, MODULE, "learned shift after 60 steps", "the data's", error=gap, tolerance=0.15, dtype=torch.float32)
