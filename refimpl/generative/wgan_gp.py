r"""WGAN-GP: a Wasserstein GAN whose critic is kept near Lipschitz constant 1 by a penalty on its gradient.

Paper
    Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville, "Improved Training of Wasserstein GANs",
    NeurIPS 2017, arXiv:1704.00028. Section 4: equation 3 and algorithm 1.

Equations (D the critic, one number an example; x real, x~ = G(z) generated, N examples of shape (d1, ...))
    interpolate   x^ = e x + (1 - e) x~,                    e ~ U[0, 1], one number an example
    penalty       P = mean_i (|grad D(x^_i)| - 1)^2         Euclidean norm over all of (d1, ...)
    one-sided     P = mean_i max(0, |grad D(x^_i)| - 1)^2
    critic        L = mean D(x~) - mean D(x) + lambda P,    lambda = 10
    generator     L = -mean D(x~)

Deviations from the paper
    1. The gradient of each example comes from one backward pass over the sum of all scores. The two are equal only when a
       score depends on its own example alone, so the critic must not use batch normalization; the paper drops it for this reason.
    2. Where a gradient is exactly zero its norm has no derivative; zero is taken, where the literal square root of the sum
       of squares gives NaN.
    3. Real and generated examples go through the critic in one batch, which changes nothing for such a critic.
    4. In bfloat16 and float16 the norm and the penalty are computed in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from refimpl.generative.wgan import critic_loss, generator_loss

__all__ = ["critic_loss", "generator_loss", "gradient_penalty", "interpolate", "wgan_gp_loss"]

Critic = Callable[[Tensor], Tensor]


def interpolate(real: Tensor, fake: Tensor, epsilon: Tensor | None = None, *, generator: torch.Generator | None = None) -> Tensor:
    """A point between each real example and its generated partner.

    Args:
        real, fake: examples, both ``(N, d1, ...)``.
        epsilon: the real example's share, ``(N,)``; drawn uniformly from [0, 1) where it is not given.
        generator: where that comes from; PyTorch's global one by default.

    Raises:
        ValueError: a shape or dtype does not fit.
    """
    if real.dim() < 2 or not real.is_floating_point():
        raise ValueError(f"interpolate: real must be floating point (N, d1, ...), got {real.dtype} of shape {tuple(real.shape)}")
    if fake.shape != real.shape or fake.dtype != real.dtype:
        raise ValueError(
            f"interpolate: fake must be {real.dtype} of shape {tuple(real.shape)} like real, got {fake.dtype} of shape {tuple(fake.shape)}"
        )
    if epsilon is None:
        epsilon = torch.rand(len(real), dtype=real.dtype, device=real.device, generator=generator)
    elif epsilon.shape != real.shape[:1]:
        raise ValueError(f"interpolate: epsilon must have shape ({len(real)},), one number an example, got {tuple(epsilon.shape)}")
    return torch.lerp(fake, real, epsilon.view(-1, *(1,) * (real.dim() - 1)))  # (N, d1, ...)


def gradient_penalty(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    epsilon: Tensor | None = None,
    *,
    one_sided: bool = False,
    generator: torch.Generator | None = None,
) -> Tensor:
    """How far the norm of the critic's gradient lies from 1, squared, on points between real and generated ones; not yet times lambda.

    Args:
        critic: gives one score an example, ``(N,)`` or ``(N, 1)``, each from its own example alone.
        real, fake: examples, both ``(N, d1, ...)``; detach ``fake``, else the penalty's gradient goes on into the generator.
        epsilon, generator: see :func:`interpolate`.
        one_sided: punish only norms above 1.

    Returns:
        A scalar, differentiable once more; without recorded history under ``torch.no_grad``.

    Raises:
        ValueError: a shape or dtype does not fit, or the critic returns other than one score an example.
    """
    gradient = _input_gradient(critic, interpolate(real, fake, epsilon, generator=generator))
    wide = torch.float32 if gradient.dtype in (torch.bfloat16, torch.float16) else gradient.dtype
    excess = torch.linalg.vector_norm(gradient.flatten(1), dim=1, dtype=wide) - 1.0  # (N,)
    if one_sided:
        excess = excess.relu()
    return excess.square().mean().to(real.dtype)


def wgan_gp_loss(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    weight: float = 10.0,
    epsilon: Tensor | None = None,
    *,
    one_sided: bool = False,
    generator: torch.Generator | None = None,
) -> Tensor:
    """What the critic minimizes: :func:`critic_loss` plus ``weight``, the paper's lambda, times :func:`gradient_penalty`.

    Raises:
        ValueError: ``weight`` is negative or not finite, or see :func:`gradient_penalty`.
    """
    if not 0.0 <= weight < math.inf:
        raise ValueError(f"wgan_gp_loss: weight must be non-negative and finite, got {weight}")
    penalty = gradient_penalty(critic, real, fake, epsilon, one_sided=one_sided, generator=generator)
    real_scores, fake_scores = critic(torch.cat((real, fake))).chunk(2)
    return critic_loss(real_scores, fake_scores) + weight * penalty


def _input_gradient(critic: Critic, x: Tensor) -> Tensor:
    """Gradient of each example's score by that example, like ``x``; differentiable where gradients are enabled."""

    def score(examples: Tensor) -> Tensor:
        scores = critic(examples)
        if scores.shape not in ((len(x),), (len(x), 1)):
            wanted = f"({len(x)},) or ({len(x)}, 1)"
            raise ValueError(f"gradient_penalty: critic must return one score an example, {wanted}, got {tuple(scores.shape)}")
        return scores

    if torch.compiler.is_compiling():  # torch.compile follows torch.func, which is slower in eager mode, but not torch.autograd.grad
        scores, pull_back = torch.func.vjp(score, x)
        return pull_back(torch.ones_like(scores))[0]
    differentiable = torch.is_grad_enabled()
    with torch.enable_grad():
        scores = score(x.requires_grad_())
        return torch.autograd.grad(scores, x, torch.ones_like(scores), create_graph=differentiable)[0]


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    real, fake = torch.tensor([[3.0, 4.0]]).repeat(64, 1), torch.zeros(64, 2)
    critic = torch.nn.Linear(2, 1)
    sgd = torch.optim.SGD(critic.parameters(), lr=0.02)
    for step in range(101):
        loss = wgan_gp_loss(critic, real, fake)
        sgd.zero_grad()
        loss.backward()
        if step % 25 == 0:
            norm, estimate = critic.weight.norm().item(), -critic_loss(critic(real), critic(fake)).item()
            print(f"step {step:3}: loss {loss.item():8.4f}, gradient norm {norm:.4f}, estimated distance {estimate:.4f}")
        sgd.step()
    print("two points at distance d = 5: norm 1 + d / (2 lambda) = 1.25, estimate 1.25 d = 6.25; lambda to infinity gives 1 and d")
