"""Linear recurrence s_t = a_t s_{t-1} + b_t over all time steps at once, in logarithmic depth.

Sources
    Blelloch, "Prefix Sums and Their Applications", CMU-CS-90-190, 1990, section 1.4 (recurrences as scans).
    Martin and Cundy, "Parallelizing Linear Recurrent Neural Nets Over Sequence Length", ICLR 2018, arXiv:1709.04057.

Equations (a_t, b_t, s_t: tensors of one shape, multiplied elementwise)
    recurrence   s_t = a_t s_{t-1} + b_t
    composition  s_t = (a_t a_{t-1}) s_{t-2} + (a_t b_{t-1} + b_t):   every other state obeys a recurrence of half the length
    backward     ds_t = g_t + a_{t+1} ds_{t+1},   db_t = ds_t,   da_t = ds_t s_{t-1}:   a scan in the other direction

The coefficients are only ever multiplied with each other, never divided, so nothing overflows while |a_t| <= 1, and
a zero coefficient, which would break a cumulative product that is divided out, is like any other. The work is linear
in the length: about 2 T multiplications and additions and T products, in 2 log2 T passes.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["linear_scan", "propagate"]


def linear_scan(a: Tensor, b: Tensor, initial: Tensor | None = None, reverse: bool = False) -> Tensor:
    """All states of ``s_t = a_t s_{t-1} + b_t``, or of ``s_t = a_t s_{t+1} + b_t`` if ``reverse``.

    Args:
        a: coefficients, time first, ``(T, ...)``.
        b: inputs, like ``a``.
        initial: the state before the first step (after the last if ``reverse``), ``(...)``; zero if None.
        reverse: run from the last step to the first.

    Returns:
        s_1 ... s_T, like ``b``. bfloat16 and float16 are computed in float32.

    Raises:
        ValueError: a shape or dtype does not fit; the message names it.
    """
    _check(a, b, initial)
    wide = torch.float32 if b.dtype in (torch.bfloat16, torch.float16) else b.dtype
    links, values = a.to(wide), b.to(wide)
    if initial is None:
        return propagate(links[:-1] if reverse else links[1:], values, reverse).to(b.dtype)
    first = initial.unsqueeze(0)
    if reverse:
        return propagate(links, torch.cat((values, first)), True)[:-1].to(b.dtype)
    return propagate(links, torch.cat((first, values)))[1:].to(b.dtype)


def propagate(links: Tensor, values: Tensor, reverse: bool = False) -> Tensor:
    """States of a chain: ``s_t = values_t + links_{t-1} s_{t-1}`` from ``s_0 = values_0``, with one link fewer than values.

    If ``reverse``, from the other end: ``s_t = values_t + links_t s_{t+1}``. No checks; differentiable any number of times.
    """
    return _Propagate.apply(links, values, reverse)


class _Propagate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, links: Tensor, values: Tensor, reverse: bool) -> Tensor:
        states = values.clone()
        (_sweep_back if reverse else _sweep)(links, states)
        ctx.save_for_backward(links, states)
        ctx.reverse = reverse
        return states

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        links, states = ctx.saved_tensors
        d = propagate(links, grad, not ctx.reverse)
        return d[:-1] * states[1:] if ctx.reverse else d[1:] * states[:-1], d, None


def _sweep(links: Tensor, s: Tensor) -> None:
    """Turn values into states in place: pairs first, then every other state by recursion, then the states between."""
    odd, between = s[1::2], s[2::2]
    if len(odd) == 0:
        return
    odd.addcmul_(links[::2], s[:-1:2])
    _sweep(links[1::2][: len(odd) - 1] * links[2::2], odd)
    between.addcmul_(links[1::2], odd[: len(between)])


def _sweep_back(links: Tensor, s: Tensor) -> None:
    """The mirror image of :func:`_sweep`: pairs and recursion start at the last value."""
    start = len(s) % 2
    left, between = s[start::2], s[1 - start :: 2][:-1]
    if len(left) == 0:
        return
    left.addcmul_(links[start::2], s[start + 1 :: 2])
    _sweep_back(links[start::2][:-1] * links[start + 1 :: 2], left)
    between.addcmul_(links[1 - start :: 2], left[1 - start :])


def _check(a: Tensor, b: Tensor, initial: Tensor | None) -> None:
    if b.dim() == 0 or not b.is_floating_point():
        raise ValueError(f"linear_scan: b must be floating point (T, ...), got {b.dtype} of shape {tuple(b.shape)}")
    if a.shape != b.shape or a.dtype != b.dtype:
        raise ValueError(f"linear_scan: a must be {b.dtype} of shape {tuple(b.shape)} like b, got {a.dtype} of shape {tuple(a.shape)}")
    if initial is not None and (initial.shape != b.shape[1:] or initial.dtype != b.dtype):
        got = f"{initial.dtype} of shape {tuple(initial.shape)}"
        raise ValueError(f"linear_scan: initial must be {b.dtype} of shape {tuple(b.shape[1:])}, got {got}")


if __name__ == "__main__":
    import time

    from refimpl.demo import arguments

    arguments(__doc__)
    a, b = torch.rand(2000, 64), torch.randn(2000, 64)
    start = time.perf_counter()
    looped = [b[0]]
    for t in range(1, len(b)):
        looped.append(torch.addcmul(b[t], a[t], looped[-1]))
    loop = time.perf_counter() - start
    start = time.perf_counter()
    scanned = linear_scan(a, b)
    scan = time.perf_counter() - start
    print(f"2000 steps of 64 numbers: loop {loop * 1e3:.1f} ms, scan {scan * 1e3:.1f} ms")
    print(f"largest difference {(torch.stack(looped) - scanned).abs().max().item():.1e}")
