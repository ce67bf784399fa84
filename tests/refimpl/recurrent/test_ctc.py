"""What is special to connectionist temporal classification: total probability, lengths, infinite losses, the drop-in interface."""

from __future__ import annotations

import inspect
import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from refimpl.recurrent.ctc import CTCLoss, ctc_loss
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error
from tests.refimpl.recurrent.cases_ctc import LOGITS, LONG, METHOD, PADDED, TOGETHER

MODULE = "refimpl.recurrent.ctc"
SCORES = LOGITS.log_softmax(-1)
EMPTY = torch.zeros(0, dtype=torch.long)


def test_probabilities_of_all_strings_sum_to_one(record):
    """Three frames of two labels have 1 + 2 + 4 + 2 strings: repeats need a blank between them."""
    scores = randn(3, 3, seed=1).log_softmax(1)
    total, finite = 0.0, 0
    for length in range(4):
        for string in itertools.product((1, 2), repeat=length):
            loss = ctc_loss(scores, torch.tensor(string, dtype=torch.long), 3, length, reduction="none")
            total, finite = total + (-loss).exp().item(), finite + loss.isfinite().item()
    assert finite == 9
    record(METHOD, MODULE, "sum over all strings", "1", error=abs(total - 1), tolerance=1e-14, dtype=torch.float64)


def test_by_hand():
    """Two frames with y(blank) = .6 and y(1) = .4: the empty string has .36, the string 1 the rest."""
    scores = torch.tensor([[0.6, 0.4]] * 2).double().log()
    assert ctc_loss(scores, EMPTY, 2, 0, reduction="none").item() == pytest.approx(-math.log(0.36), rel=1e-6)
    assert ctc_loss(scores, torch.tensor([1]), 2, 1, reduction="none").item() == pytest.approx(-math.log(0.64), rel=1e-6)


def test_gradient_by_logits_is_softmax_less_posterior(record):
    """Over each frame the posterior sums to one, so the gradient by the logits sums to zero and that by ln y to -1."""
    scores = LONG.log_softmax(-1).requires_grad_()
    losses = ctc_loss(scores, TOGETHER, (23, 20, 11, 9), (3, 4, 0, 3), reduction="none")
    (slope,) = torch.autograd.grad(losses.sum(), scores)
    sums = slope.sum(2)
    expected = -(torch.arange(23).unsqueeze(1) < torch.tensor([23, 20, 11, 9])).double()
    record(METHOD, MODULE, "posterior of each frame", "1", error=error(sums, expected), tolerance=1e-12, dtype=torch.float64)
    assert slope.max() <= 0


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("zero_infinity", [False, True])
def test_infinite_losses(reduction, zero_infinity):
    """A repeat needs three frames: here there are two. The built-in agrees about values; its gradients are NaN without zero_infinity."""
    arguments = PADDED, torch.tensor([5, 2, 5]), torch.tensor([2, 2, 3])
    scores = SCORES.clone().requires_grad_()
    ours = ctc_loss(scores, *arguments, reduction=reduction, zero_infinity=zero_infinity)
    theirs = F.ctc_loss(SCORES, *arguments, reduction=reduction, zero_infinity=zero_infinity)
    assert error(ours, theirs) < 1e-13 and bool(ours.isinf().any()) is not zero_infinity
    (slope,) = torch.autograd.grad(ours.sum(), scores)
    assert slope.isfinite().all() and not slope[:, 1].any() and slope[:, 0].abs().max() > 0


def test_impossible_symbols(record):
    """Probabilities of exactly zero are never followed: values and gradients are those of the paths that remain."""
    scores = SCORES.clone()
    scores[1, :, 2] = scores[3, :, 0] = -math.inf
    scores.requires_grad_()
    losses = ctc_loss(scores, PADDED, (5, 5, 5), (2, 2, 3), reduction="none")
    assert losses.isfinite().all()
    (slope,) = torch.autograd.grad(losses.sum(), scores)
    assert slope.isfinite().all() and not slope[1, :, 2].any()
    expected = F.ctc_loss(scores.detach(), PADDED, (5, 5, 5), (2, 2, 3), reduction="none")
    record(METHOD, MODULE, "zero probabilities", "torch.nn.functional.ctc_loss", error=error(losses, expected), tolerance=1e-13)


