"""What is special to neural style: invariances of the Gram matrix, the weights of a sum, and an optimized image."""

from __future__ import annotations

import inspect

import pytest
import torch

from refimpl.vision.neural_style import content_loss, gram_matrix, style_loss, total_loss, transfer
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error
from tests.refimpl.vision.cases_neural_style import DEEP, METHOD, A, B

MODULE = "refimpl.vision.neural_style"


def test_a_gram_matrix_does_not_know_where():
    moved = A.flatten(2)[:, :, torch.randperm(20)].view_as(A)
    assert error(gram_matrix(moved), gram_matrix(A)) < 1e-14
    assert error(style_loss(moved, A) + 1, torch.ones((), dtype=torch.float64)) < 1e-14
    assert content_loss(moved, A) > 0.1
    assert (torch.linalg.eigvalsh(gram_matrix(A)) > 0).all()
    assert error(gram_matrix(torch.cat((A, A), 3)), gram_matrix(A)) < 1e-14


def test_gradient_of_the_paper(record):
    """dE / dF = (F^T (G - A))^T / (C^2 M^2), and F - P of the content; no ReLU is part of either here."""
    f = A[:1].clone().requires_grad_()
    (found,) = torch.autograd.grad(style_loss(f, B[:1]), f)
    x, c, m = A[0].flatten(1), 3, 20
    g, a = x @ x.T, B[0].flatten(1) @ B[0].flatten(1).T
    expected = (x.T @ (g - a)).T / (c**2 * m**2)
    record(
        METHOD, MODULE, "gradient of the style", "equation 6", error=error(found[0].flatten(1), expected), tolerance=1e-13, dtype=f.dtype
    )
    (found,) = torch.autograd.grad(content_loss(f, B[:1]), f)
    record(METHOD, MODULE, "gradient of the content", "equation 2", error=error(found, A[:1] - B[:1]), tolerance=1e-14, dtype=f.dtype)


def test_weights_of_the_sum():
    pair = style_loss(A, B), style_loss(DEEP, -DEEP + 1)
    both = [A, DEEP], [None, None], [B, -DEEP + 1]
    assert error(total_loss(*both), (pair[0] + pair[1]) / 2) < 1e-14
    assert error(total_loss(*both, beta=3.0, weights=[1, 0]), 3 * pair[0]) < 1e-14
    assert error(total_loss([A], [B], [None], 5.0), 5 * content_loss(A, B)) < 1e-14
    assert error(total_loss([A], [B], [None]), 1e-3 * content_loss(A, B)) < 1e-14
    assert total_loss([A], [None], [None]).item() == 0.0
    defaults = inspect.signature(transfer).parameters["steps"].default
    assert defaults == 100


def test_an_image_is_optimized(record):
    """Random features of stripes: the distance of the Gram matrices falls by four orders."""
    torch.manual_seed(0)
    filters = randn(8, 3, 3, 3, seed=1)

    def features(x):
        return torch.nn.functional.conv2d(x, filters).relu()

    image, style = randn(1, 3, 12, 12, seed=2), randn(1, 3, 12, 12, seed=3).sign()
    before = image.clone()
    found = transfer(lambda x: total_loss([features(x)], [None], [features(style)]), image, 60)
    share = style_loss(features(found), features(style)) / style_loss(features(image), features(style))
    assert torch.equal(image, before) and not found.requires_grad
    record(METHOD, MODULE, "style loss after 60 steps, of that before", "zero", error=share.item(), tolerance=1e-4, dtype=torch.float64)
    short = transfer(lambda x: total_loss([features(x)], [None], [features(style)]), image, 3)
    assert style_loss(features(short), features(style)) > 10 * style_loss(features(found), features(style))
    assert error(short, direct(lambda x: total_loss([features(x)], [None], [features(style)]), image, 3)) < 1e-12
    kept = transfer(lambda x: total_loss([x], [image], [None]), image * 0, 20)
    assert error(kept, image) == pytest.approx(0, abs=1e-6)


def direct(loss, image, steps):
    image = image.clone().requires_grad_()
    limits = {"max_iter": steps, "max_eval": 2 * steps, "tolerance_grad": 0, "tolerance_change": 0}
    lbfgs = torch.optim.LBFGS([image], line_search_fn="strong_wolfe", **limits)

    def closure():
        lbfgs.zero_grad()
        value = loss(image)
        value.backward()
        return value

    lbfgs.step(closure)
    return image


def test_steps_and_evaluations_are_limited_and_nothing_else():
    start, aim = torch.tensor([-1.2, 1.0, 0.5, -0.3], dtype=torch.float64), torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)

    def valley(x):
        return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()

    def plain(x):  # so flat that a step takes several evaluations
        return (1 + 1e-3 * (x**2).sum()).log()

    for loss, steps in ((valley, 5), (plain, 1), (plain, 2)):
        assert error(transfer(loss, start, steps), direct(loss, start, steps)) < 1e-12
    assert error(transfer(lambda x: 1e-9 * ((x - aim) ** 2 * aim).sum(), start, 20), aim) < 1e-9  # however small the gradient
    learned = (start * 1).requires_grad_() * 1
    assert torch.equal(transfer(valley, learned, 2), transfer(valley, start, 2))
