"""What is special to the restricted Boltzmann machine: exact probabilities, the learning rule, Gibbs sampling."""

from __future__ import annotations

import math

import pytest
import torch

from refimpl.foundations import rbm
from refimpl.foundations.rbm import RBM, energy, log_partition
from tests.refimpl.foundations.cases_rbm import METHOD, V, torch_energy
from tests.refimpl.harness.case import randomize
from tests.refimpl.harness.compare import error

MODULE = "refimpl.foundations.rbm"


def states(n):
    return torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * n).view(-1, n)


def machine(visible=4, hidden=3):
    return randomize(RBM(visible, hidden))


def joint(model):
    """p(v, h) of every pair, ``(2^V, 2^H)``, from the energies alone."""
    hidden, visible = model.weight.shape
    v, h = states(visible), states(hidden)
    pairs = torch.stack(
        [torch_energy(None, v, row.expand(len(v), -1), model.weight, model.visible_bias, model.hidden_bias) for row in h], 1
    )
    return torch.softmax(-pairs.flatten(), 0).view_as(pairs).detach()


def test_probabilities_are_those_of_the_energies(record):
    model = machine()
    p, v, h = joint(model), states(4), states(3)
    checks = {
        "p(v)": (model.log_likelihood(v).exp(), p.sum(1)),
        "p(h | v)": (model(v), p / p.sum(1, keepdim=True) @ h),
        "p(v | h)": (model.visible(h), (p / p.sum(0)).T @ v),
        "log Z": (log_partition(model.weight, model.visible_bias, model.hidden_bias), torch.logsumexp(-pair_energies(model).flatten(), 0)),
    }
    for what, (actual, expected) in checks.items():
        record(METHOD, MODULE, what, "all states", error=error(actual, expected), tolerance=1e-13, dtype=torch.float64, shapes="(16,8)")


def pair_energies(model):
    v, h = states(4), states(3)
    args = model.weight, model.visible_bias, model.hidden_bias
    return energy(v.repeat_interleave(8, 0), h.repeat(16, 1), *args).view(16, 8)


def test_rule_is_the_gradient_of_the_free_energies(record):
    """<h v'> of the chain less that of the data, with probabilities of the hidden units."""
    model, chain = machine(), (V + V.roll(1, 0)) % 2
    model.contrastive_divergence(V, steps=0, start=chain).backward()
    n = len(V)
    with torch.no_grad():
        expected = {
            "weight": (model(chain).T @ chain - model(V).T @ V) / n,
            "visible_bias": chain.mean(0) - V.mean(0),
            "hidden_bias": model(chain).mean(0) - model(V).mean(0),
        }
    gap = max(error(p.grad, expected[name]) for name, p in model.named_parameters())
    record(METHOD, MODULE, "learning rule", "differences of correlations", error=gap, tolerance=1e-13, dtype=torch.float64)


def test_with_chains_from_the_model_the_rule_is_the_gradient_of_the_likelihood(record):
    """All visible states, each as often as the model has them, in place of a sample."""
    model = machine()
    (expected,) = torch.autograd.grad(-model.log_likelihood(V).mean(), model.weight)
    p, v = model.log_likelihood(states(4)).exp().detach(), states(4)
    loss = model.free_energy(V).mean() - (p * model.free_energy(v)).sum()
    gap = error(torch.autograd.grad(loss, model.weight)[0], expected)
    record(METHOD, MODULE, "expected learning rule", "gradient of the exact likelihood", error=gap, tolerance=1e-13, dtype=torch.float64)


def test_one_unit_of_each_kind():
    """log p by hand: of four states, each with its own energy."""
    model = machine(1, 1)
    assert error(model.log_likelihood(states(1)).exp(), joint(model).sum(1)) < 1e-14


def test_gibbs_sampling_draws_from_the_model():
    """Of 4000 chains, each state as often as the model says, within 4 standard deviations."""
    model, n = machine(3, 2), 4000
    drawn = model.gibbs(torch.zeros(n, 3, dtype=torch.float64), 30, torch.Generator().manual_seed(0))
    assert set(drawn.unique().tolist()) == {0, 1}
    p = model.log_likelihood(states(3)).exp()
    counts = torch.stack([(drawn == s).all(1).sum() for s in states(3)])
    assert ((counts - n * p).abs() < 4 * (n * p * (1 - p)).sqrt()).all()


