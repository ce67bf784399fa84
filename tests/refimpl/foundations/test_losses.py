"""What is special to the losses: influence of an outlier, limits and identities, exact values far in the tails."""

from __future__ import annotations

import math

import pytest
import torch

from refimpl.foundations.losses import LOSSES
from refimpl.foundations.softmax_cross_entropy import cross_entropy
from tests.refimpl.foundations.cases_losses import COINS, METHOD, A, B, P, Q, S, T
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.foundations.losses"
R = torch.linspace(-4, 4, 41, dtype=torch.float64)
ZERO = torch.zeros_like(R)
NONE = {"reduction": "none"}


def influence(name, r=R, **options):
    r = r.clone().requires_grad_()
    return torch.autograd.grad(LOSSES[name](r, torch.zeros_like(r), reduction="sum", **options), r)[0]


def test_names_are_those_of_the_functions():
    assert all(name == loss.__name__ for name, loss in LOSSES.items()) and len(LOSSES) == 13


def test_influence_of_huber_is_the_clipped_residual(record):
    gap = error(influence("huber_loss", delta=1.3), R.clamp(-1.3, 1.3))
    record(METHOD, MODULE, "slope of Huber's loss", "the clipped residual", error=gap, tolerance=1e-15, dtype=torch.float64)
    assert influence("huber_loss", torch.tensor([-1.0, 1.0]), delta=1.0).tolist() == [-1, 1]


def test_influence_of_tukey_returns_to_zero(record):
    """psi(r) = r (1 - (r / c)^2)^2 within c, else 0; the loss stays at c^2 / 6."""
    expected = torch.where(R.abs() <= 2.5, R * (1 - (R / 2.5) ** 2) ** 2, 0.0)
    gap = error(influence("tukey_biweight_loss", c=2.5), expected)
    record(METHOD, MODULE, "slope of Tukey's loss", "psi in closed form", error=gap, tolerance=1e-14, dtype=torch.float64)
    assert torch.allclose(
        LOSSES["tukey_biweight_loss"](R[:1], ZERO[:1], "none"),
        torch.tensor(4.0**2 / 2 - 4.0**4 / (2 * 4.685**2) + 4.0**6 / (6 * 4.685**4)).double(),
    )
    assert LOSSES["tukey_biweight_loss"](torch.tensor([1e6]), torch.zeros(1), c=3.0).item() == 1.5


@pytest.mark.parametrize("name", ["huber_loss", "smooth_l1_loss", "tukey_biweight_loss"])
def test_small_residuals_keep_their_digits(name):
    """A residual of 1e-6 has the loss 5e-13 in float32, where 1 - (1 - u)^3 would be 0."""
    assert LOSSES[name](torch.tensor([1e-6]), torch.zeros(1)).item() == pytest.approx(5e-13, rel=1e-5)


def test_limits_of_smooth_l1():
    assert torch.equal(LOSSES["smooth_l1_loss"](S, T, beta=0.0), LOSSES["l1_loss"](S, T))
    assert torch.allclose(3 * LOSSES["smooth_l1_loss"](S, T, beta=3.0), LOSSES["huber_loss"](S, T, delta=3.0))
    assert torch.allclose(LOSSES["huber_loss"](S, T, delta=1e3), LOSSES["mse_loss"](S, T) / 2)


def test_minima_are_mean_and_median():
    data = randn(101, seed=3)
    for name, center in (("mse_loss", data.mean()), ("l1_loss", data.median())):
        at = [LOSSES[name]((center + shift).expand_as(data), data).item() for shift in (-1e-3, 0.0, 1e-3)]
        assert at[1] < min(at[0], at[2])


def test_two_classes_are_softmax_with_cross_entropy(record):
    """Log-odds s are the logits (0, s)."""
    logits = torch.stack([torch.zeros_like(S), S], -1).view(-1, 2)
    gap = error(LOSSES["binary_cross_entropy_with_logits"](S, COINS), cross_entropy(logits, COINS.long().view(-1)))
    record(METHOD, MODULE, "binary cross-entropy", "softmax cross-entropy of two classes", error=gap, tolerance=1e-14, dtype=torch.float64)


