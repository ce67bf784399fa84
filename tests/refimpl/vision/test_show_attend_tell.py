"""What is special to captioning: causality, the penalty's zero, the estimate of hard attention, and captions that are learned."""

from __future__ import annotations

import inspect

import pytest
import torch
import torch.nn.functional as F

from refimpl.vision.show_attend_tell import CaptionDecoder, doubly_stochastic, hard_attention_loss, soft_attention_loss
from tests.refimpl.harness.case import rand, randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.vision.cases_show_attend_tell import FEATURES, METHOD, TOKENS, UNIFORM, WEIGHTS, small

MODULE = "refimpl.vision.show_attend_tell"


def test_words_and_weights_see_only_the_past():
    model = randomize(small())
    logits, weights = model(FEATURES, TOKENS)
    changed = TOKENS.clone()
    changed[:, 2] = 0
    other = model(FEATURES, changed)
    assert torch.equal(other[0][:, :2], logits[:, :2]) and torch.equal(other[1], weights)  # attention comes before the word
    assert not torch.equal(other[0][:, 2], logits[:, 2])
    assert error(weights.sum(2), torch.ones(3, 3)) < 1e-14


def test_locations_have_no_order(record):
    model, order = randomize(small()), torch.tensor([2, 0, 3, 1])
    logits, weights = model(FEATURES, TOKENS)
    moved, moved_weights = model(FEATURES[:, order], TOKENS)
    gap = max(error(moved, logits), error(moved_weights, weights[:, :, order]))
    record(METHOD, MODULE, "permuted locations", "permuted weights", error=gap, tolerance=1e-13, dtype=torch.float64)


def test_penalty_is_zero_where_each_location_gets_one():
    assert doubly_stochastic(torch.eye(5)[None]).item() == 0.0
    assert doubly_stochastic(torch.full((1, 4, 4), 0.25)).item() == 0.0
    assert doubly_stochastic(torch.tensor([[[1.0, 0, 0]] * 3])).item() == 4 + 1 + 1
    parameters = inspect.signature(soft_attention_loss).parameters
    assert parameters["penalty"].default == 1.0
    assert doubly_stochastic(WEIGHTS.half()).dtype == torch.float16


def test_hard_attention_looks_at_one_place():
    """With uniform numbers below the first weight the first location alone counts; near one, the last."""
    model = randomize(small(True))
    for level, place in ((0.0, 0), (1.0, 3)):
        logits, weights, drawn = model(FEATURES, TOKENS, torch.full((3, 3), level, dtype=torch.float64))
        assert error(drawn, weights[:, :, place].log()) < 1e-12
        changed = FEATURES.clone()
        changed[:, [i for i in range(4) if i != place]] += 1e-3  # moves mean and weights, but the same place is drawn
        assert model(changed, TOKENS, torch.full((3, 3), level, dtype=torch.float64))[0].shape == logits.shape


def test_a_place_without_weight_is_never_drawn():
    model = randomize(small(True))
    with torch.no_grad():
        model.attention.v.mul_(1e5)
    _, weights, drawn = model(FEATURES, TOKENS, torch.zeros(3, 3, dtype=torch.float64))
    assert (weights[:, :, 0] == 0).any() and (drawn.exp() > 0).all()


def test_draws_follow_the_weights():
    torch.manual_seed(3)
    model = randomize(small(True))
    features = FEATURES[:1].expand(4000, -1, -1)
    with torch.no_grad():
        _, weights, drawn = model(features, TOKENS[:1, :1].expand(4000, -1))
    p = weights[0, 0]
    for i in range(4):
        share = ((drawn[:, 0] - p[i].log()).abs() < 1e-9).double().mean()
        assert abs(share - p[i]) < 4.5 * (p[i] * (1 - p[i]) / 4000) ** 0.5
    assert not torch.equal(model(FEATURES, TOKENS)[2], model(FEATURES, TOKENS)[2])


def test_the_estimate_is_unbiased(record):
    """Averaged over all places by their weights, the gradient is that of the expected log-likelihood, whatever the baseline."""
    scores = randn(4, seed=1).requires_grad_()
    reward = randn(4, seed=2)
    (expected,) = torch.autograd.grad(-(scores.softmax(0) * reward).sum(), scores)
    for baseline in (0.0, 3.0):
        total = torch.zeros(4, dtype=torch.float64)
        for i, p in enumerate(scores.softmax(0).tolist()):
            loss, _ = hard_attention_loss(reward[i : i + 1], scores.log_softmax(0)[i : i + 1], scores[:1] * 0, baseline)
            total += p * torch.autograd.grad(loss, scores)[0]
        what, oracle = f"mean gradient, baseline {baseline:g}", "gradient of the expectation"
        record(METHOD, MODULE, what, oracle, error=error(total, expected), tolerance=1e-13, dtype=torch.float64)


