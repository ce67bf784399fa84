"""Probabilities that sum to one, the best of all readings, coverage by hand, images drawn as told, and a model that learns to read."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from refimpl.data import digits_split
from refimpl.vision.captcha import CaptchaReader, coverage, draw, read, sequence_log_prob, transcription_loss
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error
from tests.refimpl.vision.cases_captcha import CHARACTERS, CLASSES, IMAGES, LENGTHS, LOGITS, METHOD

MODULE = "refimpl.vision.captcha"
GENEROUS = torch.randn(60, 4, generator=torch.Generator().manual_seed(6), dtype=torch.float64), randn(60, 3, 2, seed=7)


def sequences(places, classes):
    """Every sequence of at most so many characters, filled up with 0, and its length."""
    found = [(s, n) for n in range(places + 1) for s in product(range(classes), repeat=n)]
    return torch.tensor([(*s, *(0,) * (places - n)) for s, n in found]), torch.tensor([n for _, n in found])


def every_log_prob(length_logits, character_logits):
    """``(B, sequences)``."""
    characters, lengths = sequences(*character_logits.shape[1:])
    many = len(lengths)
    return torch.stack(
        [
            sequence_log_prob(a.expand(many, -1), c.expand(many, -1, -1), characters, lengths)
            for a, c in zip(length_logits, character_logits, strict=True)
        ]
    )


def test_probabilities_of_all_sequences_sum_to_one(record):
    total = every_log_prob(*LOGITS).exp().sum(1)
    record(METHOD, MODULE, "sum over 85 sequences", "1", error=error(total, torch.ones(3).double()), tolerance=1e-14, dtype=total.dtype)


def test_reads_the_best_of_all_sequences(record):
    characters, lengths, best = read(*GENEROUS)
    all_characters, all_lengths = sequences(3, 2)
    value, which = every_log_prob(*GENEROUS).max(1)
    record(METHOD, MODULE, "log-probability of the reading", "all sequences", error=error(best, value), tolerance=1e-14, dtype=best.dtype)
    assert torch.equal(lengths, all_lengths[which]) and set(lengths.tolist()) == {0, 1, 2, 3}
    behind = torch.arange(3) >= lengths[:, None]
    assert torch.equal(characters, all_characters[which].masked_fill(behind, -1))


def test_places_behind_the_end_do_not_matter():
    logits = [v.clone().requires_grad_() for v in LOGITS]
    transcription_loss(*logits, CHARACTERS.clamp(max=3), LENGTHS).backward()
    used = torch.arange(3) < LENGTHS[:, None]
    slope = logits[1].grad.abs().amax(-1)
    assert (slope[~used] == 0).all() and (slope[used] > 0).all()
    assert torch.equal(sequence_log_prob(*LOGITS, CHARACTERS.where(used, 99), LENGTHS), sequence_log_prob(*LOGITS, CHARACTERS, LENGTHS))


def test_loss_is_the_mean():
    log_prob = sequence_log_prob(*LOGITS, CHARACTERS.clamp(max=3), LENGTHS)
    assert transcription_loss(*LOGITS, CHARACTERS.clamp(max=3), LENGTHS) == -log_prob.sum() / 3


@pytest.mark.parametrize(
    ("confidence", "correct", "accuracy", "expected"),
    [
        ([0.9, 0.8, 0.7, 0.6], [1, 1, 0, 1], 1.0, 0.5),
        ([0.6, 0.9, 0.7, 0.8], [1, 1, 0, 1], 0.75, 1.0),
        ([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0], 0.6, 0.75),
        ([0.9, 0.8], [0, 1], 0.8, 0.0),
        ([0.9, 0.9, 0.5], [1, 0, 0], 1.0, 0.0),
        ([0.5, 0.5], [1, 1], 1.0, 1.0),
        ([0.5], [0], 0.0, 1.0),
    ],
)
def test_coverage_by_hand(confidence, correct, accuracy, expected, record):
    found = coverage(torch.tensor(confidence), torch.tensor(correct).bool(), accuracy)
    record(
        METHOD,
        MODULE,
        f"coverage of {confidence}, {correct} at {accuracy}",
        "by hand",
        error=abs(found - expected),
        tolerance=0.0,
        dtype=torch.float64,
    )


def test_images_hold_the_characters_that_they_say():
    """Without noise and strokes, each place holds one of the pictures of its class, and nothing stands elsewhere."""
    torch.manual_seed(0)
    images, characters, lengths = draw(IMAGES, CLASSES, 200, 3, least=0, noise=0.0, strokes=0)
    assert images.shape == (200, 1, 12, 30) and set(lengths.tolist()) == {0, 1, 2, 3}
    spots = set()
    for image, sequence, n in zip(images[:, 0], characters.tolist(), lengths.tolist(), strict=True):
        assert image[:, 10 * n :].abs().max() == 0 if n < 3 else True
        assert all(c == 0 for c in sequence[n:])
        for i, c in enumerate(sequence[:n]):
            cell = image[:, 10 * i : 10 * i + 10]
            fits = [
                (k, top, left)
                for k in (c == CLASSES).nonzero()[:, 0].tolist()
                for top in range(5)
                for left in range(3)
                if torch.equal(cell[top : top + 8, left : left + 8], IMAGES[k, 0]) and cell.sum().isclose(IMAGES[k].sum())
            ]
            assert len(fits) == 1
            spots.add(fits[0])
    assert {s[0] for s in spots} == set(range(5)) and {s[1] for s in spots} == set(range(5)) and {s[2] for s in spots} == {0, 1, 2}


def test_strokes_and_noise():
    blank, classes = torch.zeros(1, 1, 8, 8, dtype=torch.float64), torch.zeros(1, dtype=torch.int64)
    once, _, _ = draw(blank, classes, 300, 2, noise=0.0, strokes=1, generator=torch.Generator().manual_seed(1))
    assert set(once.unique().tolist()) == {0.0, 0.7}
    assert (once > 0).sum(2).eq(1).all()
    rows = once[:, 0].argmax(1)
    assert (rows.diff().abs() <= 1).all() and set(rows[:, 0].tolist()) == set(rows[:, -1].tolist()) == set(range(12))
    assert ((rows.diff().sign().amin(1) >= 0) | (rows.diff().sign().amax(1) <= 0)).all()
    assert 200 < (rows[:, 0] != rows[:, -1]).sum() < 300 and (rows[:, 10] - (rows[:, 0] + rows[:, -1]) / 2).abs().max() <= 1.5
    none, _, _ = draw(blank, classes, 300, 2, noise=0.2, strokes=0)
    assert none.min() == 0 < none.max() < 1.2 and (none != none.float().double()).any()
    assert draw(blank.half(), classes, 1, 1)[0].dtype == torch.float16
    assert (none > 0).float().mean().item() == pytest.approx(0.5, abs=4 * 0.5 / 72_000**0.5)
    assert none.square().mean().item() == pytest.approx(0.02, abs=4 * 0.0005)


def test_same_generator_same_images():
    first, second = (draw(IMAGES, CLASSES, 3, 2, generator=torch.Generator().manual_seed(5)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert draw(IMAGES.float(), CLASSES, 2, 1)[0].dtype == torch.float32 and draw(IMAGES, CLASSES, 0, 1)[0].shape == (0, 1, 12, 10)
    told = draw(IMAGES, CLASSES, 3, 2, least=1, noise=0.1, strokes=1, generator=torch.Generator().manual_seed(5))
    assert all(torch.equal(a, b) for a, b in zip(first, told, strict=True))
    assert first[0].dtype == torch.float64 and (first[0] != first[0].float().double()).float().mean() > 0.2
    least = draw(IMAGES, CLASSES, 200, 3)[2]
    assert set(least.tolist()) == {1, 2, 3}


def test_a_head_for_the_length_and_each_place():
    length, characters = CaptchaReader(3, 5, 1)(torch.zeros(2, 1, 12, 30))
    assert length.shape == (2, 4) and characters.shape == (2, 3, 5)
    only = torch.zeros(2, 3, 1)
    assert (
        sequence_log_prob(torch.zeros(2, 4), only, torch.zeros(2, 3, dtype=torch.int64), torch.tensor([0, 2])).exp().tolist() == [0.25] * 2
    )


def test_tensors_are_made_where_the_inputs_are():
    characters = CHARACTERS.clamp(max=3)
    expected, reading = sequence_log_prob(*LOGITS, characters, LENGTHS), read(*LOGITS)
    with torch.device("meta"):
        assert torch.equal(sequence_log_prob(*LOGITS, characters, LENGTHS), expected)
        assert all(torch.equal(a, b) for a, b in zip(read(*LOGITS), reading, strict=True))
        assert coverage(torch.tensor([0.9, 0.8], device="cpu"), torch.tensor([1, 0], device="cpu") > 0, 1.0) == 0.5
        images, _, _ = draw(IMAGES, CLASSES, 3, 2, generator=torch.Generator("cpu").manual_seed(5))
    assert images.device.type == "cpu"


@pytest.mark.slow
def test_learns_to_read_two_digits():
    torch.manual_seed(0)
    x, y, x_test, y_test = digits_split()
    model = CaptchaReader(2)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    for _ in range(300):
        images, characters, lengths = draw(x, y, 64, 2, strokes=0, noise=0.05)
        optimizer.zero_grad()
        transcription_loss(*model(images), characters, lengths).backward()
        optimizer.step()
    with torch.no_grad():
        images, characters, lengths = draw(x_test, y_test, 500, 2, strokes=0, noise=0.05)
        found, length, confidence = read(*model(images))
    correct = (found.clamp(min=0) == characters).all(1) & (length == lengths)
    assert correct.float().mean() > 0.75 and coverage(confidence, correct, 0.95) > 0.5