def test_likelihood_keeps_its_tail():
    """-log p of a score of 60 is exp(-60), not 0, and its gradient -exp(-60)."""
    s = torch.tensor(60.0, dtype=torch.float64, requires_grad=True)
    loss = LOSSES["binary_cross_entropy_with_logits"](s, torch.ones_like(s))
    assert loss.item() == pytest.approx(math.exp(-60), rel=1e-12)
    assert torch.autograd.grad(loss, s)[0].item() == pytest.approx(-math.exp(-60), rel=1e-12)


def test_focal_loss_without_focus_is_cross_entropy():
    plain = LOSSES["binary_cross_entropy_with_logits"](S, COINS, **NONE)
    assert torch.allclose(LOSSES["sigmoid_focal_loss"](S, COINS, alpha=-1.0, gamma=0.0), plain, atol=1e-15)
    assert torch.allclose(LOSSES["sigmoid_focal_loss"](S, COINS, alpha=0.5, gamma=0.0), plain / 2, atol=1e-15)
    soft = torch.full_like(S, 0.3)
    expected = 0.3 * LOSSES["sigmoid_focal_loss"](S, soft * 0 + 1) / torch.sigmoid(-S) ** 2 / 0.25 - 0.7 * torch.nn.functional.logsigmoid(
        -S
    )
    missing = torch.sigmoid(S) * 0.7 + torch.sigmoid(-S) * 0.3
    assert torch.allclose(LOSSES["sigmoid_focal_loss"](S, soft), expected * missing**2 * (0.25 * 0.3 + 0.75 * 0.7), atol=1e-12)


def test_divergence_of_two_normals(record):
    """On a fine grid: log(s2 / s1) + (s1^2 + (m1 - m2)^2) / (2 s2^2) - 1/2."""
    x = torch.linspace(-12, 12, 4001, dtype=torch.float64)
    log_p, log_q = (-(((x - m) / s) ** 2) / 2 for m, s in ((0.4, 1.0), (-0.3, 1.5)))
    log_p, log_q = log_p.log_softmax(0), log_q.log_softmax(0)
    expected = math.log(1.5) + (1 + 0.7**2) / (2 * 1.5**2) - 0.5
    gap = abs(LOSSES["kl_div"](log_q, log_p.exp(), "sum").item() - expected) / expected
    record(METHOD, MODULE, "Kullback-Leibler divergence", "closed form for normals", error=gap, tolerance=1e-10, dtype=torch.float64)
    assert LOSSES["kl_div"](Q, Q.exp(), "batchmean").abs() < 1e-15 < LOSSES["kl_div"](Q, P, "batchmean")


def test_satisfied_margins_cost_nothing():
    near, far = A[:1], A[:1] + 10
    assert LOSSES["triplet_margin_loss"](near, near, far).item() == 0
    assert LOSSES["contrastive_loss"](near, far, torch.ones(1)).item() == LOSSES["contrastive_loss"](near, near, torch.zeros(1)).item() == 0
    assert LOSSES["hinge_loss"](torch.tensor([1.0, -2.0]), torch.tensor([1.0, -1.0])).item() == 0
    assert LOSSES["multi_margin_loss"](torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([0])).item() == 0


def test_views_of_their_own(record):
    """One example has no others: the loss is 0. Equal views of N orthogonal examples: log(1 + (2 N - 2) exp(-1 / tau))."""
    assert LOSSES["nt_xent_loss"](A[:1], B[:1]).item() == 0
    views = torch.eye(5, dtype=torch.float64)
    gap = abs(LOSSES["nt_xent_loss"](views, 3 * views, 0.4).item() - math.log1p(8 * math.exp(-1 / 0.4)))
    record(METHOD, MODULE, "NT-Xent of orthogonal examples", "closed form", error=gap, tolerance=1e-14, dtype=torch.float64, shapes="(5,5)")
    loss = LOSSES["nt_xent_loss"](A, B, reduction="none")
    assert loss.shape == (8,) and torch.allclose(LOSSES["nt_xent_loss"](B, A, reduction="none"), loss.roll(4))


def test_half_precision_similarities_are_in_float32():
    for dtype in (torch.bfloat16, torch.float16):
        a, b = randn(20, 9, seed=11).to(dtype), randn(20, 9, seed=12).to(dtype)
        found, expected = (LOSSES["nt_xent_loss"](*views, 0.1, **NONE) for views in ((a, b), (a.float(), b.float())))
        assert torch.equal(found, expected.to(dtype))
