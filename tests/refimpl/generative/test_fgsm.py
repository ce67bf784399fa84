"""What is special to the fast gradient sign method: linear models in closed form, the cube, random starts, training, torchattacks."""

from __future__ import annotations

import inspect

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from refimpl.data import digits_split
from refimpl.generative.fgsm import adversarial_loss, fgsm, pgd
from tests.refimpl.generative.cases_fgsm import LABELS, METHOD, Attacked, X
from tests.refimpl.harness.case import rand, randn, randomize
from tests.refimpl.harness.compare import error

MODULE = "refimpl.generative.fgsm"
EXACT = {"tolerance": 1e-13, "dtype": torch.float64}
W, B = randn(4, seed=1), 0.3
SIGNS = torch.tensor([1.0, -1.0, 1.0, -1.0, -1.0], dtype=torch.float64)
POINTS = randn(5, 4, seed=2)


def logistic(score, y):
    return F.softplus(-y * score)


def linear(x):
    return x @ W + B


def classifier():
    return randomize(Attacked(None)).classify


def test_logistic_regression_in_closed_form(record):
    """Section 5: the worst case of a linear model is epsilon |w|_1 off, for labels of either sign; no other point of the cube is worse."""
    adversary = fgsm(linear, POINTS, SIGNS, 0.2, loss=logistic)
    expected = torch.log1p(torch.exp(0.2 * W.abs().sum() - SIGNS * (POINTS @ W + B)))
    gap = error(logistic(linear(adversary), SIGNS), expected)
    record(METHOD, MODULE, "loss of a linear model", "log(1 + exp(epsilon |w|_1 - y (w x + b)))", error=gap, **EXACT)
    objective = adversarial_loss(linear, POINTS, SIGNS, 0.2, 0.0, loss=lambda s, y: logistic(s, y).mean())
    record(METHOD, MODULE, "objective with alpha = 0", "the closed form's mean", error=error(objective, expected.mean()), **EXACT)
    corners = torch.cartesian_prod(*[torch.tensor([-0.2, 0.2], dtype=torch.float64)] * 4)
    worst = torch.stack([logistic(linear(POINTS + c), SIGNS) for c in corners]).max(0).values
    record(METHOD, MODULE, "loss of a linear model", "the worst of all corners of the cube", error=error(expected, worst), **EXACT)


def test_the_printed_formula_fails_for_negative_labels():
    """zeta(y (epsilon |w|_1 - w x - b)) of section 5 is the worst case for y = 1 alone; for y = -1 it lies below the clean loss."""
    worst = logistic(linear(fgsm(linear, POINTS, SIGNS, 0.2, loss=logistic)), SIGNS)
    printed = F.softplus(SIGNS * (0.2 * W.abs().sum() - POINTS @ W - B))
    assert error(printed[SIGNS > 0], worst[SIGNS > 0]) < 1e-13
    assert (printed < logistic(linear(POINTS), SIGNS))[SIGNS < 0].all()


def test_steps_of_a_linear_model_reach_the_corner():
    """Five steps of a quarter of epsilon end where one step of epsilon does, from any start."""
    corner = fgsm(linear, POINTS, SIGNS, 0.2, loss=logistic)
    for start in (False, True):
        reached = pgd(linear, POINTS, SIGNS, 0.2, 0.1, 5, loss=logistic, random_start=start, generator=torch.Generator().manual_seed(1))
        assert error(reached, corner) < 1e-15
    halfway = pgd(linear, POINTS, SIGNS, 0.2, 0.025, 4, loss=logistic, random_start=False)
    assert error(halfway, (POINTS + corner) / 2) < 1e-15


def test_an_entry_without_slope_stays():
    weights = W * torch.tensor([1.0, 0.0, 1.0, 1.0])
    moved = fgsm(lambda x: x @ weights, POINTS, SIGNS, 0.2, loss=logistic) != POINTS
    assert moved.tolist() == [[True, False, True, True]] * 5


def test_no_step_gives_the_input():
    x = fgsm(classifier(), X, LABELS, 0.0)
    assert torch.equal(x, X)
    assert torch.equal(pgd(classifier(), X, LABELS, 0.3, 0.0, 2, random_start=False), X)


def test_random_start_is_uniform_in_the_cube(record):
    """With steps of size 0 the start itself: within epsilon, mean 0, variance epsilon^2 / 3 within 4 standard errors."""
    x, n, epsilon = torch.full((5000, 4), 7.0, dtype=torch.float64), 20_000, 0.5
    start = pgd(lambda z: z, x, torch.zeros(5000, dtype=torch.int64), epsilon, 0.0, 1, generator=torch.Generator().manual_seed(3)) - x
    assert 0.499 < start.abs().max() <= epsilon
    mean = start.mean() / (epsilon**2 / 3 / n) ** 0.5
    spread = (start.square().mean() - epsilon**2 / 3) / (epsilon**4 * 4 / 45 / n) ** 0.5
    z = max(abs(mean.item()), abs(spread.item()))
    record(METHOD, MODULE, "mean and variance of the start, z-score", "U[-epsilon, epsilon]", error=z, tolerance=4.0, dtype=torch.float64)


