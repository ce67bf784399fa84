r"""Softmax with cross-entropy: class scores to probabilities, and the cost of the right class.

Sources
    Bridle, "Probabilistic Interpretation of Feedforward Classification Network Outputs, with
    Relationships to Statistical Pattern Recognition", 1990, for the softmax.
    Szegedy et al., "Rethinking the Inception Architecture", arXiv:1512.00567, section 7, for label smoothing.

Equations (z logits over C classes, t target distribution)
    softmax         p_j = exp(z_j - m) / sum_k exp(z_k - m),   m = max_k z_k
    log-softmax     log p_j = (z_j - m) - log sum_k exp(z_k - m)
    cross-entropy   L = -sum_j w_j t_j log p_j
    gradient        dL/dz = p sum_j w_j t_j - w t              (p - t without weights)
    label-smoothing t' = (1 - a) t + a / C

Deviations from the textbook form
    1. The maximum m is subtracted first; the value is the same, and exp cannot overflow.
    2. log p is never computed as log(softmax(z)), which is -inf as soon as p underflows.
    3. bfloat16 and float16 logits are reduced in float32.
    4. A batch in which every target is ignored has loss NaN under "mean" (0 / 0), as in PyTorch.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["cross_entropy", "log_softmax", "logits_gradient", "softmax"]

REDUCTIONS = ("none", "mean", "sum")


def softmax(input: Tensor, dim: int) -> Tensor:
    """Probabilities along ``dim``: positive, with sum one. Same shape and dtype as ``input``; errors as :func:`log_softmax`."""
    exponentials = _shifted(input, dim).exp()
    return (exponentials / exponentials.sum(dim, keepdim=True)).to(input.dtype)


def log_softmax(input: Tensor, dim: int) -> Tensor:
    """Logarithm of the softmax along ``dim``, exact where the probability itself underflows.

    Args:
        input: logits of any shape; ``-inf`` marks an impossible class.
        dim: the dimension of the classes.

    Raises:
        ValueError: the dtype is not a floating type, or there is no class.
    """
    shifted = _shifted(input, dim)
    return (shifted - shifted.exp().sum(dim, keepdim=True).log()).to(input.dtype)


def _shifted(input: Tensor, dim: int) -> Tensor:
    """The logits minus their maximum along ``dim``, at least in float32: their exponentials lie in [0, 1]."""
    if not input.is_floating_point():
        raise ValueError(f"log_softmax: input must be floating point, got {input.dtype}")
    if input.shape[dim] == 0:
        raise ValueError(f"log_softmax: expected at least one class in dimension {dim}, got shape {tuple(input.shape)}")
    z = input.float() if input.dtype in (torch.bfloat16, torch.float16) else input
    return z - z.detach().amax(dim, keepdim=True)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy between logits and targets; drops in for ``torch.nn.functional.cross_entropy``.

    Args:
        input: logits, ``(C,)``, ``(N, C)`` or ``(N, C, d1, ...)``.
        target: class indices, ``()``, ``(N,)`` or ``(N, d1, ...)``, integer; or class probabilities with the shape of ``input``.
        weight: one factor a class, ``(C,)``.
        ignore_index: an index whose positions count neither in the sum nor in the mean (indices only).
        reduction: "none", "mean" (weighted by the targets' weights; by positions for probabilities) or "sum".
        label_smoothing: share a of the target that is spread over all classes, in [0, 1].

    Returns:
        The loss: a scalar, or with "none" a tensor of the targets' positions.

    Raises:
        ValueError: a shape, dtype or parameter does not fit; the message names it.
    """
    _check(input, target, weight, reduction, label_smoothing)
    dim = 0 if input.dim() == 1 else 1
    classes = input.shape[dim]
    w = None if weight is None else weight.view(-1, *(1,) * (input.dim() - dim - 1))  # (C, 1, ...)
    z = _shifted(input, dim)
    log_sum = z.exp().sum(dim, keepdim=True).log()  # (N, 1, ...)

    if target.is_floating_point():
        t = target * (1 - label_smoothing) + label_smoothing / classes if label_smoothing else target
        loss = ((log_sum - z) * (t if w is None else t * w)).sum(dim).to(input.dtype)
        return loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss

    kept = target != ignore_index
    index = torch.where(kept, target, 0)
    loss = (log_sum - z.gather(dim, index.unsqueeze(dim))).squeeze(dim)
    if weight is not None:
        loss = loss * weight[index]
    if label_smoothing:
        spread = (log_sum - z if w is None else (log_sum - z) * w).sum(dim)
        loss = (1 - label_smoothing) * loss + label_smoothing / classes * spread
    loss = torch.where(kept, loss, 0).to(input.dtype)
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    counted = kept if weight is None else torch.where(kept, weight[index], 0)
    return loss.sum() / counted.sum()


def logits_gradient(input: Tensor, target: Tensor) -> Tensor:
    """Gradient of the unreduced cross-entropy by the logits, in closed form: p - t.

    Args:
        input: logits, ``(N, C)``.
        target: class indices ``(N,)`` or probabilities ``(N, C)``.
    """
    _check(input, target, None, "none", 0.0)
    t = target if target.is_floating_point() else torch.nn.functional.one_hot(target, input.shape[-1]).to(input.dtype)
    return softmax(input, -1) * t.sum(-1, keepdim=True) - t  # (N, C)


def _check(input: Tensor, target: Tensor, weight: Tensor | None, reduction: str, label_smoothing: float) -> None:
    if input.dim() == 0:
        raise ValueError("cross_entropy: input must have a class dimension, got a scalar")
    dim = 0 if input.dim() == 1 else 1
    expected = input.shape if target.is_floating_point() else (*input.shape[:dim], *input.shape[dim + 1 :])
    if target.shape != expected:
        kind = "class probabilities" if target.is_floating_point() else "class indices"
        wanted = f"{tuple(expected)} for input {tuple(input.shape)}"
        raise ValueError(f"cross_entropy: target holds {kind} and must have shape {wanted}, got {tuple(target.shape)}")
    if target.dtype == torch.bool:
        raise ValueError("cross_entropy: target must hold class indices or probabilities, got torch.bool")
    if weight is not None and weight.shape != (input.shape[dim],):
        raise ValueError(f"cross_entropy: weight must have shape ({input.shape[dim]},), one number a class, got {tuple(weight.shape)}")
    if reduction not in REDUCTIONS:
        raise ValueError(f"cross_entropy: reduction must be one of {', '.join(REDUCTIONS)}, got {reduction!r}")
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(f"cross_entropy: label_smoothing must lie in [0, 1], got {label_smoothing}")


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    z = torch.tensor([[0.3, 0.1, 0.2]], requires_grad=True)
    t = torch.tensor([2])
    loss = cross_entropy(z, t)
    loss.backward()
    print("probabilities ", [round(p, 4) for p in softmax(z, 1)[0].tolist()])
    print("loss          ", f"{loss.item():.6f}")
    print("autograd      ", [round(g, 4) for g in z.grad[0].tolist()])
    print("p - t         ", [round(g, 4) for g in logits_gradient(z.detach(), t)[0].tolist()])
    print("logits 1e4    ", cross_entropy(torch.tensor([[1e4, 0.0]]), torch.tensor([1])).item(), "(exp alone would overflow)")
