r"""Least-squares GAN: the discriminator regresses codes of real and generated, so that far examples still get a gradient.

Paper
    Mao, Li, Xie, Lau, Wang and Smolley, "Least Squares Generative Adversarial Networks", ICCV 2017, arXiv:1611.04076.
    Section 3.2: the losses, the best discriminator, and the Pearson divergence that the generator then minimizes.

Equations (D(x) a number without bounds; a and b the codes of generated and real, c what the generator wants D to say)
    lsgan-discriminator  L_D = 1/2 mean (D(x) - b)^2 + 1/2 mean (D(x~) - a)^2
    lsgan-generator      L_G = 1/2 mean (D(x~) - c)^2
    lsgan-optimum        D*(x) = (b p(x) + a q(x)) / (p(x) + q(x)),   p the data's density, q the generator's
    lsgan-pearson        2 C = sum_x (2 q - (p + q))^2 / (p + q)   for b - c = 1, b - a = 2, where
                         C = 1/2 E_p (D* - c)^2 + 1/2 E_q (D* - c)^2

Deviations from the paper
    1. The defaults a = 0, b = c = 1 are the paper's 0-1 coding; a = -1, b = 1, c = 0 gives the Pearson divergence.
    2. The generator's loss leaves out E_p (D(x) - c)^2, which does not depend on it, as the paper's does.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["discriminator_loss", "generator_loss", "optimal_discriminator"]


def discriminator_loss(real_scores: Tensor, fake_scores: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """Half the mean squared distance of the real scores from ``b`` plus half that of the generated ones from ``a``.

    Raises:
        ValueError: ``a`` equals ``b``, so that there is nothing to tell apart.
    """
    if a == b:
        raise ValueError(f"discriminator_loss: a and b must differ, got {a} and {b}")
    return 0.5 * ((real_scores - b).square().mean() + (fake_scores - a).square().mean())


def generator_loss(fake_scores: Tensor, c: float = 1.0) -> Tensor:
    """Half the mean squared distance of the generated examples' scores from ``c``."""
    return 0.5 * (fake_scores - c).square().mean()


def optimal_discriminator(p_data: Tensor, p_generator: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """The best score at points where the densities of data and generator have these values; NaN where both are zero."""
    return (b * p_data + a * p_generator) / (p_data + p_generator)


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    p, q = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.1, 0.3, 0.6])
    best = optimal_discriminator(p, q, -1.0, 1.0)
    cost = 0.5 * ((p + q) * best.square()).sum()
    print(f"codes -1, 1 and c = 0: twice the generator's cost {2 * cost:.6f}, Pearson divergence {((q - p) ** 2 / (p + q)).sum():.6f}")
    scores = torch.tensor([1.0, 3.0, 10.0], requires_grad=True)
    generator_loss(scores).backward()
    logistic = -torch.sigmoid(-scores.detach()) / 3
    print("generated examples with scores 1, 3 and 10, far on the real side: the gradient pulls them back to the boundary")
    print("  least squares", [f"{g:.4f}" for g in scores.grad.tolist()], "non-saturating logistic", [f"{g:.4f}" for g in logistic.tolist()])
