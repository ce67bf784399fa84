"""What is special to targeted dropout: how many weights stay, which ones, and layers whose weight it drops."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils import parametrize

from refimpl.training.targeted_dropout import TargetedDropout, prune, target, targeted_dropout
from tests.refimpl.harness.case import randn
from tests.refimpl.training.cases_targeted_dropout import DENSE, METHOD

MODULE = "refimpl.training.targeted_dropout"


def test_share_of_weights_kept(record):
    """1 - gamma alpha, within 5 standard errors of the number of targets."""
    w = randn(50, 400, seed=5)
    for units in (False, True):
        draws = torch.stack([targeted_dropout(w, 0.4, 0.3, units=units) for _ in range(100)])
        kept = (draws != 0).double().mean().item()
        targets = 100 * (20 if units else 50 * 160)
        spread = (0.3 * 0.7 / targets) ** 0.5 * 0.4
        what = f"share of {'units' if units else 'weights'} kept, standard errors"
        record(METHOD, MODULE, what, "1 - gamma alpha", error=abs(kept - 0.88) / spread, tolerance=5.0, dtype=w.dtype)
        assert torch.equal(draws[draws != 0], w.expand_as(draws)[draws != 0]), "the others are as they were"


def test_only_targets_fall_and_each_falls_at_times():
    for units in (False, True):
        draws = torch.stack([targeted_dropout(DENSE, 0.6, 0.5, units=units) for _ in range(200)]) == 0
        pruned = targeted_dropout(DENSE, 0.6, 0.5, training=False, units=units) == 0
        assert torch.equal(draws.any(0), pruned) and not draws.all(0).any()
        assert pruned.sum() == (21 if units else 20)  # three of five rows, or four of seven weights in each


def test_targets_are_the_smallest():
    assert target(torch.tensor([3.0, 1.0, 2.0, 0.5]), 0.5).tolist() == [False, True, False, True]
    assert target(torch.tensor([3.0, 1.0, 2.0, 0.5]), 0.74).sum() == 2
    assert target(torch.ones(2, 10), 0.3).sum(1).tolist() == [3, 3], "as many where all are equal"
    assert not target(torch.ones(4), 0.0).any() and target(torch.ones(4), 1.0).all()
    w = torch.tensor([[3.0, 0.0], [1.0, 1.0], [0.0, 2.0]])
    assert targeted_dropout(w, 0.34, training=False, units=True).tolist() == [[3, 0], [0, 0], [0, 2]], "by length, not by sum"
    assert targeted_dropout(-w[::2], 0.5, training=False).tolist() == [[-3, 0], [0, -2]], "by magnitude, not by value"


def test_shares_of_none_and_all():
    for gamma, alpha in ((0.0, 1.0), (1.0, 0.0)):
        assert torch.equal(targeted_dropout(DENSE, gamma, alpha), DENSE)
    assert not targeted_dropout(DENSE, 1.0, 1.0).any()


def test_no_gradient_reaches_what_is_dropped():
    w = DENSE.clone().requires_grad_()
    y = targeted_dropout(w, 0.6, 0.5)
    y.sum().backward()
    assert torch.equal(w.grad, (y != 0).double())


def test_a_generator_can_be_given():
    state = torch.get_rng_state()
    first, again = (targeted_dropout(DENSE, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again) and torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(first, targeted_dropout(DENSE, generator=torch.Generator().manual_seed(4)))


def test_layers_follow_their_mode_and_are_pruned_for_good():
    model = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Conv1d(6, 4, 3)).double()
    plain = [model[i].weight.detach().clone() for i in (0, 2)]
    parametrize.register_parametrization(model[0], "weight", TargetedDropout(0.5, 0.9))
    parametrize.register_parametrization(model[2], "weight", TargetedDropout(0.5, 0.9, units=True))
    assert not torch.equal(model[0].weight, model[0].weight)
    model.eval()
    expected = [targeted_dropout(w, 0.5, training=False, units=i == 1) for i, w in enumerate(plain)]
    assert all(torch.equal(model[i].weight, e) for i, e in zip((0, 2), expected, strict=True))
    model.train()
    other = parametrize.register_parametrization(nn.Linear(2, 2), "bias", nn.Identity())
    model.append(other)
    assert prune(model) is model
    assert all(torch.equal(model[i].weight, e) for i, e in zip((0, 2), expected, strict=True))
    assert isinstance(model[0].weight, nn.Parameter) and parametrize.is_parametrized(other)
    assert model.training


def test_defaults_and_repr():
    layer = TargetedDropout()
    assert repr(layer) == "TargetedDropout(gamma=0.5, alpha=0.5, units=False)"
    assert repr(TargetedDropout(0.1, 0.2, True)) == "TargetedDropout(gamma=0.1, alpha=0.2, units=True)"
    torch.manual_seed(1)
    expected = targeted_dropout(DENSE)
    torch.manual_seed(1)
    assert torch.equal(layer(DENSE), expected)
