"""Decoding against the loss: exact probabilities of strings, best path, and where the two differ."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from refimpl.recurrent.ctc import ctc_loss
from refimpl.recurrent.ctc_decoding import best_path, collapse, prefix_beam_search
from tests.refimpl.harness.case import randn
from tests.refimpl.recurrent.cases_ctc import METHOD, labels_of

MODULE = "refimpl.recurrent.ctc_decoding"


def test_collapse_merges_before_it_removes_blanks():
    assert collapse([0, 1, 1, 0, 1, 2, 2, 0]) == (1, 1, 2)
    assert collapse([3, 3, 0, 3, 1], blank=3) == (0, 1)
    assert collapse([0, 0]) == collapse([]) == ()
    for path in itertools.product(range(3), repeat=4):
        assert list(collapse(path)) == labels_of(path, 0) and list(collapse(path, 2)) == labels_of(path, 2)


@pytest.mark.parametrize("blank", [0, 2])
def test_a_wide_beam_is_exact(blank, record):
    """With room for all strings each has the probability that the loss gives it, and all sum to one."""
    scores = (2 * randn(4, 3, seed=1)).log_softmax(1)
    found = prefix_beam_search(scores, 1000, blank)
    worst = 0.0
    for string, score in found:
        loss = ctc_loss(scores, torch.tensor(string, dtype=torch.long), 4, len(string), blank=blank, reduction="none")
        worst = max(worst, abs(loss.item() + score))
    record(METHOD, MODULE, f"ln p of all strings, blank {blank}", "ctc_loss", error=worst, tolerance=1e-12, dtype=torch.float64)
    assert math.fsum(math.exp(score) for _, score in found) == pytest.approx(1.0, abs=1e-12)
    scores_in_order = [score for _, score in found]
    possible = {tuple(labels_of(path, blank)) for path in itertools.product(range(3), repeat=4)}
    assert scores_in_order == sorted(scores_in_order, reverse=True)
    assert {string for string, _ in found} == possible and len(found) == len(possible)


def test_best_path_is_not_the_best_string():
    """Two frames, y(blank) = .6, y(1) = .4: the best path is blank, blank with .36, the best string is 1 with .64."""
    scores = torch.tensor([[0.6, 0.4]] * 2).double().log()
    assert best_path(scores.unsqueeze(1)) == [()]
    (best, score), (second, other) = prefix_beam_search(scores, 2)
    assert (
        (best, second) == ((1,), ())
        and math.exp(score) == pytest.approx(0.64, rel=1e-6)
        and math.exp(other) == pytest.approx(0.36, rel=1e-6)
    )


def test_a_narrow_beam_bounds_the_probability_from_below():
    scores = randn(8, 4, seed=3).log_softmax(1)
    exact = dict(prefix_beam_search(scores, 10**6))
    for width in (1, 3, 20):
        found = prefix_beam_search(scores, width)
        assert 0 < len(found) <= width
        assert all(score <= exact[string] + 1e-12 for string, score in found)
    assert prefix_beam_search(scores, 300)[0][0] == max(exact, key=exact.get)
    assert prefix_beam_search(scores, 1)[0][1] < 0 and len(prefix_beam_search(scores, 3)) == 3


def test_best_path_by_argmax():
    scores = randn(6, 3, 4, seed=4)
    expected = [collapse(scores[:n, j].argmax(1).tolist(), 3) for j, n in enumerate((6, 4, 0))]
    assert best_path(scores, (6, 4, 0), 3) == expected
    assert best_path(scores, torch.tensor([6, 4, 0]), 3) == expected
    assert best_path(scores) == [collapse(scores[:, j].argmax(1).tolist()) for j in range(3)]


def test_no_frames_and_impossible_symbols():
    assert prefix_beam_search(torch.zeros(0, 3), 5) == [((), 0.0)]
    scores = torch.tensor([[-math.inf, 0.0], [0.0, -math.inf], [-math.inf, 0.0]])
    assert prefix_beam_search(scores, 1) == [((1, 1), 0.0)]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: best_path(torch.zeros(3, 2)), r"^best_path: log_probs must have shape \(T, N, C\), got \(3, 2\)$"),
        (lambda: best_path(torch.zeros(3, 2, 2), [3]), r"^best_path: input_lengths must be 2 numbers, got \[3\]$"),
        (
            lambda: prefix_beam_search(torch.zeros(3, 1, 2), 3),
            r"^prefix_beam_search: log_probs must have shape \(T, C\) with C > 0, got \(3, 1, 2\)$",
        ),
        (
            lambda: prefix_beam_search(torch.zeros(3, 2), 3, 2),
            r"^prefix_beam_search: log_probs must have shape \(T, C\) with C > 2, got \(3, 2\)$",
        ),
        (lambda: prefix_beam_search(torch.zeros(3, 2), 3, -1), r"with C > -1, got \(3, 2\)$"),
        (lambda: prefix_beam_search(torch.zeros(3, 2), 0), r"^prefix_beam_search: width must be positive, got 0$"),
    ],
)
def test_bad_input_is_named(call, match):
    with pytest.raises(ValueError, match=match):
        call()
