"""Parts of the experiments on models, decoding, rewards and words, checked where the answer is known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from refimpl.experiments import (
    baseline_variance,
    dirac_gan,
    double_q_bias,
    feedback_alignment,
    fixup_depth,
    gram_is_mmd,
    greedy_decoding,
    kernel_width,
    mean_field,
    motion_direction,
    perturbed_labels,
    pixels_in_order,
    prune_ready,
    routing_iterations,
    shared_contexts,
    sharper_digits,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_every_string_is_looked_at_and_a_wide_beam_finds_the_best():
    tables = greedy_decoding.chain(generator())
    assert len(greedy_decoding.STRINGS) == greedy_decoding.SYMBOLS**greedy_decoding.LENGTH
    assert torch.allclose(tables.exp().sum(2), torch.ones(1, dtype=torch.float64))
    by_hand = max(
        sum(tables[t, ([0, *string][t]), symbol].item() for t, symbol in enumerate(string)) for string in greedy_decoding.STRINGS.tolist()
    )
    assert greedy_decoding.largest(tables) == pytest.approx(by_hand)
    assert greedy_decoding.best(tables, 64) == pytest.approx(by_hand)
    assert greedy_decoding.best(tables, 1) <= by_hand


def test_targets_on_noise():
    """The expected maximum of two standard normal numbers is 1 / sqrt(pi); 5,000 draws have a standard error of 0.012."""
    assert double_q_bias.bias(False, 2, generator()) == pytest.approx(math.pi**-0.5, abs=0.06)
    assert double_q_bias.bias(True, 2, generator()) == pytest.approx(0, abs=0.07)


def test_choices_are_greedy_but_for_epsilon():
    values = torch.tensor([0.0, 1.0]).expand(double_q_bias.RUNS, 2)
    chosen = torch.cat([double_q_bias.choose(values, generator(seed)) for seed in range(20)])
    assert chosen.double().mean().item() == pytest.approx(1 - double_q_bias.OPTIMUM, abs=0.015), "five standard errors"
    ties = torch.cat([double_q_bias.choose(torch.zeros_like(values), generator(seed)) for seed in range(20)])
    assert ties.double().mean().item() == pytest.approx(0.5, abs=0.035)


def test_gradients_of_episodes_estimate_the_true_one(monkeypatch):
    monkeypatch.setattr(baseline_variance, "EPISODES", 400)
    logits, prizes = torch.randn(2, baseline_variance.LENGTH, baseline_variance.ACTIONS, dtype=torch.float64, generator=generator())
    found = baseline_variance.gradients(logits, prizes, 1.0, True, generator())
    error = (found.mean(0) - baseline_variance.true_gradient(logits, prizes)).abs() / (found.std(0) / 20)
    assert found.shape == (400, *logits.shape) and error.max() < 4.5


def test_mixtures_of_one_and_of_separate_classes():
    x = torch.tensor([[1.0, 1.0], [1.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    one = pixels_in_order.mixture_nats(x, x, torch.zeros(4, dtype=torch.int64))
    assert one == pytest.approx(2 * math.log(2)), "both pixels are on in half of the images"
    two = pixels_in_order.mixture_nats(x, x[:1], torch.tensor([1, 1, 0, 0]))
    assert two == pytest.approx(-math.log(0.5 * 0.75**2 + 0.5 * 0.25**2)), "with one more of either value: 3/4 and 1/4"


def test_dots_move_one_pixel_a_frame():
    frames, way = motion_direction.clips(50, generator())
    assert frames.shape == (50, 4, 1, 8, 8) and (frames.flatten(2).sum(2) == 1).all() and set(way.tolist()) == {0, 1, 2, 3}
    for clip, move in zip(frames, motion_direction.MOVES[way], strict=True):
        assert torch.equal(clip[:-1].roll(tuple(move.tolist()), (2, 3)), clip[1:])


def test_single_frames_cannot_tell_the_order():
    torch.manual_seed(0)
    frames, _ = motion_direction.clips(5, generator())
    alone, shifted = motion_direction.Frames(False), motion_direction.Frames(True)
    assert torch.allclose(alone(frames), alone(frames.flip(1)), atol=1e-5)
    assert not torch.allclose(shifted(frames), shifted(frames.flip(1)), atol=1e-3)


def test_pruning_removes_the_share_it_is_given(monkeypatch):
    monkeypatch.setattr(prune_ready, "EPOCHS", 1)
    data = prune_ready.digit_rows(0)
    model = prune_ready.trained(data, prune_ready.ALPHA, generator())
    assert all((layer.weight != 0).all() for layer in (model[0], model[2])), "the model comes back whole"
    whole = prune_ready.accuracy(model, data.x_test, data.y_test)
    assert prune_ready.pruned_accuracy(model, data, 0.0) == whole
    with torch.no_grad():
        constant = model[4](model[3](model[2].bias)).argmax()
    assert prune_ready.pruned_accuracy(model, data, 1.0) == (data.y_test == constant).double().mean().item()


def test_growth_of_a_fixup_stack_is_one():
    x = torch.rand(10, 1, 8, 8, generator=generator())
    assert fixup_depth.growth(fixup_depth.stack("fixup", 6, generator()), x) == pytest.approx(1, abs=1e-5)
    assert fixup_depth.growth(fixup_depth.stack("he", 6, generator()), x) > 1.5


def test_the_equilibrium_stays_and_one_step_is_by_hand(monkeypatch):
    monkeypatch.setattr(dirac_gan, "STEPS", 2)
    assert dirac_gan.distances(torch.zeros(2, dtype=torch.float64), 0.0, False) == [0, 0]
    theta, psi = 0.6, 0.8
    share = 1 / (1 + math.exp(-theta * psi))  # slope of softplus
    moved = math.hypot(theta + dirac_gan.RATE * share * psi, psi - dirac_gan.RATE * share * theta)
    start = torch.tensor([theta, psi], dtype=torch.float64)
    assert dirac_gan.distances(start, 0.0, True) == pytest.approx([1, moved])
    ahead = psi - dirac_gan.RATE * (share * theta + psi)
    pull = ahead / (1 + math.exp(-theta * ahead))
    assert dirac_gan.distances(start, 1.0, False)[1] == pytest.approx(math.hypot(theta + dirac_gan.RATE * pull, ahead))


def test_a_network_without_random_feedback_has_no_angle():
    torch.manual_seed(0)
    x, y = torch.randn(20, 64), torch.arange(20) % 10
    model = feedback_alignment.network("feedback")
    assert 60 < feedback_alignment.angle(model, x, y) < 120
    for layer in (model[2], model[4]):
        layer.feedback.copy_(layer.weight.detach())
    assert feedback_alignment.angle(model, x, y) < 0.1
    frozen = feedback_alignment.network("frozen")
    assert [p.requires_grad for p in frozen.parameters()] == [False] * 4 + [True] * 2


def test_twins_never_meet_and_partners_always():
    sentences = shared_contexts.text(generator())
    assert sentences.min() == 0 and sentences.max() == shared_contexts.WORDS - 1
    for group in range(shared_contexts.GROUPS):
        twin, partner = ((sentences == word).any(1) for word in (2 * group, shared_contexts.TWINS + 2 * group))
        other_twin, other_partner = ((sentences == word).any(1) for word in (2 * group + 1, shared_contexts.TWINS + 2 * group + 1))
        assert twin.any() and other_twin.any() and not (twin & other_twin).any()
        assert partner.any() and torch.equal(partner, other_partner)
    vectors = torch.zeros(shared_contexts.WORDS, 2)
    vectors[:8:2], vectors[1:8:2] = torch.tensor([1.0, 0.0]), torch.tensor([1.0, 1.0])
    assert shared_contexts.similarity(vectors, 0) == pytest.approx(0.5**0.5)


def test_enlarged_images_keep_their_size_and_a_constant():
    x = torch.full((2, 1, 8, 8), 0.4)
    assert torch.allclose(sharper_digits.enlarged(x), x)


def test_polynomials_fit_what_they_can():
    x = 2 * torch.rand(100, 2, dtype=torch.float64, generator=generator()) - 1
    y = (x[:, 0] + 0.3 > 0).long()
    model = perturbed_labels.polynomial(1)(x, y)
    assert (model(x) == y).double().mean() > 0.9 and model(x).dtype == torch.int64


def test_inputs_have_the_correlation(monkeypatch):
    monkeypatch.setattr(mean_field, "EXAMPLES", 20_000)
    for wanted in (0.0, 0.9):
        found = torch.corrcoef(mean_field.inputs(wanted, generator()).t())[0, 1].item()
        assert found == pytest.approx(wanted, abs=0.04)


def test_couplings_are_equal_at_first_and_settle_where_predictions_agree():
    predictions = torch.zeros(2, 6, 3, 4)
    predictions[:, :, 0] = 3.0  # all agree about the first higher capsule
    predictions[:, :, 1] = 3.0 * torch.tensor([1.0, -1.0] * 3)[:, None]
    assert routing_iterations.doubt(predictions, 1) == pytest.approx(1)
    assert routing_iterations.doubt(predictions, 3) < 0.9


def test_gap_is_relative():
    assert kernel_width.gap(torch.full((2, 2), 3.0), torch.full((2, 2), 2.0)) == pytest.approx(0.5)


def test_random_networks_see_the_stripes():
    model, style = gram_is_mmd.network(generator()), gram_is_mmd.stripes()
    assert style.dtype == torch.float64 and torch.allclose(style[0, 0, 1:, :-1], style[0, 0, :-1, 1:]), "constant along diagonals"
    assert isinstance(model, nn.Sequential) and model(style).shape == (1, gram_is_mmd.CHANNELS, 12, 12) and model(style).std() > 0
