"""What is special to dropout: PyTorch's draws, expectation and variance over the masks, the two modes, p of 0 and 1."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from refimpl.training.dropout import Dropout, dropout, dropout_mask, linear_variance, original_dropout
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error
from tests.refimpl.training.cases_dropout import METHOD, WEIGHT, X

MODULE = "refimpl.training.dropout"
N = 200_000


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_draws_are_those_of_torch(p, dtype, record):
    """On the CPU the same seed keeps the same units and gives the same numbers, to the last bit."""
    for shape in ((7,), (16,), (33, 5), (2, 3, 17, 9)):
        x = randn(*shape, seed=len(shape)).to(dtype)
        torch.manual_seed(5)
        expected = F.dropout(x, p)
        torch.manual_seed(5)
        actual = dropout(x, p)
        assert torch.equal(dropout_mask(x, p, generator=seeded(5)), expected != 0)
        record(
            METHOD, MODULE, f"same seed, p = {p}", "torch.nn.functional.dropout", error=error(actual, expected), tolerance=0.0, dtype=dtype
        )


def test_defaults_are_those_of_torch():
    torch.manual_seed(1)
    expected = F.dropout(X), nn.Dropout()(X)
    torch.manual_seed(1)
    assert all(torch.equal(a, e) for a, e in zip((dropout(X), Dropout()(X)), expected, strict=True))
    assert torch.equal(original_dropout(X, generator=seeded(2)), X * dropout_mask(X, 0.5, generator=seeded(2)))
    assert torch.equal(dropout_mask(X, generator=seeded(2)), dropout_mask(X, 0.5, generator=seeded(2)))
    assert torch.equal(original_dropout(X, training=False), X / 2)
    assert repr(Dropout(0.3)) == "Dropout(p=0.3)"
    assert Dropout(0.3).state_dict() == {}


def over_masks(f, p: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and variance of ``f(mask)`` over all masks of five units, exactly."""
    masks = torch.tensor(list(itertools.product([False, True], repeat=5)))
    chance = torch.tensor([math.prod((1 - p) if kept else p for kept in m) for m in masks.tolist()], dtype=torch.float64)
    draws = torch.stack([f(m) for m in masks], -1)
    mean = (draws * chance).sum(-1)
    return mean, ((draws - mean.unsqueeze(-1)) ** 2 * chance).sum(-1)


@pytest.mark.parametrize("p", [0.2, 0.5, 0.7])
def test_expectation_is_kept(p, record):
    """Over all 32 masks: the mean in training is the output in evaluation, of either form."""
    for name, f in (("inverted", dropout), ("original", original_dropout)):
        mean, _ = over_masks(lambda m, f=f: F.linear(f(X, p, mask=m), WEIGHT), p)
        gap = error(mean, F.linear(f(X, p, training=False), WEIGHT))
        record(
            METHOD, MODULE, f"expectation, {name}, p = {p}", "all masks", error=gap, tolerance=1e-14, dtype=X.dtype, shapes="(3,5) (4,5)"
        )


@pytest.mark.parametrize("p", [0.2, 0.5, 0.7])
def test_variance_over_the_masks(p, record):
    _, variance = over_masks(lambda m: F.linear(dropout(X, p, mask=m), WEIGHT), p)
    gap = error(linear_variance(X, WEIGHT, p), variance)
    record(METHOD, MODULE, f"variance, p = {p}", "all masks", error=gap, tolerance=1e-13, dtype=X.dtype, shapes="(3,5) (4,5)")


