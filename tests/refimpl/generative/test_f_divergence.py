"""What is special to f-divergences: conjugates by search, the best critic, zeros, scores far away, the GAN's loss."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from refimpl.generative.f_divergence import KINDS, f_divergence, output_activation, variational_bound
from refimpl.generative.gan import discriminator_loss
from tests.refimpl.generative.cases_f_divergence import ACTIVATIONS, CONJUGATES, GENERATORS, METHOD, P, Q, probabilities
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.generative.f_divergence"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}
BEST = {  # V at which g(V) = f'(u)
    "kl": lambda u: 1 + u.log(),
    "reverse-kl": torch.log,
    "pearson": lambda u: 2 * (u - 1),
    "hellinger": lambda u: u.log() / 2,
    "jensen-shannon": torch.log,
    "gan": torch.log,
}


@pytest.mark.parametrize("kind", KINDS)
def test_conjugate_is_the_largest_difference(kind, record):
    """f*(t) = max of u t - f(u) over a fine grid of u; the bound of one score from q is -f*(g(v)) plus T of the other."""
    u = np.linspace(1e-4, 40, 400_001)
    f = np.array([GENERATORS[kind](x) for x in u])
    gaps = []
    for v in (-1.5, -0.3, 0.4, 1.1):
        t = output_activation(torch.tensor(v, dtype=torch.float64), kind)
        searched = (u * t.item() - f).max()
        ours = output_activation(torch.zeros(()).double(), kind) - variational_bound(
            torch.zeros(1).double(), torch.tensor([v]).double(), kind
        )
        gaps.append(abs(ours.item() - searched) / max(1.0, abs(searched)))
        assert t.item() == pytest.approx(ACTIVATIONS[kind](v), abs=1e-14)
        assert CONJUGATES[kind](t.item()) == pytest.approx(searched, abs=1e-3)
    record(METHOD, MODULE, f"conjugate of {kind}", "search over u", error=max(gaps), tolerance=1e-3, dtype=torch.float64)


@pytest.mark.parametrize("kind", KINDS)
def test_the_best_critic_reaches_the_divergence_and_no_other_exceeds_it(kind, record):
    """Expectations are taken exactly, by repeating each place as often as its probability says."""
    counts_p, counts_q = torch.tensor([5, 2, 3, 10]), torch.tensor([4, 6, 8, 2])
    p, q = counts_p.double() / 20, counts_q.double() / 20
    divergence, best = f_divergence(p, q, kind), BEST[kind](p / q)

    def bound(v):
        return variational_bound(v.repeat_interleave(counts_p), v.repeat_interleave(counts_q), kind)

    record(METHOD, MODULE, f"bound of the best critic, {kind}", "the divergence", error=error(bound(best), divergence), **EXACT)
    for seed in range(10):
        assert bound(best + 0.3 * randn(4, seed=seed)) < divergence
    v = best.clone().requires_grad_()
    (slope,) = torch.autograd.grad(bound(v), v)
    assert slope.abs().max() < 1e-14


def test_against_torch_and_scipy(record):
    p, q = probabilities(6, 5, seed=3), probabilities(6, 5, seed=4)
    kl = torch.nn.functional.kl_div
    middle = ((p + q) / 2).log()
    pairs = {
        "kl": kl(q.log(), p, reduction="none").sum(-1),
        "reverse-kl": kl(p.log(), q, reduction="none").sum(-1),
        "jensen-shannon": (kl(middle, p, reduction="none") + kl(middle, q, reduction="none")).sum(-1),
    }
    for kind, expected in pairs.items():
        record(METHOD, MODULE, kind, "torch.nn.functional.kl_div", error=error(f_divergence(p, q, kind), expected), **EXACT)
    distance = pytest.importorskip("scipy.spatial.distance")
    expected = torch.tensor([2 * distance.jensenshannon(a, b) ** 2 for a, b in zip(p.numpy(), q.numpy(), strict=True)])
    gap = error(f_divergence(p, q, "jensen-shannon"), expected)
    record(METHOD, MODULE, "jensen-shannon", "scipy.spatial.distance.jensenshannon", error=gap, **EXACT)


def test_the_bound_of_gan_is_the_value_of_its_game(record):
    real, fake = randn(7, seed=5), randn(4, seed=6)
    gap = error(variational_bound(real, fake, "gan"), -discriminator_loss(real, fake))
    record(METHOD, MODULE, "bound of gan", "refimpl.generative.gan", error=gap, **EXACT)
    gap = error(variational_bound(real, fake, "jensen-shannon"), math.log(4) - discriminator_loss(real, fake))
    record(METHOD, MODULE, "bound of jensen-shannon", "log 4 and refimpl.generative.gan", error=gap, **EXACT)


@pytest.mark.parametrize("kind", KINDS)
def test_equal_distributions(kind):
    expected = -math.log(4) if kind == "gan" else 0.0
    assert f_divergence(P, P.clone(), kind).item() == pytest.approx(expected, abs=1e-15)
    assert f_divergence(P, Q, kind) > expected + 0.01


@pytest.mark.parametrize(
    ("kind", "p_zero", "q_zero"),
    [
        ("kl", 0.0, math.inf),
        ("reverse-kl", math.inf, 0.0),
        ("pearson", 0.25, math.inf),
        ("hellinger", 0.25, 0.25),
        ("jensen-shannon", 0.25 * math.log(2), 0.25 * math.log(2)),
        ("gan", 0.0, 0.0),
    ],
)
def test_zeros(kind, p_zero, q_zero):
    """What a place adds where only p or only q is zero; where both are it adds nothing, also to the slopes."""
    rest = f_divergence(torch.tensor([0.25, 0.75]), torch.tensor([0.5, 0.25]), kind).item()
    none = torch.tensor([0.25, 0.0, 0.75], requires_grad=True), torch.tensor([0.5, 0.0, 0.25], requires_grad=True)
    found = f_divergence(*none, kind)
    assert found.item() == pytest.approx(rest, abs=1e-7)
    found.backward()
    assert all(t.grad.isfinite().all() and t.grad[1] == 0 and t.grad[0] != 0 for t in none)
    left, right = torch.tensor([0.25, 0.0, 0.75]), torch.tensor([0.5, 0.25, 0.25])
    assert f_divergence(left, right, kind).item() == pytest.approx(rest + p_zero, abs=1e-7)
    left, right = torch.tensor([0.25, 0.25, 0.75]), torch.tensor([0.5, 0.0, 0.25])
    assert f_divergence(left, right, kind).item() == pytest.approx(rest + q_zero, abs=1e-7)


@pytest.mark.parametrize("kind", ["reverse-kl", "jensen-shannon", "gan"])
def test_a_sure_critic_keeps_its_slope(kind):
    """f* of T itself would be the logarithm of zero at V = 200, where the slope is 1."""
    score = torch.tensor([200.0], requires_grad=True)
    bound = variational_bound(torch.zeros(1), score, kind)
    bound.backward()
    assert bound.isfinite() and score.grad.item() == -1.0


def test_small_scores_of_hellinger_keep_their_digits():
    tiny = torch.tensor([1e-9])
    assert output_activation(tiny, "hellinger").item() == pytest.approx(1e-9)
    assert variational_bound(torch.zeros(1), tiny, "hellinger").item() == pytest.approx(-1e-9)


def test_two_byte_types_are_computed_in_float32():
    for dtype in (torch.bfloat16, torch.float16):
        for kind in KINDS:
            p, q, v, w = (t.to(dtype) for t in (P, Q, randn(300, seed=7), randn(300, seed=8)))
            assert torch.equal(f_divergence(p, q, kind), f_divergence(p.float(), q.float(), kind).to(dtype))
            assert torch.equal(variational_bound(v, w, kind), variational_bound(v.float(), w.float(), kind).to(dtype))
            assert torch.equal(output_activation(v, kind), output_activation(v.float(), kind).to(dtype))


def test_names():
    assert KINDS == ("kl", "reverse-kl", "pearson", "hellinger", "jensen-shannon", "gan")
