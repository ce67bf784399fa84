"""What is special to WGAN-GP: closed forms of the penalty, the drawn points, second derivatives, what must not leak."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from refimpl.generative.wgan_gp import critic_loss, generator_loss, gradient_penalty, interpolate, wgan_gp_loss
from tests.refimpl.generative.cases_wgan_gp import METHOD
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.generative.wgan_gp"
EXACT = {"tolerance": 1e-13, "dtype": torch.float64}
REAL, FAKE = randn(6, 3, seed=1), randn(6, 3, seed=2)


def seeded(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mlp() -> nn.Module:
    torch.manual_seed(5)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)).double()


@pytest.mark.parametrize("length", [0.25, 1.0, 3.0])
@pytest.mark.parametrize("one_sided", [False, True])
def test_linear_critic(length, one_sided, record):
    """D(x) = w . x + c has gradient w everywhere: the penalty is (|w| - 1)^2, and one-sided max(0, |w| - 1)^2."""
    w = torch.tensor([1.0, -2.0, 2.0], dtype=torch.float64) * length / 3
    measured = gradient_penalty(lambda x: x @ w + 7.0, REAL, FAKE, one_sided=one_sided)
    expected = torch.tensor(max(0.0, length - 1) ** 2 if one_sided else (length - 1) ** 2, dtype=torch.float64)
    side = "one-sided" if one_sided else "two-sided"
    record(METHOD, MODULE, f"linear critic, |w| = {length}, {side}", "(|w| - 1)^2", error=error(measured, expected), **EXACT)


def test_gradient_of_a_linear_critics_penalty(record):
    """d (|w| - 1)^2 / dw = 2 (|w| - 1) w / |w|: a derivative through the derivative."""
    w = torch.tensor([0.5, -1.5, 2.0], dtype=torch.float64, requires_grad=True)
    gradient_penalty(lambda x: x @ w, REAL, FAKE).backward()
    norm = w.detach().norm()
    record(METHOD, MODULE, "gradient of the penalty, linear critic", "closed form", error=error(w.grad, 2 * (norm - 1) * w / norm), **EXACT)


def test_quadratic_critic(record):
    """D(x) = |x|^2 / 2 has gradient x: the penalty is the mean of (|x^| - 1)^2 over the points between."""
    epsilon = rand(6, seed=6, low=0.0)
    measured = gradient_penalty(lambda x: x.square().sum(1) / 2, REAL, FAKE, epsilon)
    expected = ((FAKE + epsilon[:, None] * (REAL - FAKE)).norm(dim=1) - 1).square().mean()
    record(METHOD, MODULE, "quadratic critic", "closed form", error=error(measured, expected), **EXACT)


@pytest.mark.parametrize("weight", [None, 2.0])
def test_two_points(weight, record):
    """Between two points at distance d the best linear critic has norm 1 + d / (2 lambda) and the loss -d - d^2 / (4 lambda)."""
    lam = 10.0 if weight is None else weight
    direction, distance = torch.tensor([0.6, 0.8], dtype=torch.float64), 5.0
    real, fake = (distance * direction).repeat(4, 1), torch.zeros(4, 2, dtype=torch.float64)
    w = (direction * (1 + distance / (2 * lam))).requires_grad_()
    loss = wgan_gp_loss(lambda x: x @ w, real, fake, **({} if weight is None else {"weight": weight}))
    (slope,) = torch.autograd.grad(loss, w)
    best = torch.tensor(-distance - distance**2 / (4 * lam), dtype=torch.float64)
    gap = max(error(loss, best), float(slope.abs().max()))
    record(METHOD, MODULE, f"optimum between two points, lambda {lam:g}", "closed form", error=gap, **EXACT)


def test_critic_loss_estimates_the_distance(record):
    """In one dimension D(x) = x attains the Wasserstein distance between shifted samples, the mean of sorted differences."""
    fake = rand(50, seed=7)
    real = fake[torch.randperm(50, generator=seeded())] + rand(50, seed=8, low=1.0, high=3.0)
    distance = (real.sort().values - fake.sort().values).abs().mean()
    record(METHOD, MODULE, "estimated distance, D(x) = x", "sorted samples", error=error(-critic_loss(real, fake), distance), **EXACT)
    assert torch.equal(generator_loss(fake), -fake.mean())


@pytest.mark.parametrize("images", [False, True])
def test_batch_is_the_mean_of_its_examples(images, record):
    """One backward pass over the sum of the scores gives each example its own gradient, at its own point."""
    shape = (6, 3, 1, 1) if images else (6, 3)
    critic = nn.Sequential(nn.Flatten(), mlp())
    epsilon = rand(6, seed=9, low=0.0)
    real, fake = REAL.view(shape), FAKE.view(shape)
    whole = gradient_penalty(critic, real, fake, epsilon)
    parts = torch.stack([gradient_penalty(critic, real[i : i + 1], fake[i : i + 1], epsilon[i : i + 1]) for i in range(6)])
    record(METHOD, MODULE, f"penalty of a batch of shape {shape}", "its examples one by one", error=error(whole, parts.mean()), **EXACT)


def test_scores_as_column_or_row():
    critic = mlp()
    column = wgan_gp_loss(critic, REAL, FAKE, generator=seeded())
    row = wgan_gp_loss(lambda x: critic(x).squeeze(1), REAL, FAKE, generator=seeded())
    assert torch.equal(column, row)


def test_drawn_shares_follow_the_generator():
    """The given generator's uniform numbers, or those of PyTorch's global one."""
    critic, epsilon = mlp(), torch.rand(6, dtype=torch.float64, generator=seeded())
    for call in (interpolate, partial(gradient_penalty, critic), partial(wgan_gp_loss, critic)):
        expected = call(REAL, FAKE, epsilon=epsilon)
        assert torch.equal(call(REAL, FAKE, generator=seeded()), expected)
        torch.manual_seed(3)
        assert torch.equal(call(REAL, FAKE), expected)
        assert not torch.equal(call(REAL, FAKE), expected)


def test_drawn_shares_are_uniform_and_one_an_example(record):
    """Between ones (real) and zeros (generated) the point is the share itself; mean 1/2, variance 1/12 within 4 standard errors."""
    n = 20_000
    share = interpolate(torch.ones(n, 2).double(), torch.zeros(n, 2).double(), generator=seeded())
    assert torch.equal(share[:, 0], share[:, 1])
    assert share.min() >= 0 and share.max() < 1
    mean = (share[:, 0].mean() - 1 / 2) / (1 / 12 / n) ** 0.5
    spread = (share[:, 0].var() - 1 / 12) / (1 / 180 / n) ** 0.5
    z = max(abs(mean.item()), abs(spread.item()))
    record(
        METHOD, MODULE, "mean and variance of the share, z-score", "U[0, 1]", error=z, tolerance=4.0, dtype=torch.float64, shapes=f"({n},2)"
    )


def test_ends_of_the_segment():
    assert torch.equal(interpolate(REAL, FAKE, torch.ones(6, dtype=torch.float64)), REAL)
    assert torch.equal(interpolate(REAL, FAKE, torch.zeros(6, dtype=torch.float64)), FAKE)


def test_without_gradients_the_value_is_the_same():
    expected = gradient_penalty(mlp(), REAL, FAKE, generator=seeded())
    with torch.no_grad():
        measured = gradient_penalty(mlp(), REAL, FAKE, generator=seeded())
        compiled = torch.compile(gradient_penalty, fullgraph=True, backend="eager")(mlp(), REAL, FAKE, rand(6, seed=9, low=0.0))
        assert error(compiled, gradient_penalty(mlp(), REAL, FAKE, rand(6, seed=9, low=0.0))) < 1e-12
    assert expected.requires_grad and not measured.requires_grad
    assert torch.equal(measured, expected)


def test_examples_stay_leaves_without_gradient():
    real, fake = REAL.clone(), FAKE.clone()
    wgan_gp_loss(mlp(), real, fake).backward()
    assert not real.requires_grad and not fake.requires_grad and real.grad is None


def test_detached_examples_leave_the_generator_alone():
    generator, z = nn.Linear(2, 3).double(), randn(6, 2, seed=10)
    wgan_gp_loss(mlp(), REAL, generator(z).detach()).backward()
    assert generator.weight.grad is None
    gradient_penalty(mlp(), REAL, generator(z), rand(6, seed=9, low=0.0)).backward()
    assert generator.weight.grad.abs().max() > 0


@pytest.mark.parametrize("one_sided", [False, True])
def test_zero_gradient_is_harmless(one_sided):
    """A critic that is flat where it is asked has penalty 1, or 0 one-sided, and passes on zeros, not NaN."""
    w = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    penalty = gradient_penalty(lambda x: x @ w, REAL, FAKE, one_sided=one_sided)
    penalty.backward()
    assert penalty == (0.0 if one_sided else 1.0)
    assert torch.equal(w.grad, torch.zeros(3, dtype=torch.float64))


def test_defaults_of_the_paper():
    """Two-sided, lambda = 10."""
    critic, epsilon = mlp(), rand(6, seed=9, low=0.0)
    parts = critic_loss(critic(REAL), critic(FAKE)) + 10 * gradient_penalty(critic, REAL, FAKE, epsilon, one_sided=False)
    assert error(wgan_gp_loss(critic, REAL, FAKE, epsilon=epsilon), parts) < 1e-13
    assert gradient_penalty(lambda x: 0.5 * x[:, 0], REAL, FAKE) == 0.25
    assert error(wgan_gp_loss(critic, REAL, FAKE, 0.0), critic_loss(critic(REAL), critic(FAKE))) < 1e-13


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_norm_does_not_overflow(dtype):
    """The norm of 300 in each of 100 coordinates, 3000, has a square beyond float16, and bfloat16 would lose 2999 - 3000."""
    real = torch.zeros(2, 100, dtype=dtype)
    penalty = gradient_penalty(lambda x: 3 * x.sum(1), real, real)
    assert penalty.dtype == dtype
    assert penalty == torch.tensor(29.0**2).to(dtype)
    flat = gradient_penalty(lambda x: 300 * x.sum(1), real.bfloat16(), real.bfloat16())
    assert flat == torch.tensor(2999.0**2).bfloat16()


def test_second_oracle_agrees(record):
    """labml-nn penalizes at the points it is given; at the generated end (epsilon 0) both must agree."""
    penalty = pytest.importorskip("labml_nn.gan.wasserstein.gradient_penalty").GradientPenalty()
    critic, x = mlp(), FAKE.clone().requires_grad_()
    expected = penalty(x, critic(x))
    expected.backward()
    theirs = [p.grad.clone() for p in critic.parameters() if p.grad is not None]
    critic.zero_grad()
    ours = gradient_penalty(critic, REAL, FAKE, torch.zeros(6, dtype=torch.float64))
    ours.backward()
    mine = [p.grad for p in critic.parameters() if p.grad is not None]
    gap = max(error(ours, expected), *(error(a, b) for a, b in zip(mine, theirs, strict=True)))
    record(METHOD, MODULE, "penalty and its gradients", "labml_nn GradientPenalty", error=gap, **EXACT)


def test_shares_are_drawn_where_the_examples_are():
    meta = torch.zeros(3, 2, device="meta", dtype=torch.float16)
    between = interpolate(meta, meta)
    assert between.device.type == "meta" and between.dtype == torch.float16