def test_random_start_follows_the_generator_and_is_the_default():
    call = [classifier(), X, LABELS, 0.25, 0.0625, 2]
    first = pgd(*call, generator=torch.Generator().manual_seed(5))
    torch.manual_seed(5)
    assert torch.equal(pgd(*call), first)
    assert not torch.equal(pgd(*call), first)
    drawn = torch.rand(X.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    with torch.device("meta"):
        start = pgd(*call[:3], 0.25, 0.0, 1, generator=torch.Generator("cpu").manual_seed(5))
    assert error(start, X + 0.25 * (2 * drawn - 1)) < 1e-15
    start = pgd(*call[:3], 0.25, 0.0, 1, bounds=(0.4, 0.6), generator=torch.Generator().manual_seed(5))
    assert start.min() >= 0.4 and start.max() <= 0.6


def test_one_backward_pass_serves_the_batch():
    """Each example gets what it would get alone, also for a mean loss, whose gradients are smaller."""
    model = classifier()
    whole = pgd(model, X, LABELS, 0.25, 0.0625, 3, random_start=False)
    alone = torch.cat([pgd(model, X[i : i + 1], LABELS[i : i + 1], 0.25, 0.0625, 3, random_start=False) for i in range(3)])
    each = pgd(model, X, LABELS, 0.25, 0.0625, 3, random_start=False, loss=lambda z, y: F.cross_entropy(z, y, reduction="none"))
    assert torch.equal(whole, alone) and torch.equal(whole, each)
    zeros = torch.zeros(4, 1, dtype=torch.float16)
    moved = fgsm(lambda x: x, zeros, LABELS, 0.5, loss=lambda z, y: z[:, 0] * 2**-24)
    assert torch.equal(moved, zeros + 0.5), "the smallest slope that float16 has, beside other examples too"


def test_parameters_get_no_gradient_and_no_grad_is_no_obstacle():
    attacked = randomize(Attacked(None))
    with torch.no_grad():
        quiet = fgsm(attacked.classify, X, LABELS, 0.125)
    assert not quiet.requires_grad and torch.equal(quiet, fgsm(attacked.classify, X, LABELS, 0.125))
    assert all(p.grad is None for p in attacked.parameters()) and not X.requires_grad


def test_weights_of_the_objective():
    """alpha = 1 is the clean loss, 0 that of the adversary, the default their mean; bounds and loss are passed on."""
    model, bounds = classifier(), (0.3, 0.7)
    clean, moved = F.cross_entropy(model(X), LABELS), F.cross_entropy(model(fgsm(model, X, LABELS, 0.1, bounds=bounds)), LABELS)
    assert torch.equal(adversarial_loss(model, X, LABELS, 0.1, 1.0, bounds=bounds), clean)
    assert torch.equal(adversarial_loss(model, X, LABELS, 0.1, 0.0, bounds=bounds), moved)
    assert error(adversarial_loss(model, X, LABELS, 0.1, bounds=bounds), (clean + moved) / 2) < 1e-15
    assert not torch.equal(moved, F.cross_entropy(model(fgsm(model, X, LABELS, 0.1)), LABELS))
    assert inspect.signature(pgd).parameters["random_start"].default is True

    def easier(z, y):
        return -F.cross_entropy(z, y)

    assert torch.equal(
        adversarial_loss(model, X, LABELS, 0.1, 0.0, loss=easier), easier(model(fgsm(model, X, LABELS, 0.1, loss=easier)), LABELS)
    )


def test_torchattacks(record):
    """The same images as torchattacks gives."""
    torchattacks = pytest.importorskip("torchattacks")
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(3 * 5 * 4, 3))
    images = rand(4, 1, 7, 6, seed=6, low=0.0).float()
    labels = torch.tensor([0, 2, 1, 1])
    pairs = {
        "FGSM": (fgsm(net, images, labels, 0.1, bounds=(0.0, 1.0)), torchattacks.FGSM(net, eps=0.1)),
        "PGD": (
            pgd(net, images, labels, 0.1, 0.03, 5, bounds=(0.0, 1.0), random_start=False),
            torchattacks.PGD(net, eps=0.1, alpha=0.03, steps=5, random_start=False),
        ),
    }
    for name, (ours, theirs) in pairs.items():
        gap = error(ours, theirs(images, labels))
        record(METHOD, MODULE, name, f"torchattacks.{name}", error=gap, tolerance=1e-6, dtype=torch.float32, shapes="(4,1,7,6)")


def test_on_digits_signs_of_the_gradient_harm_and_random_signs_do_not(record):
    """A change of 0.15 of each pixel in the gradient's direction leaves fewer than 30 in 100 right, one of random sign more than 85."""
    data = digits_split()
    x, x_test = data.x.flatten(1), data.x_test.flatten(1)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    adam = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(80):
        adam.zero_grad()
        F.cross_entropy(net(x), data.y).backward()
        adam.step()
    signs = torch.randint(2, x_test.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    attacked = fgsm(net, x_test, data.y_test, 0.15, bounds=(0.0, 1.0))
    right = [(net(z).argmax(1) == data.y_test).float().mean().item() for z in (attacked, (x_test + 0.15 * signs).clamp(0, 1))]
    record(METHOD, MODULE, "share right under attack", "0, at most 0.3", error=right[0], tolerance=0.3, dtype=torch.float32)
    assert right[1] > 0.85