def test_one_step_has_the_probabilities_of_two_conditionals():
    """From one state, v after a step has the mean of p(v | h) over h drawn from p(h | v)."""
    model, n = machine(), 6000
    start = V[:1].expand(n, -1)
    mean = model.gibbs(start, generator=torch.Generator().manual_seed(1)).mean(0)
    on = model(V[:1])[0]
    weight = (on * states(3) + (1 - on) * (1 - states(3))).prod(1)
    expected = weight @ model.visible(states(3))
    assert ((mean - expected).abs() < 4 * (expected * (1 - expected) / n).sqrt()).all()
    assert torch.equal(model.gibbs(start, 0), start)


def test_rare_units_are_as_rare_in_half_precision():
    """Visible units that are on with probability sigmoid(-6.75) = .00117: of 80,000, within 4 standard deviations."""
    model, n = RBM(100, 1, dtype=torch.bfloat16), 80_000
    with torch.no_grad():
        model.weight.zero_(), model.visible_bias.fill_(-6.75)
    on = model.gibbs(torch.zeros(800, 100, dtype=torch.bfloat16), generator=torch.Generator().manual_seed(0)).float().sum().item()
    p = torch.sigmoid(torch.tensor(-6.75)).item()
    assert abs(on - n * p) < 4 * (n * p * (1 - p)) ** 0.5


def test_what_is_impossible_is_not_drawn_even_where_0_is(monkeypatch):
    monkeypatch.setattr(torch, "rand", lambda shape, **_: torch.zeros(shape))
    model = RBM(3, 2)
    with torch.no_grad():
        model.visible_bias.fill_(-1e4)
    assert not model.gibbs(V[:, :3].float()).any()


def test_random_numbers_are_on_the_device_of_the_states():
    model = machine()
    with torch.device("meta"):
        drawn = model.gibbs(V)
    assert drawn.device.type == "cpu"


def test_loss_runs_its_own_chain():
    model = machine()
    chain = model.gibbs(V, 2, torch.Generator().manual_seed(2))
    expected = model.free_energy(V).mean() - model.free_energy(chain).mean()
    assert torch.equal(model.contrastive_divergence(V, 2, torch.Generator().manual_seed(2)), expected)
    once = model.gibbs(V, 1, torch.Generator().manual_seed(3))
    assert torch.equal(
        model.contrastive_divergence(V, generator=torch.Generator().manual_seed(3)),
        model.free_energy(V).mean() - model.free_energy(once).mean(),
    )
    assert torch.equal(
        model.contrastive_divergence(V, 2, torch.Generator().manual_seed(2), V[:2]),
        model.free_energy(V).mean() - model.free_energy(model.gibbs(V[:2], 2, torch.Generator().manual_seed(2))).mean(),
    )


def test_learns_two_patterns(record):
    """Half of the probability each: the smallest loss is log 2."""
    torch.manual_seed(0)
    patterns = torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 1]], dtype=torch.float64)
    model = RBM(4, 2, dtype=torch.float64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    for _ in range(250):
        optimizer.zero_grad()
        model.contrastive_divergence(patterns.repeat(8, 1)).backward()
        optimizer.step()
    loss = -model.log_likelihood(patterns).mean().item()
    record(METHOD, MODULE, "nats of two patterns after 250 steps", "log 2 = .693 and a half", error=loss, tolerance=1.2)


def test_the_smaller_kind_of_units_decides_what_can_be_summed(monkeypatch):
    monkeypatch.setattr(rbm, "LARGEST", 2)
    assert log_partition(torch.zeros(2, 3), torch.zeros(3), torch.zeros(2)).isfinite()
    assert log_partition(torch.zeros(3, 2), torch.zeros(2), torch.zeros(3)).isfinite()
    with pytest.raises(ValueError, match="at most 2 visible or hidden units, got 3 and 3"):
        log_partition(torch.zeros(3, 3), torch.zeros(3), torch.zeros(3))
    monkeypatch.undo()
    assert rbm.LARGEST == 20


@pytest.mark.parametrize(("hidden", "visible"), [(2, 40), (40, 2)])
def test_only_states_of_the_smaller_kind_are_summed(hidden, visible):
    """Without weights each of 2^42 states counts 1; 2^40 of them would not fit."""
    log_z = log_partition(torch.zeros(hidden, visible).double(), torch.zeros(visible).double(), torch.zeros(hidden).double())
    assert log_z.item() == pytest.approx(42 * math.log(2), rel=1e-12)


def test_first_weights():
    torch.manual_seed(0)
    model = RBM(200, 100)
    assert (
        abs(model.weight.std().item() - 0.01) < 4 * 0.01 / (2 * 20_000) ** 0.5 and abs(model.weight.mean().item()) < 4 * 0.01 / 20_000**0.5
    )
    assert not model.visible_bias.any() and not model.hidden_bias.any() and repr(model) == "RBM(visible=200, hidden=100)"