def test_forms_of_the_arguments():
    """Lengths as tuple or tensor, targets padded or one after the other, of any integer type, with or without a batch."""
    expected = ctc_loss(SCORES, PADDED, (5, 4, 5), (2, 2, 3), reduction="none")
    joined = torch.tensor([1, 2, 3, 3, 1, 1, 2], dtype=torch.int32)
    lengths = torch.tensor([5, 4, 5]), torch.tensor([2, 2, 3])
    assert torch.equal(ctc_loss(SCORES, joined, *lengths, reduction="none"), expected)
    assert torch.equal(ctc_loss(SCORES, PADDED.int(), *lengths, reduction="none"), expected)
    assert torch.equal(ctc_loss(SCORES, F.pad(PADDED, (0, 3), value=77), *lengths, reduction="none"), expected)
    one = ctc_loss(SCORES[:, 0], PADDED[0], torch.tensor(5), torch.tensor(2), reduction="none")
    assert one.shape == () and error(one, expected[0]) < 1e-14
    assert ctc_loss(SCORES[:, :1], PADDED[:1], [5], [2], reduction="none").shape == (1,)
    assert error(ctc_loss(SCORES[:, 0], PADDED[0], 5, 2), expected[0] / 2) < 1e-14
    assert error(ctc_loss(SCORES, joined, *lengths), (expected / torch.tensor([2, 2, 3])).mean()) < 1e-14


def test_nothing_to_read_or_to_say():
    assert ctc_loss(SCORES[:0, 0], EMPTY, 0, 0, reduction="none").item() == 0.0
    assert ctc_loss(SCORES[:, 0], torch.tensor([1]), 0, 1, reduction="none").item() == math.inf
    blanks = ctc_loss(SCORES, EMPTY, (5, 3, 0), (0, 0, 0), reduction="none")
    assert error(blanks, -torch.stack([SCORES[:n, j, 0].sum() for j, n in enumerate((5, 3, 0))])) < 1e-14
    assert (
        error(ctc_loss(SCORES, EMPTY, (5, 3, 2), (0, 0, 0)), ctc_loss(SCORES, EMPTY, (5, 3, 2), (0, 0, 0), reduction="none").mean()) < 1e-14
    )
    for none in (torch.zeros(0, 2).long(), EMPTY):
        assert ctc_loss(SCORES[:, :0], none, (), (), reduction="none").shape == (0,)
        assert ctc_loss(SCORES[:0, :0], none, (), (), reduction="none").shape == (0,)


def test_padding_need_not_be_a_label():
    """Blanks alone can be said, and what stands beyond the lengths is no symbol of theirs."""
    silent = ctc_loss(SCORES[..., :1], PADDED, (5, 4, 5), (0, 0, 0), reduction="none")
    assert error(silent, -torch.stack([SCORES[:n, j, 0].sum() for j, n in enumerate((5, 4, 5))])) < 1e-14
    one = ctc_loss(SCORES[:1, :, :2], PADDED, (1, 1, 1), (1, 0, 0), reduction="none")
    assert error(one, -torch.stack((SCORES[0, 0, 1], SCORES[0, 1, 0], SCORES[0, 2, 0]))) < 1e-14


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_runs_in_float32(dtype):
    low, arguments = LONG.log_softmax(-1).to(dtype), (TOGETHER, (23, 20, 11, 9), (3, 4, 0, 3))
    ours = ctc_loss(low, *arguments)
    assert ours.dtype == dtype and torch.equal(ours, ctc_loss(low.float(), *arguments).to(dtype))


@pytest.mark.parametrize("options", [{}, {"blank": 1, "reduction": "sum", "zero_infinity": True}], ids=str)
def test_layer_drops_in_for_torch(options, record):
    ours, theirs = CTCLoss(**options), nn.CTCLoss(**options)
    targets = torch.tensor([[2, 3], [3, 2], [2, 2]])
    gap = error(ours(SCORES, targets, (5, 5, 5), (2, 1, 2)), theirs(SCORES, targets, (5, 5, 5), (2, 1, 2)))
    record(METHOD, MODULE, f"layer with {options or 'defaults'}", "torch.nn.CTCLoss", error=gap, tolerance=1e-13, dtype=torch.float64)
    given = {"blank": 0, "reduction": "mean", "zero_infinity": False} | options
    assert {k: getattr(ours, k) for k in given} == {k: getattr(theirs, k) for k in given} == given
    assert ours.extra_repr() == ", ".join(f"{k}={v}" for k, v in given.items())
    defaults = {k: p.default for k, p in inspect.signature(ctc_loss).parameters.items()}
    assert (defaults["blank"], defaults["reduction"], defaults["zero_infinity"]) == (0, "mean", False)