@pytest.mark.parametrize("p", [0.2, 0.7])
def test_draws_have_the_right_distribution(p, device, record):
    """Kept share, mean and variance of drawn outputs within five standard errors; neighbors independent."""
    g = torch.Generator(device).manual_seed(7)
    x = randn(8, seed=8).to(device)
    mask = dropout_mask(x.expand(N, 8), p, generator=g)
    assert mask.dtype == torch.bool
    share = mask.double().mean(0)
    z = (share - (1 - p)).abs().max().item() / math.sqrt(p * (1 - p) / N)
    record(METHOD, MODULE, f"kept share, p = {p}, standard errors", "closed form", error=z, tolerance=5.0)
    both = (mask[:, :-1] & mask[:, 1:]).double().mean(0)
    joint = (1 - p) ** 2
    z = (both - joint).abs().max().item() / math.sqrt(joint * (1 - joint) / N)
    record(METHOD, MODULE, f"neighbors kept together, p = {p}, standard errors", "closed form", error=z, tolerance=5.0)
    y = dropout(x.expand(N, 8), p, generator=g).sum(1)
    expected = linear_variance(x, torch.ones(1, 8, dtype=x.dtype, device=device), p).item()
    z = abs(y.mean() - x.sum()).item() / math.sqrt(expected / N)
    record(METHOD, MODULE, f"mean of a sum of units, p = {p}, standard errors", "closed form", error=z, tolerance=5.0)
    fourth = ((y - y.mean()) ** 4).mean().item()
    z = abs(y.var().item() - expected) / math.sqrt((fourth - expected**2) / N)
    record(METHOD, MODULE, f"variance of a sum of units, p = {p}, standard errors", "closed form", error=z, tolerance=5.0)


def test_generator_is_used_and_no_other():
    state = torch.get_rng_state()
    x = torch.ones(50)
    for f in (dropout, original_dropout, dropout_mask):
        first, again, other = (f(x, 0.4, generator=seeded(s)) for s in (3, 3, 4))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)
    g = seeded(3)
    assert not torch.equal(dropout(x, generator=g), dropout(x, generator=g)), "a fresh mask for each call"


def test_p_of_zero_and_evaluation_return_the_input():
    """The very tensor, and no random number is drawn."""
    state = torch.get_rng_state()
    assert dropout(X, 0.0) is X
    assert dropout(X, 0.7, training=False) is X
    assert dropout(X, 1.0, training=False) is X
    assert Dropout(0.7).eval()(X) is X
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(original_dropout(X, 0.0), X)
    assert torch.equal(original_dropout(X, 0.0, training=False), X)
    assert dropout_mask(X, 0.0).all()
    assert Dropout(0.0)(X) is X


def test_p_of_one_drops_everything():
    x = X.clone().requires_grad_()
    for f in (dropout, original_dropout):
        y = f(x, 1.0)
        (gradient,) = torch.autograd.grad(y.sum(), x)
        assert torch.equal(y, 0 * X)
        assert torch.equal(gradient, 0 * X)
    assert not dropout_mask(X, 1.0).any()
    assert torch.equal(original_dropout(X, 1.0, training=False), 0 * X)
    assert torch.equal(Dropout(1.0)(X), 0 * X)


def test_gradient_passes_through_the_kept_units():
    x = X.clone().requires_grad_()
    dropout(x, 0.6, generator=seeded(9)).sum().backward()
    assert torch.equal(x.grad, dropout_mask(X, 0.6, generator=seeded(9)) / 0.4)


def test_layer_follows_its_mode():
    layer = Dropout(0.4)
    x = torch.ones(100)
    assert not torch.equal(layer(x), layer(x))
    assert sorted(set(layer(x).tolist())) == pytest.approx([0.0, 1 / 0.6])
    assert torch.equal(layer.eval()(x), x)
    assert layer.train()(x).eq(0).any()


def test_mask_is_shared_by_those_who_pass_it():
    """One mask for all steps of a sequence: what is dropped once is dropped always."""
    steps = torch.ones(6, 4, 5)
    y = dropout(steps, 0.5, mask=dropout_mask(steps[:1], 0.5, generator=seeded(2)))
    assert torch.equal(y, y[:1].expand_as(y))
    assert 0 < y[0].eq(0).sum() < 20


def test_input_is_left_alone_and_layout_kept():
    x = torch.ones(4, 6).t()
    y = dropout(x, 0.5)
    assert x.eq(1).all()
    assert y.stride() == x.stride()
