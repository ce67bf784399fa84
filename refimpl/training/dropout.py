r"""Dropout: switch each unit off with a fixed probability at every training step, and none when evaluating.

Paper
    Hinton, Srivastava, Krizhevsky, Sutskever, Salakhutdinov, "Improving Neural Networks by Preventing
    Co-adaptation of Feature Detectors", 2012, arXiv:1207.0580.
    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout: A Simple Way to Prevent Neural
    Networks from Overfitting", JMLR 15, 2014: section 4 (model), section 9 (marginalized dropout),
    section 10 (the scaling of training instead of evaluation).

Equations (x units, p probability of dropping, m_i independent)
    mask        m_i ~ Bernoulli(1 - p)
    original    y_i = m_i x_i in training,             y_i = (1 - p) x_i in evaluation
    inverted    y_i = m_i x_i / (1 - p) in training,   y_i = x_i in evaluation
    expectation E[y_i] = x_i (inverted),   E[y_i] = (1 - p) x_i (original): training and evaluation agree
    variance    Var[sum_i w_i y_i] = p / (1 - p) sum_i (w_i x_i)^2 (inverted)

Deviations from the papers
    1. p is the probability of dropping a unit, as in the first paper and in PyTorch; the second calls the
       probability of keeping it p.
    2. ``dropout`` is the inverted form, which section 10 names as equivalent. ``original_dropout`` scales units in
       evaluation; the papers scale the weights that leave them, which is the same.
    3. The papers' bound on the norm of each unit's weights is a method of its own and not part of this one.
    4. There is no ``inplace``.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

__all__ = ["Dropout", "dropout", "dropout_mask", "linear_variance", "original_dropout"]


def dropout_mask(input: Tensor, p: float = 0.5, *, generator: Generator | None = None) -> Tensor:
    """A mask like ``input``: True, with probability ``1 - p``, for each unit that is kept.

    On the CPU these are the units that ``torch.nn.functional.dropout`` keeps from the same state of the generator.
    """
    _check("dropout_mask", input, p)
    return torch.empty_like(input, dtype=torch.bool).bernoulli_(1 - p, generator=generator)


def dropout(
    input: Tensor, p: float = 0.5, training: bool = True, *, generator: Generator | None = None, mask: Tensor | None = None
) -> Tensor:
    """Inverted dropout; drops in for ``torch.nn.functional.dropout``.

    Args:
        input: units, of any shape.
        p: probability of dropping a unit.
        training: without it the input is returned as it is.
        generator: source of the random numbers; the default generator where it is None.
        mask: the units to keep, broadcast to ``input``, instead of a mask drawn here.

    Returns:
        A tensor like ``input``: zero where a unit is dropped, ``input / (1 - p)`` elsewhere.

    Raises:
        ValueError: a dtype or parameter does not fit; the message names it.
    """
    _check("dropout", input, p, mask)
    if not training or (p == 0 and mask is None):
        return input
    kept = dropout_mask(input, p, generator=generator) if mask is None else mask
    scale = kept.to(input.dtype)
    return input * (scale.div_(1 - p) if p < 1 else scale)


def original_dropout(
    input: Tensor, p: float = 0.5, training: bool = True, *, generator: Generator | None = None, mask: Tensor | None = None
) -> Tensor:
    """Dropout as first published: units are dropped in training and shrunk by ``1 - p`` in evaluation.

    The arguments are those of ``dropout``.
    """
    _check("original_dropout", input, p, mask)
    if not training:
        return input * (1 - p)
    return input * (dropout_mask(input, p, generator=generator) if mask is None else mask)


def linear_variance(input: Tensor, weight: Tensor, p: float = 0.5) -> Tensor:
    """Variance, over the masks, of ``linear(dropout(input, p), weight)``.

    Args:
        input: ``(..., D)``.
        weight: ``(K, D)``.
        p: probability of dropping a unit, below 1.

    Returns:
        ``(..., K)``.
    """
    _check("linear_variance", input, p)
    if p == 1:
        raise ValueError(f"linear_variance: p must lie in [0, 1), got {p}")
    return p / (1 - p) * F.linear(input.square(), weight.square())


def _check(function: str, input: Tensor, p: float, mask: Tensor | None = None) -> None:
    if not input.is_floating_point():
        raise ValueError(f"{function}: input must be floating point, got {input.dtype}")
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"{function}: p must lie in [0, 1], got {p}")
    if mask is not None and mask.dtype != torch.bool:
        raise ValueError(f"{function}: mask must be torch.bool, True where a unit is kept, got {mask.dtype}")
    if mask is not None and not _broadcasts(mask, input):
        raise ValueError(f"{function}: mask must broadcast to input {tuple(input.shape)}, got shape {tuple(mask.shape)}")


def _broadcasts(mask: Tensor, input: Tensor) -> bool:
    pairs = zip(reversed(mask.shape), reversed(input.shape), strict=False)
    return mask.dim() <= input.dim() and all(m in (1, n) for m, n in pairs)


class Dropout(nn.Module):
    """Inverted dropout as a layer; drops in for ``torch.nn.Dropout``.

    Args:
        p: probability of dropping a unit.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"Dropout: p must lie in [0, 1], got {p}")
        self.p = p

    def forward(self, input: Tensor) -> Tensor:
        return dropout(input, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}"


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    x, w = torch.randn(64), torch.randn(1, 64) / 8
    draws = F.linear(dropout(x.expand(100_000, 64), 0.3), w)
    print("w x                     ", f"{F.linear(x, w).item():8.4f}")
    print("mean over 100000 masks  ", f"{draws.mean().item():8.4f}")
    print("p / (1 - p) sum (w x)^2 ", f"{linear_variance(x, w, 0.3).item():8.4f}")
    print("variance over the masks ", f"{draws.var().item():8.4f}")
    first = [round(v, 3) for v in x[:6].tolist()]
    print("six units               ", first)
    print("inverted, in training   ", [round(v, 3) for v in dropout(x, 0.3)[:6].tolist()])
    print("original, in evaluation ", [round(v, 3) for v in original_dropout(x, 0.3, training=False)[:6].tolist()])
