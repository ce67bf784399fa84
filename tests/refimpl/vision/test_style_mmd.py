"""What is special to style as a distribution: the identity with the Gram loss, kernels in closed form, and what each cannot see."""

from __future__ import annotations

import inspect

import torch

from refimpl.vision.neural_style import style_loss
from refimpl.vision.style_mmd import gaussian, mmd_loss, polynomial, squared_mmd, statistics_loss
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error
from tests.refimpl.vision.cases_style_mmd import METHOD, F, S

MODULE = "refimpl.vision.style_mmd"
X, Y = randn(1, 5, 7, 6, seed=4), randn(1, 5, 7, 6, seed=5) + 0.4


def test_gram_loss_is_the_discrepancy(record):
    """Equation of the paper, printed with sums: 1 / (4 C^2 M^2) times the sum over pairs is the Gram loss."""
    f, s = X[0].flatten(1), Y[0].flatten(1)
    squares = [((a.T @ b) ** 2).sum() for a, b in ((f, f), (s, s), (f, s))]
    printed = (squares[0] + squares[1] - 2 * squares[2]) / (4 * 25 * 42**2)
    gap = max(error(style_loss(X, Y), printed), error(squared_mmd(X, Y) / 100, printed), error(mmd_loss(X, Y), printed))
    record(METHOD, MODULE, "Gram loss", "the discrepancy with (x . y)^2", error=gap, tolerance=1e-12, dtype=torch.float64)


def test_what_each_kernel_cannot_see():
    mirrored = -X
    assert mmd_loss(X, mirrored).abs() < 1e-15 and mmd_loss(X, mirrored, constant=1.0) > 1e-5
    shuffled = X.flatten(2)[:, :, torch.randperm(42)].view_as(X)
    for options in ({"kernel": "linear"}, {}, {"kernel": "gaussian"}, {"constant": 2.0}):
        assert mmd_loss(X, shuffled, **options).abs() < 1e-14
    spread = (X - X.mean((2, 3), keepdim=True)) * 3 + X.mean((2, 3), keepdim=True)
    assert mmd_loss(X, spread, "linear").abs() < 1e-15
    assert mmd_loss(X, spread, "gaussian") > 1e-4 and statistics_loss(X, spread) > 1


def test_the_gaussian_sees_more_than_mean_and_variance():
    """Two distributions of one channel with mean 0 and variance 1 differ for the Gaussian alone."""
    a = torch.tensor([-(3**0.5), 0, 0, 0, 0, 3**0.5], dtype=torch.float64)
    b = torch.tensor([-(3**0.5), 3**0.5, 0, 0, 0, 0], dtype=torch.float64) * -1
    c = torch.tensor([-1.0, -1, -1, 1, 1, 1], dtype=torch.float64)
    a, b, c = (v.view(1, 1, 2, 3) for v in (a, b, c))
    assert mmd_loss(a, b, "gaussian", variance=1.0).abs() < 1e-15
    assert mmd_loss(a, c).abs() < 1e-15 and statistics_loss(a, c) < 1e-15  # mean 0, variance 1
    assert mmd_loss(a, c, "gaussian", variance=1.0) > 1e-2


def test_closed_forms_and_defaults():
    one, other = torch.zeros(1, 2, 1, 1), torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    assert error(squared_mmd(one, other, gaussian), 2 - 2 * torch.exp(torch.tensor(-12.5))) < 1e-6
    assert squared_mmd(one, other).item() == 625.0 and mmd_loss(one, other, "linear").item() == 25 / 16
    assert statistics_loss(one, other).item() == 12.5
    assert torch.equal(squared_mmd(F, S), squared_mmd(F, S, lambda x, y: polynomial(x, y, 2, 0.0)))
    wide = mmd_loss(F, S, "gaussian", variance=1e8) * 2e8  # for a wide Gaussian 2 sigma^2 MMD^2 / 2 is the linear one
    assert error(wide / 2, mmd_loss(F, S, "linear")) < 1e-5
    assert inspect.signature(gaussian).parameters["variance"].default == 1.0


def test_the_default_width_takes_no_gradient():
    f = F.clone().requires_grad_()
    (found,) = torch.autograd.grad(mmd_loss(f, S, "gaussian"), f)
    width = torch.stack([((F[n].flatten(1).T[:, None] - S[n].flatten(1).T) ** 2).sum(-1).mean() for n in range(2)]).mean().item()
    (fixed,) = torch.autograd.grad(mmd_loss(f, S, "gaussian", variance=width), f)
    assert error(found, fixed) < 1e-12
