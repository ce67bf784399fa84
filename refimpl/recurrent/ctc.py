r"""Connectionist temporal classification: the probability of a label string, summed over all its alignments with the frames.

Paper
    Graves, Fernandez, Gomez and Schmidhuber, "Connectionist Temporal Classification: Labelling Unsegmented Sequence Data
    with Recurrent Neural Networks", ICML 2006, doi:10.1145/1143844.1143891, section 3.1 (the map B), section 4.1
    (forward and backward variables), section 4.2 (gradient).

Equations (y_t(k): probability of symbol k in frame t = 1 ... T; l a string of labels; l' = l with blanks between and around)
    likelihood   p(l | x) = sum over paths pi with B(pi) = l of prod_t y_t(pi_t),   L = -ln p(l | x)
    forward      a_t(s) = y_t(l'_s) (a_{t-1}(s) + a_{t-1}(s-1) + a_{t-1}(s-2) if l'_s is a label other than l'_{s-2})
    start        a_0(0) = 1, a_0(s) = 0 elsewhere:   a virtual place before the first blank, from which blank or l_1 is reached
    total        p(l | x) = a_T(|l'|) + a_T(|l'| - 1)
    backward     b_t(s): the forward recursion of the reversed string over the reversed frames
    gradient     dL / d ln y_t(k) = -1 / p(l | x) sum_{s: l'_s = k} a_t(s) b_t(s) / y_t(k)

Deviations from the paper
    1. Everything is a logarithm; the paper rescales each frame's variables to sum to one.
    2. ``start`` says in one line what the paper's three initial values say; with no frames the empty string has probability one.
    3. The gradient is that by ln y, for any y; chained with log-softmax it is the paper's by the logits. The built-in
       ``torch.nn.functional.ctc_loss`` adds y to it, which is right only where y comes from a softmax.
    4. A string that no path gives has loss infinity and gradient zero; the built-in's gradient is NaN.
    5. bfloat16 and float16 are computed in float32. No second derivatives, as in the built-in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

__all__ = ["CTCLoss", "ctc_loss"]

REDUCTIONS = ("none", "mean", "sum")


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int],
    target_lengths: Tensor | Sequence[int],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Negative log-likelihood of label strings; drops in for ``torch.nn.functional.ctc_loss``.

    Args:
        log_probs: ln y, ``(T, N, C)``, or ``(T, C)`` without a batch.
        targets: labels, ``(N, S)`` padded with anything, or one after the other ``(sum of target_lengths,)``.
        input_lengths: frames of each example, ``(N,)``; a number without a batch.
        target_lengths: labels of each example, ``(N,)``; a number without a batch.
        blank: index of the blank.
        reduction: "none" for one loss an example, "mean" of the losses each divided by its number of labels (at least 1), or "sum".
        zero_infinity: put 0 for infinite losses.

    Returns:
        A scalar, or ``(N,)`` for "none" (a scalar without a batch).

    Raises:
        ValueError: a shape, dtype, length or option does not fit; the message names it.
    """
    if log_probs.dim() not in (2, 3) or not log_probs.is_floating_point():
        got = f"{log_probs.dtype} of shape {tuple(log_probs.shape)}"
        raise ValueError(f"ctc_loss: log_probs must be floating point (T, N, C) or (T, C), got {got}")
    batched = log_probs.dim() == 3
    values = log_probs if batched else log_probs.unsqueeze(1)  # (T, N, C)
    frames, batch, symbols = values.shape
    if not 0 <= blank < symbols:
        raise ValueError(f"ctc_loss: blank must lie in [0, {symbols}), got {blank}")
    if reduction not in REDUCTIONS:
        raise ValueError(f"ctc_loss: reduction must be one of {', '.join(REDUCTIONS)}, got {reduction!r}")
    if targets.is_floating_point() or targets.dim() not in (1, 2):
        raise ValueError(f"ctc_loss: targets must be integers (N, S) or (sum,), got {targets.dtype} of shape {tuple(targets.shape)}")
    input_lengths = _lengths("input_lengths", input_lengths, batch, frames)
    target_lengths = _lengths("target_lengths", target_lengths, batch, targets.shape[-1])
    device = values.device
    labels = _padded(targets.to(device), target_lengths)  # (N, S)

    wide = torch.float32 if values.dtype in (torch.bfloat16, torch.float16) else values.dtype
    extended = labels.new_full((batch, 2 * labels.shape[1] + 1), blank)  # l', (N, L)
    extended[:, 1::2] = labels
    emissions = values.to(wide).gather(2, extended.expand(frames, -1, -1))  # (T, N, L)
    inputs, outputs = torch.tensor(input_lengths, device=device), torch.tensor(target_lengths, device=device)
    loss = -_LogLikelihood.apply(emissions, extended, inputs, outputs)  # (N,)
    if zero_infinity:
        loss = loss.masked_fill(loss == math.inf, 0.0)
    if reduction == "mean":
        loss = (loss / outputs.clamp(min=1)).mean()
    elif reduction == "sum":
        loss = loss.sum()
    elif not batched:
        loss = loss.squeeze(0)
    return loss.to(log_probs.dtype)


