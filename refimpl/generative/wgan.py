r"""Wasserstein GAN: a critic with small weights estimates the earth mover's distance, which the generator makes smaller.

Paper
    Arjovsky, Chintala and Bottou, "Wasserstein GAN", ICML 2017, arXiv:1701.07875. Equation 2 (the dual of the distance) and
    algorithm 1; example 1 for two parallel lines.

Equations (D the critic, one number an example; x real, x~ = G(z) generated)
    wgan-distance   W(p, q) = max over D of Lipschitz constant 1 of E_p D(x) - E_q D(x)
    wgan-critic     L = mean D(x~) - mean D(x)
    wgan-clip       w <- min(max(w, -c), c) for every weight of the critic after each of its steps,   c = 0.01
    wgan-generator  L = -mean D(x~)

Deviations from the paper
    1. The paper ascends the distance's estimate; here its negative is a loss to descend, which is the same.
    2. Clipping bounds the Lipschitz constant by some K, not by 1: the estimate is K times the distance at most, as in the paper.
    3. The demonstration takes 0.05 for c and for the learning rate of RMSProp; the paper takes 0.01 and 0.00005.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

__all__ = ["clip_weights_", "critic_loss", "generator_loss"]


def critic_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Mean score of the generated minus that of the real examples: the negative of the distance's estimate."""
    return fake_scores.mean() - real_scores.mean()


def generator_loss(fake_scores: Tensor) -> Tensor:
    """What the generator minimizes: the negative mean score of its examples."""
    return -fake_scores.mean()


@torch.no_grad()
def clip_weights_(parameters: Iterable[Tensor], limit: float = 0.01) -> None:
    """Clamp every weight of the critic to [-limit, limit] in place, to be called after each of its steps.

    Raises:
        ValueError: ``limit`` is not positive.
    """
    if not limit > 0.0:
        raise ValueError(f"clip_weights_: limit must be positive, got {limit}")
    weights = list(parameters)
    if weights:
        torch._foreach_clamp_min_(weights, -limit)
        torch._foreach_clamp_max_(weights, limit)


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    generator, real = torch.zeros(2, requires_grad=True), torch.randn(256, 2) * 0.1 + torch.tensor([2.0, -1.0])
    critic = torch.nn.Sequential(torch.nn.Linear(2, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))
    of_critic, of_generator = torch.optim.RMSprop(critic.parameters(), 0.05), torch.optim.RMSprop([generator], 0.05)
    print("a generator that adds a shift to its noise; the data are shifted by (2, -1)")
    for step in range(121):
        for _ in range(5):
            fake = torch.randn(256, 2) * 0.1 + generator.detach()
            loss = critic_loss(critic(real), critic(fake))
            of_critic.zero_grad()
            loss.backward()
            of_critic.step()
            clip_weights_(critic.parameters(), 0.05)
        if step % 30 == 0:
            shift = ", ".join(f"{s:5.2f}" for s in generator.tolist())
            print(f"  step {step:3}: estimate, up to its factor, {-loss.item():8.5f}; shift ({shift})")
        of_generator.zero_grad()
        generator_loss(critic(torch.randn(256, 2) * 0.1 + generator)).backward()
        of_generator.step()