def test_terms_of_the_estimate():
    like, drawn, entropy = (v.clone().requires_grad_() for v in rand(3, 2, seed=1))
    loss, baseline = hard_attention_loss(like, drawn, entropy, 0.4, 0.7, 0.3)
    found = torch.autograd.grad(loss, (like, drawn, entropy))
    expected = torch.full((2,), -0.5), -0.7 * (like - 0.4).detach() / 2, torch.full((2,), -0.15)
    assert all(error(a, e) < 1e-6 for a, e in zip(found, expected, strict=True))
    assert baseline == pytest.approx(0.9 * 0.4 + 0.1 * like.mean().item())
    values = like - like + 1.0, drawn, entropy
    default = hard_attention_loss(*values, 0.0)[0]
    assert error(default, hard_attention_loss(*values, 0.0, 1.0, 0.01)[0]) == 0


def test_captions_end():
    model = randomize(small())
    found = model.caption(FEATURES, 5, 1, 7)
    assert found.shape[0] == 3 and found.shape[1] <= 7
    assert torch.equal(found[:, 0], model(FEATURES, TOKENS[:, :1])[0][:, 0].argmax(1))
    with torch.no_grad():
        model.output.bias[1] += 100
    assert model.caption(FEATURES, 5, 1).tolist() == [[1]] * 3
    with torch.no_grad():
        model.output.bias[1] -= 200
    assert model.caption(FEATURES, 5, 1).shape == (3, 20)
    repeated = model.caption(FEATURES, 5, int(model.caption(FEATURES, 5, 1)[0, 0]))
    assert (repeated[0] == repeated[0, 0]).all()


def test_tensors_are_made_where_the_inputs_are():
    """With another device as PyTorch's default the answers are the same."""
    soft, hard = randomize(small()), randomize(small(True))
    lengths = torch.tensor([1, 3, 2])
    calls = [
        lambda: soft.caption(FEATURES, 5, 1, 4),
        lambda: soft_attention_loss(*soft(FEATURES, TOKENS)[:1], TOKENS, WEIGHTS, 1.0, lengths),
        lambda: torch.cat(hard(FEATURES, TOKENS, UNIFORM)[:2], 2),
        lambda: hard(FEATURES[:, :1], TOKENS)[0],  # one place to draw
    ]
    expected = [call() for call in calls]
    with torch.device("meta"):
        found = [call() for call in calls]
    assert all(torch.equal(a, e) for a, e in zip(found, expected, strict=True))


def test_factory_arguments():
    made = CaptionDecoder(3, 6, 4, 5, device="meta", dtype=torch.float16)
    assert {(p.device.type, p.dtype) for p in made.parameters()} == {("meta", torch.float16)}
    before = torch.get_rng_state()
    assert len(made.to_empty(device="cpu")(FEATURES.half(), TOKENS)) == 2  # soft attention by default, which draws nothing
    assert torch.equal(torch.get_rng_state(), before)


def task(count):
    """Four places, each with one of five things; the caption names them from left to right."""
    things = torch.randint(0, 5, (count, 4))
    return torch.cat((F.one_hot(things, 5), torch.eye(4).expand(count, -1, -1)), 2).float(), things


@pytest.mark.slow
@pytest.mark.parametrize("hard", [False, True])
def test_it_learns_where_to_look(hard, record):
    torch.manual_seed(0)
    model, baseline = CaptionDecoder(9, 7, 16, 32, hard), 0.0
    adam = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(500 if hard else 120):
        features, things = task(32)
        target = F.pad(things, (0, 1), value=6)
        logits, weights, *drawn = model(features, F.pad(things, (1, 0), value=5))
        if hard:
            like = -F.cross_entropy(logits.transpose(1, 2), target, reduction="none").sum(1)
            entropy = -(weights * weights.clamp(min=1e-9).log()).sum((1, 2))
            loss, baseline = hard_attention_loss(like, drawn[0].sum(1), entropy, baseline, 1.0, 0.1)
        else:
            loss = soft_attention_loss(logits, target, weights, 0.1)
        adam.zero_grad()
        loss.backward()
        adam.step()
    features, things = task(300)
    wrong = (model.caption(features, 5, 6, 5)[:, :4] != things).any(1).double().mean().item()
    what = f"share of wrong captions, {'hard' if hard else 'soft'} attention"
    record(METHOD, MODULE, what, "the truth", error=wrong, tolerance=0.1)
