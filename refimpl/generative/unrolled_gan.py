r"""Unrolled GAN: the generator looks a few steps ahead, at the discriminator that would answer it.

Paper
    Metz, Poole, Pfau and Sohl-Dickstein, "Unrolled Generative Adversarial Networks", ICLR 2017, arXiv:1611.02163.
    Section 2.2, equations 4 to 9, and section 2.3, equation 10.

Equations (f(g, d) the value that the discriminator raises and the generator lowers, g and d their parameters)
    unrolled-gan-steps      d^0 = d,   d^(k+1) = d^k + lr df(g, d^k) / dd^k
    unrolled-gan-surrogate  f_K(g, d) = f(g, d^K(g, d))
    unrolled-gan-updates    g <- g - lr df_K / dg,   d <- d + lr df / dd
    unrolled-gan-gradient   df_K / dg = df(g, d^K) / dg + df(g, d^K) / dd^K dd^K / dg

Deviations from the paper
    1. The steps descend a loss, -f, and are plain gradient descent; the paper also unrolls other rules, such as Adam's.
    2. Every step sees the same batch, unless the loss draws a new one each time that it is called.
    3. The generator's loss at the end is the non-saturating one by default; the paper's f_K is the saturating one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from refimpl.generative.gan import discriminator_loss, generator_loss

__all__ = ["unroll", "unrolled_generator_loss"]

Parameters = Mapping[str, Tensor]


def unroll(loss: Callable[[Parameters], Tensor], parameters: Parameters, steps: int, lr: float) -> dict[str, Tensor]:
    """Parameters after some steps of gradient descent, as a differentiable function of all that the loss depends on.

    Args:
        loss: gives a scalar for parameters by name; called once a step.
        parameters: where the steps start, by name; detach them if the start itself is not to get a gradient.
        steps: K; none gives the start.
        lr: step size.

    Returns:
        d^K, by name. The history of all steps is kept, so that memory grows with K.

    Raises:
        ValueError: ``steps`` is negative, or ``lr`` is not positive and finite.
    """
    if steps < 0:
        raise ValueError(f"unroll: steps must not be negative, got {steps}")
    if not 0.0 < lr < math.inf:
        raise ValueError(f"unroll: lr must be positive and finite, got {lr}")
    slope = torch.func.grad(loss)
    reached = dict(parameters)
    for _ in range(steps):
        slopes = slope(reached)
        reached = {name: parameter - lr * slopes[name] for name, parameter in reached.items()}
    return reached


def unrolled_generator_loss(
    discriminator: nn.Module,
    real: Tensor,
    fake: Tensor,
    steps: int = 5,
    lr: float = 1e-2,
    loss: Callable[[Tensor], Tensor] = generator_loss,
) -> Tensor:
    """The generator's loss against the discriminator's answer to it.

    As with the ordinary loss, its gradient by the discriminator's parameters is not what these descend: clear it.

    Args:
        discriminator: gives a logit an example, without buffers that change as it is called.
        real, fake: examples, ``(N, ...)`` and ``(M, ...)``; the gradient flows into ``fake``, also through the answer.
        steps: K; 0 gives the loss of the ordinary GAN.
        lr: step size of the answer.
        loss: of the generated examples' logits; ``gan.saturating_generator_loss`` for the paper's f_K.

    Returns:
        A scalar.

    Raises:
        ValueError: see :func:`unroll`.
    """

    def logits(parameters: Parameters, examples: Tensor) -> Tensor:
        return torch.func.functional_call(discriminator, dict(parameters), examples)

    def of_discriminator(parameters: Parameters) -> Tensor:
        return discriminator_loss(logits(parameters, real), logits(parameters, fake))

    answer = unroll(of_discriminator, dict(discriminator.named_parameters()), steps, lr)
    return loss(logits(answer, fake))


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    print("a generator at g and a discriminator with slope d play f = g d; both step by 0.1 from (1, 1), the generator K steps ahead")
    for ahead in (0, 1, 5):
        place, tilt = torch.tensor(1.0, requires_grad=True), torch.tensor(1.0)
        path = []
        for step in range(201):
            if step % 50 == 0:
                path.append(f"{math.hypot(place.item(), tilt.item()):7.4f}")
            answer = unroll(lambda d, g=place: -g * d["tilt"], {"tilt": tilt}, ahead, 0.1)["tilt"]
            (push,) = torch.autograd.grad(place * answer, place)
            tilt = tilt + 0.1 * place.detach()
            place = (place - 0.1 * push).detach().requires_grad_()
        print(f"  K = {ahead}: distance from the equilibrium after 0, 50, ... 200 steps {' '.join(path)}")
