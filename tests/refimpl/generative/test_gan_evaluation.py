"""What is special to GAN evaluation: bounds of the score, scipy's root, commuting covariances, few examples, invariances."""

from __future__ import annotations

import math

import pytest
import torch

from refimpl.generative.gan_evaluation import frechet_distance, frechet_inception_distance, inception_score
from refimpl.generative.optimal_transport import transport_on_line
from tests.refimpl.generative.cases_gan_evaluation import FEATURES, METHOD, PLAIN, covariance
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.generative.gan_evaluation"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}


def test_scipys_root_of_the_product(record):
    """Equation 6 as printed."""
    linalg = pytest.importorskip("scipy.linalg")
    mean, c, other, c_w = PLAIN[0], covariance(6, seed=1), PLAIN[2], covariance(6, seed=2)
    mean, other = randn(6, seed=3), randn(6, seed=4)
    root = torch.as_tensor(linalg.sqrtm((c @ c_w).numpy()).real)
    expected = (mean - other).square().sum() + torch.trace(c + c_w - 2 * root)
    gap = error(frechet_distance(mean, c, other, c_w), expected)
    record(METHOD, MODULE, "distance of normal distributions", "scipy.linalg.sqrtm", error=gap, **EXACT)


def test_covariances_that_commute(record):
    """With common axes the distance is that of the deviations along each."""
    axes, s, r = torch.linalg.qr(randn(5, 5, seed=5)).Q, rand(5, seed=6, low=0.1), rand(5, seed=7, low=0.1)
    c, c_w = (axes @ torch.diag(v**2) @ axes.T for v in (s, r))
    mean, other = randn(5, seed=8), randn(5, seed=9)
    expected = (mean - other).square().sum() + (s - r).square().sum()
    record(METHOD, MODULE, "common axes", "deviations along each", error=error(frechet_distance(mean, c, other, c_w), expected), **EXACT)


def test_one_feature_is_transport_on_the_line(record):
    """Samples of one number with the same shape are moved along a line, where sorting gives the distance; (N - 1) / N corrects it."""
    x = randn(50, seed=10)
    moved = 1.7 * x + 0.6
    spread = x.var(correction=1) - x.var(correction=0)
    expected = transport_on_line(x, moved, p=2.0) + 0.7**2 * spread
    gap = error(frechet_inception_distance(x[:, None], moved[:, None]), expected)
    record(METHOD, MODULE, "a shifted and stretched sample", "refimpl.generative.optimal_transport", error=gap, **EXACT)


def test_orthogonal_matrices_come_no_nearer(record):
    """The trace is the least squared distance of the covariances' roots over rotations and reflections."""
    zero = torch.zeros(4, dtype=torch.float64)
    c, c_w = covariance(4, seed=11), covariance(4, seed=12)
    found = frechet_distance(zero, c, zero, c_w)
    root, other = (torch.linalg.cholesky(v).T for v in (c, c_w))
    tried = [(root - torch.linalg.qr(randn(4, 4, seed=20 + i)).Q @ other).square().sum() for i in range(500)]
    assert min(tried) > found > 0
    u, s, vh = torch.linalg.svd(root @ other.T)
    record(
        METHOD,
        MODULE,
        "least distance of roots",
        "traces and singular values",
        error=error(found, torch.trace(c + c_w) - 2 * s.sum()),
        **EXACT,
    )
    assert error((root - u @ vh @ other).square().sum(), found) < 1e-12


@pytest.mark.parametrize(("n", "m"), [(3, 40), (3, 4), (40, 2)])
def test_fewer_examples_than_features(n, m, record):
    """Covariances without inverse: the sum of the singular values of the centered samples' product, which needs no covariance."""
    x, y = randn(n, 10, seed=13), randn(m, 10, seed=14) + 0.3
    a, b = ((v - v.mean(0)) / math.sqrt(len(v) - 1) for v in (x, y))
    overlap = torch.linalg.svdvals(a @ b.T).sum()
    expected = (x.mean(0) - y.mean(0)).square().sum() + a.square().sum() + b.square().sum() - 2 * overlap
    gap = error(frechet_inception_distance(x, y), expected)
    record(METHOD, MODULE, f"{n} and {m} examples of 10 features", "singular values of the centered product", error=gap, **EXACT)


