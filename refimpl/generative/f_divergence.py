r"""f-divergences: how far one distribution lies from another by the ratio of their densities, and the bound that a GAN raises.

Paper
    Nowozin, Cseke and Tomioka, "f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization",
    NIPS 2016, arXiv:1606.00709. Section 2 with tables 1 and 2.

Equations (p and q densities, f convex with f(1) = 0, f* its conjugate, V a critic's output without bounds, T = g(V))
    f-divergence              D(p, q) = sum_x q(x) f(p(x) / q(x))
    f-divergence-conjugate    f*(t) = sup over u of u t - f(u)
    f-divergence-bound        D(p, q) >= E_p T - E_q f*(T),   equal at T = f'(p / q)

    kind              f(u)                                 g(v)                   f*(t)            f*(g(v))
    kl                u log u                              v                      exp(t - 1)       exp(v - 1)
    reverse-kl        -log u                               -exp(-v)               -1 - log(-t)     v - 1
    pearson           (u - 1)^2                            v                      t^2 / 4 + t      v^2 / 4 + v
    hellinger         (sqrt(u) - 1)^2                      1 - exp(-v)            t / (1 - t)      exp(v) - 1
    jensen-shannon    u log u - (u + 1) log((u + 1) / 2)   log 2 - softplus(-v)   -log(2 - e^t)    softplus(v) - log 2
    gan               u log u - (u + 1) log(u + 1)         -softplus(-v)          -log(1 - e^t)    softplus(v)

Deviations from the paper
    1. f* is taken after g in one function, which neither overflows sooner than it must nor takes the logarithm of zero.
    2. The sum is written in p and q, not in their ratio, so that either may be zero; points where both are count for nothing.
    3. As in the paper, "gan" has f(1) = -log 4 and not 0, and "jensen-shannon" is twice what is called so elsewhere.
    4. Also as in the paper, f* of "pearson" is the supremum over all real u; over u >= 0 it would be -1 below t = -2,
       which a best critic never gives.
    5. In bfloat16 and float16 everything is computed in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from refimpl.convolution.windows import raised

__all__ = ["KINDS", "f_divergence", "output_activation", "variational_bound"]

_OF_DENSITIES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "kl": lambda p, q: torch.xlogy(p, p / q),
    "reverse-kl": lambda p, q: torch.xlogy(q, q / p),
    "pearson": lambda p, q: (p - q) ** 2 / q,
    "hellinger": lambda p, q: (p.sqrt() - q.sqrt()) ** 2,
    "jensen-shannon": lambda p, q: torch.xlogy(p, 2 * p / (p + q)) + torch.xlogy(q, 2 * q / (p + q)),
    "gan": lambda p, q: -torch.special.xlog1py(p, q / p) - torch.special.xlog1py(q, p / q),
}

_ACTIVATION: dict[str, Callable[[Tensor], Tensor]] = {
    "kl": lambda v: v,
    "reverse-kl": lambda v: -(-v).exp(),
    "pearson": lambda v: v,
    "hellinger": lambda v: -(-v).expm1(),
    "jensen-shannon": lambda v: math.log(2) + F.logsigmoid(v),
    "gan": F.logsigmoid,
}

_CONJUGATE: dict[str, Callable[[Tensor], Tensor]] = {
    "kl": lambda v: (v - 1).exp(),
    "reverse-kl": lambda v: v - 1,
    "pearson": lambda v: v * (v / 4 + 1),
    "hellinger": lambda v: v.expm1(),
    "jensen-shannon": lambda v: -math.log(2) - F.logsigmoid(-v),
    "gan": lambda v: -F.logsigmoid(-v),
}

KINDS = tuple(_OF_DENSITIES)
"""Names of the divergences."""


def f_divergence(p: Tensor, q: Tensor, kind: str) -> Tensor:
    """The divergence of p from q, summed over the last dimension; infinite where the densities make it so.

    Slopes are those of the sum where both are positive; at a zero of one alone they may be infinite or NaN.

    Args:
        p, q: probabilities, not negative, ``(..., K)``.
        kind: one of :data:`KINDS`.

    Returns:
        ``(...)``

    Raises:
        ValueError: a shape or dtype does not fit, or ``kind`` is unknown.
    """
    _check("f_divergence", kind)
    if q.shape != p.shape or not p.dim() or not p.is_floating_point():
        got = f"{p.dtype} of shape {tuple(p.shape)} and {tuple(q.shape)}"
        raise ValueError(f"f_divergence: p and q must be floating point of one shape (..., K), got {got}")
    none = (p == 0) & (q == 0)
    terms = _OF_DENSITIES[kind](raised(p) + none, raised(q) + none)  # 1 and 1 in the place of 0 and 0
    return terms.masked_fill(none, 0.0).sum(-1).to(p.dtype)


def output_activation(v: Tensor, kind: str) -> Tensor:
    """T = g(v), which maps any number into the domain of f*.

    Raises:
        ValueError: ``kind`` is unknown.
    """
    _check("output_activation", kind)
    return _ACTIVATION[kind](raised(v)).to(v.dtype)


def variational_bound(p_scores: Tensor, q_scores: Tensor, kind: str) -> Tensor:
    """What the critic raises and the generator lowers: mean of T over examples from p minus mean of f*(T) over examples from q.

    Args:
        p_scores, q_scores: outputs V of the critic, of any shape; p are the data, q the generator's.
        kind: one of :data:`KINDS`.

    Returns:
        A scalar; in the mean, no more than the divergence.

    Raises:
        ValueError: ``kind`` is unknown.
    """
    _check("variational_bound", kind)
    return (_ACTIVATION[kind](raised(p_scores)).mean() - _CONJUGATE[kind](raised(q_scores)).mean()).to(p_scores.dtype)


def _check(function: str, kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(f"{function}: kind must be one of {', '.join(KINDS)}, got {kind!r}")


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    p, q = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.1, 0.3, 0.6])
    of_p, of_q = torch.multinomial(p, 2000, True), torch.multinomial(q, 2000, True)
    print("p = (0.5, 0.3, 0.2), q = (0.1, 0.3, 0.6); a critic with one number a place learns from 2,000 examples of each")
    for kind in KINDS:
        critic = torch.zeros(3, requires_grad=True)
        optimizer = torch.optim.Adam([critic], 0.05)
        for _ in range(200):
            optimizer.zero_grad()
            bound = variational_bound(critic[of_p], critic[of_q], kind)
            (-bound).backward()
            optimizer.step()
        print(f"  {kind:14s} divergence {f_divergence(p, q, kind).item():7.4f}, bound of the samples {bound.item():7.4f}")
