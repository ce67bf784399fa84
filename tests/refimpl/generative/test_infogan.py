"""What is special to InfoGAN: the bound on channels whose information is known, and the draws of the codes."""

from __future__ import annotations

import math

import pytest
import torch

from refimpl.generative.infogan import Codes
from tests.refimpl.generative.cases_infogan import METHOD
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.generative.infogan"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}


def seeded(seed=3):
    return torch.Generator().manual_seed(seed)


COUNTS = torch.tensor([[30, 10, 15, 5], [6, 24, 18, 12], [20, 10, 10, 20]])
"""A channel: of 60 times that a code has the value of the row, how often each x is seen."""


def whole_population(counts):
    """Every pair of code and x as often as it occurs: codes ``(N, K)`` and x ``(N,)``."""
    pairs = [(c, x) for c in range(len(counts)) for x in range(counts.shape[1]) for _ in range(counts[c, x])]
    c, x = torch.tensor(pairs).T
    return torch.nn.functional.one_hot(c, len(counts)).double(), x


def test_the_bound_is_the_information_where_q_is_the_posterior(record):
    """And the gap elsewhere is the mean divergence of the posterior from Q."""
    joint = COUNTS.double() / COUNTS.sum()
    posterior = joint / joint.sum(0)  # (3, 4)
    known = (joint * (joint / joint.sum(0) / joint.sum(1, keepdim=True)).log()).sum()
    codes, x = whole_population(COUNTS)
    of = Codes((3,), 0)
    best = of.information(posterior.log().T[x], codes)[0]
    record(METHOD, MODULE, "bound at the posterior", "mutual information of a channel", error=error(best, known), **EXACT)
    for seed in range(5):
        logits = randn(4, 3, seed=seed)
        gap = (joint.sum(0) * (posterior * (posterior.log() - logits.log_softmax(1).T)).sum(0)).sum()
        bound = of.information(logits[x], codes)[0]
        record(METHOD, MODULE, f"bound of Q {seed}", "information minus divergence", error=error(bound, known - gap), **EXACT)
        assert bound < known


def test_a_code_that_is_not_used_says_nothing(record):
    """Q the prior: zero for a categorical code; a normal guess at a uniform code loses what the two differ by."""
    codes = Codes((4, 2), 1)
    outputs = torch.zeros(1000, codes.outputs, dtype=torch.float64)
    drawn = codes.sample(1000, generator=seeded()).double()
    drawn[:, 6] = torch.linspace(-1, 1, 2001, dtype=torch.float64)[1::2]  # midpoints: their mean square is 1/3 - 1/3e6
    outputs[:, 7] = -math.log(3) / 2  # the variance of a uniform code
    expected = torch.tensor([0, 0, math.log(2) - math.log(2 * math.pi * math.e / 3) / 2], dtype=torch.float64)
    found = codes.information(outputs, drawn)
    record(
        METHOD,
        MODULE,
        "Q without knowledge",
        "entropy and cross-entropy",
        error=error(found, expected),
        tolerance=1e-5,
        dtype=torch.float64,
    )


def test_a_noiseless_code_is_known_in_full(record):
    codes = Codes((5,), 0)
    drawn = codes.sample(64, generator=seeded()).double()
    found = codes.information(drawn * 50, drawn)
    record(METHOD, MODULE, "Q certain and right", "log 5", error=abs(found.item() - math.log(5)), **EXACT)


@pytest.mark.parametrize("noise", [0.1, 0.5])
def test_the_bound_of_a_continuous_code_by_quadrature(noise, record):
    """x = c + noise: the information is the entropy of x minus that of the noise, by sums over a grid, and above the bound."""
    c = torch.linspace(-1, 1, 4002, dtype=torch.float64)[1:-1]
    x = torch.linspace(-6, 6, 6001, dtype=torch.float64)
    density = ((x[:, None] - c) / noise).square().neg().div(2).exp().mean(1) / (noise * math.sqrt(2 * math.pi))
    step = (x[1] - x[0]).item()
    known = (torch.special.entr(density).sum() * step).item() - math.log(2 * math.pi * math.e * noise**2) / 2
    share = (1 / 3) / (1 / 3 + noise**2)  # the best linear guess and what it leaves
    left = share * noise**2
    drawn = Codes((), 1).sample(200_000, generator=seeded()).double()
    seen = drawn + noise * torch.randn(drawn.shape, generator=seeded(4), dtype=torch.float64)
    outputs = torch.cat([share * seen, torch.full_like(seen, math.log(left) / 2)], 1)
    bound = Codes((), 1).information(outputs, drawn).item()
    expected = math.log(2) - math.log(2 * math.pi * math.e * left) / 2
    record(
        METHOD,
        MODULE,
        f"linear guess, noise {noise}",
        "its cross-entropy",
        error=abs(bound - expected),
        tolerance=0.01,
        dtype=torch.float64,
    )
    assert 0 < expected < known < expected + 0.2


def test_codes_are_drawn_as_they_should_be():
    codes = Codes((3, 2), 2)
    assert (codes.size, codes.outputs) == (7, 9)
    drawn = codes.sample(6000, generator=seeded())
    assert drawn.shape == (6000, 7) and drawn.dtype == torch.get_default_dtype()
    assert torch.equal(drawn[:, :3].sum(1), torch.ones(6000)) and torch.equal(drawn[:, 3:5].sum(1), torch.ones(6000))
    assert set(drawn[:, :5].unique().tolist()) == {0.0, 1.0}
    counts = drawn[:, :5].sum(0)
    assert ((counts[:3] - 2000).abs() < 4 * math.sqrt(6000 * 2 / 9)).all() and ((counts[3:] - 3000).abs() < 4 * math.sqrt(1500)).all()
    uniform = drawn[:, 5:]
    assert uniform.min() >= -1 and uniform.max() <= 1 and uniform.min() < -0.99 and uniform.max() > 0.99
    assert (uniform.mean(0).abs() < 4 / math.sqrt(3 * 6000)).all()
    assert torch.corrcoef(drawn[:, [0, 3, 5, 6]].T).triu(1).abs().max() < 4 / math.sqrt(6000)
    assert torch.equal(drawn, codes.sample(6000, generator=seeded())) and codes.sample(0).shape == (0, 7)


def test_draws_come_from_the_global_generator_too():
    torch.manual_seed(5)
    first = Codes().sample(4)
    torch.manual_seed(5)
    assert torch.equal(first, Codes().sample(4)) and not torch.equal(first, Codes().sample(4))
    assert Codes().categories == (10,) and Codes().continuous == 2


def test_draws_follow_the_generator_to_its_device():
    with torch.device("meta"):
        assert Codes((3,), 1).sample(2).device.type == "meta"
        assert Codes((3,), 1).sample(2, generator=seeded()).device.type == "cpu"


def test_each_code_has_its_own_part():
    """The outputs for one code move its part alone."""
    codes = Codes((3, 2), 2)
    outputs, drawn = randn(6, 9, seed=1), codes.sample(6, generator=seeded()).double()
    before = codes.information(outputs, drawn)
    for part, columns in enumerate(([0, 1, 2], [3, 4], [5, 7], [6, 8])):
        moved = outputs.clone()
        moved[:, columns] += rand(6, len(columns), seed=2)
        changed = codes.information(moved, drawn) != before
        assert changed.tolist() == [i == part for i in range(4)]