def test_of_samples_is_that_of_their_moments(record):
    x, y = randn(30, 6, seed=15) * 2, randn(20, 6, seed=16) - 1
    expected = frechet_distance(x.mean(0), x.T.cov(), y.mean(0), y.T.cov())
    record(METHOD, MODULE, "samples", "torch.cov", error=error(frechet_inception_distance(x, y), expected), **EXACT)


def test_flat_covariance():
    """Rounding may make an eigenvalue of zero negative, which must not become NaN."""
    direction = randn(6, 1, seed=17)
    flat, zero = direction @ direction.T, torch.zeros(6, dtype=torch.float64)
    assert frechet_distance(zero, flat, zero, 4 * flat).item() == pytest.approx(direction.square().sum().item(), rel=1e-6)
    assert frechet_distance(zero, 0 * flat, zero, flat).item() == pytest.approx(flat.trace().item(), rel=1e-6)
    below = torch.diag(torch.tensor([4.0, -1e-18])).double()
    assert frechet_distance(zero[:2], below, zero[:2], below / 4).item() == pytest.approx(1.0, rel=1e-12)


def test_equal_and_moved_samples():
    x = randn(30, 6, seed=18) + 5
    assert 0 <= frechet_inception_distance(x, x.clone()).item() < 1e-25
    assert 0 <= frechet_inception_distance(x, x.flip(0)).item() < 1e-25
    shift = randn(6, seed=19)
    assert frechet_inception_distance(x, x + shift).item() == pytest.approx(shift.square().sum().item(), rel=1e-12)


def test_turned_features_have_the_same_distance():
    turn = torch.linalg.qr(randn(3, 3, seed=21)).Q
    x, y = FEATURES
    assert error(frechet_inception_distance(x @ turn, y @ turn), frechet_inception_distance(x, y)) < 1e-12
    assert error(frechet_inception_distance(y, x), frechet_inception_distance(x, y)) < 1e-12
    assert error(frechet_inception_distance(3 * x, 3 * y), 9 * frechet_inception_distance(x, y)) < 1e-12


def test_distances_are_computed_in_float64_without_gradients():
    x, y = FEATURES[0].float() + 1000, FEATURES[1].float() + 1000
    expected = frechet_inception_distance(x.double(), y.double()).float()
    found = frechet_inception_distance(x.requires_grad_(), y)
    assert found.dtype == torch.float32 and torch.equal(found, expected) and not found.requires_grad
    c = PLAIN[1].float()
    found = frechet_distance(PLAIN[0].float() + 1000, c.requires_grad_(), PLAIN[2].float() + 1000, 0.9 * c)
    expected = frechet_distance((PLAIN[0].float() + 1000).double(), c.double(), (PLAIN[2].float() + 1000).double(), (0.9 * c).double())
    assert torch.equal(found, expected.float()) and not found.requires_grad
    one, zero = torch.ones(1), torch.zeros(1, 1)
    assert frechet_distance(one, zero, one * -8e-8, zero).item() == torch.tensor((1 + 8e-8) ** 2).item() < 1 + 2e-7


@pytest.mark.parametrize("classes", [2, 7])
def test_bounds_of_the_score(classes, record):
    """K where every answer is sure and all classes are as frequent; 1 where all answers are alike, sure or not."""
    sure = 200 * torch.eye(classes, dtype=torch.float64).repeat(3, 1)
    gap = abs(inception_score(sure).item() - classes)
    record(METHOD, MODULE, f"sure answers, {classes} classes", "the number of classes", error=gap, **EXACT)
    assert inception_score(sure[:1].repeat(5, 1)).item() == pytest.approx(1.0, abs=1e-12)
    assert inception_score(randn(1, classes, seed=22).repeat(5, 1)).item() == pytest.approx(1.0, abs=1e-12)
    assert 1 < inception_score(randn(20, classes, seed=23)).item() < classes


def test_score_by_hand():
    """One image surely of class 0 and one that may be either: over both, class 0 has probability 3/4."""
    logits = torch.tensor([[300.0, 0.0], [5.0, 5.0]], dtype=torch.float64)
    sure, even = math.log(1 / 0.75), 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)
    assert inception_score(logits).item() == pytest.approx(math.exp((sure + even) / 2), rel=1e-14)


def test_two_byte_scores_are_computed_in_float32():
    for dtype in (torch.bfloat16, torch.float16):
        logits = (randn(300, 10, seed=24) * 2).to(dtype)
        assert torch.equal(inception_score(logits), inception_score(logits.float()).to(dtype))