class _LogLikelihood(torch.autograd.Function):
    """ln p(l | x) from ln y_t(l'_s): a loop over time each way."""

    @staticmethod
    def forward(ctx, emissions: Tensor, extended: Tensor, inputs: Tensor, outputs: Tensor) -> Tensor:
        rows = _forward_variables(emissions, extended)  # (T + 1, N, L + 2)
        last = rows.gather(0, inputs.view(1, -1, 1).expand(1, -1, rows.shape[2]))[0]  # (N, L + 2)
        ends = 2 * outputs.unsqueeze(1) + torch.tensor([1, 2], device=outputs.device)  # columns of |l'| - 1 and |l'|
        total = last.gather(1, ends).logsumexp(1)  # (N,)
        ctx.save_for_backward(emissions, extended, inputs, outputs, rows, total)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        emissions, extended, inputs, outputs, rows, total = ctx.saved_tensors
        frames, _, places = emissions.shape
        frame = inputs - 1 - torch.arange(frames, device=inputs.device).unsqueeze(1)  # (T, N), the mirror image of each frame
        place = 2 * outputs.unsqueeze(1) - torch.arange(places, device=inputs.device)  # (N, L), and of each place in l'
        inside = (frame >= 0).unsqueeze(2) & (place >= 0)
        frame, place = frame.clamp(min=0).unsqueeze(2).expand_as(emissions), place.clamp(min=0)

        def mirrored(values: Tensor) -> Tensor:
            return values.gather(0, frame).gather(2, place.expand(frames, -1, -1)).masked_fill(~inside, -math.inf)

        b = mirrored(_forward_variables(mirrored(emissions), extended.gather(1, place))[1:, :, 2:])
        joint = rows[1:, :, 2:] + b
        posterior = torch.where(joint > -math.inf, (joint - emissions - total.unsqueeze(1)).exp(), 0.0)
        return posterior * grad.unsqueeze(1), None, None, None


def _forward_variables(emissions: Tensor, extended: Tensor) -> Tensor:
    """ln a_t(s) for t = 0 ... T, ``(T + 1, N, L + 2)``: behind a column of -inf the virtual place 0, then the places of l'."""
    frames, batch, places = emissions.shape
    jump = torch.arange(places, device=emissions.device).expand(batch, -1) % 2 == 1  # to a label over a blank
    jump = torch.cat((jump[:, :2], jump[:, 2:] & (extended[:, 2:] != extended[:, :-2])), 1)
    penalty = emissions.new_zeros(jump.shape).masked_fill(~jump, -math.inf)  # (N, L)
    rows = emissions.new_full((frames + 1, batch, places + 2), -math.inf)
    rows[0, :, 1] = 0.0
    for t in range(frames):
        before = rows[t]
        reached = torch.logaddexp(torch.logaddexp(before[:, 2:], before[:, 1:-1]), before[:, :-2] + penalty)
        rows[t + 1, :, 2:] = reached + emissions[t]
    return rows


def _lengths(name: str, lengths: Tensor | Sequence[int] | int, batch: int, most: int) -> list[int]:
    values = lengths.tolist() if isinstance(lengths, Tensor) else lengths
    values = [values] if isinstance(values, int) else list(values)
    if len(values) != batch or not all(0 <= v <= most for v in values):
        raise ValueError(f"ctc_loss: {name} must be {batch} numbers in [0, {most}], got {values}")
    return values


def _padded(targets: Tensor, lengths: list[int]) -> Tensor:
    """Labels as int64 ``(N, S)``, from padded ones or from one string after the other."""
    batch = len(lengths)
    padded = targets if targets.dim() == 2 else targets.unsqueeze(0) if batch == 1 else None
    if padded is not None and len(padded) != batch:
        raise ValueError(f"ctc_loss: targets must have {batch} rows, got shape {tuple(targets.shape)}")
    if padded is None and len(targets) != sum(lengths):
        raise ValueError(f"ctc_loss: targets must hold the sum of target_lengths, {sum(lengths)} labels, got {len(targets)}")
    most = max(lengths, default=0) if padded is None else padded.shape[1]
    inside = torch.arange(most, device=targets.device) < torch.tensor(lengths, device=targets.device).unsqueeze(1)  # (N, S)
    if padded is None:
        return inside.long().masked_scatter(inside, targets.long())
    return padded.long().masked_fill(~inside, 0)


class CTCLoss(nn.Module):
    """:func:`ctc_loss` as a layer; drops in for ``torch.nn.CTCLoss``."""

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__()
        self.blank, self.reduction, self.zero_infinity = blank, reduction, zero_infinity

    def forward(
        self, log_probs: Tensor, targets: Tensor, input_lengths: Tensor | Sequence[int], target_lengths: Tensor | Sequence[int]
    ) -> Tensor:
        return ctc_loss(log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity)

    def extra_repr(self) -> str:
        return f"blank={self.blank}, reduction={self.reduction}, zero_infinity={self.zero_infinity}"


if __name__ == "__main__":
    import itertools

    from refimpl.demo import arguments
    from refimpl.recurrent.ctc_decoding import collapse

    device = arguments(__doc__)
    scores = torch.randn(6, 3).log_softmax(1)
    print("probability of each string of labels 1, 2 over six frames, by the recursion and by all 729 paths")
    paths = list(itertools.product(range(3), repeat=6))
    sums: dict[tuple[int, ...], float] = {}
    for path in paths:
        sums[collapse(path)] = sums.get(collapse(path), 0.0) + scores[range(6), path].sum().exp().item()
    for string in [(), (1,), (1, 2), (1, 1), (2, 1, 2)]:
        loss = ctc_loss(scores, torch.tensor(string, dtype=torch.long), 6, len(string), reduction="none")
        print(f"  {''.join(map(str, string)) or 'empty':>6} {(-loss).exp().item():.6f} {sums[string]:.6f}")
