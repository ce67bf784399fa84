r"""Generative adversarial network: a generator learns to make examples that a discriminator cannot tell from the data.

Paper
    Goodfellow, Pouget-Abadie, Mirza, Xu, Warde-Farley, Ozair, Courville and Bengio, "Generative Adversarial Networks",
    NeurIPS 2014, arXiv:1406.2661. Equation 1, algorithm 1, proposition 1 and theorem 1. The networks for images are
    DCGAN's, in ``refimpl.generative.dcgan``.

Equations (l the discriminator's logit, D = 1 / (1 + e^-l); x from the data, x~ = G(z); p and q their densities)
    gan-minimax         V = E log D(x) + E log(1 - D(x~))
    gan-discriminator   L_D = -V = -mean log sigmoid(l(x)) - mean log sigmoid(-l(x~))
    gan-non-saturating  L_G = -E log D(x~) = -mean log sigmoid(l(x~))
    gan-saturating      L_G = E log(1 - D(x~)) = mean log sigmoid(-l(x~))
    gan-optimum         D* = p / (p + q),   V(D*) = 2 JSD(p, q) - log 4

Deviations from the paper
    1. The discriminator gives logits, and the logarithm of the sigmoid is one function, which neither overflows nor loses its
       gradient; since 1 - sigmoid(l) = sigmoid(-l), it serves both terms.
    2. The non-saturating loss, which the paper recommends in section 3, is the default of the demonstration.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from refimpl.generative.dcgan import Discriminator, Generator

__all__ = ["Discriminator", "Generator", "discriminator_loss", "generator_loss", "optimal_discriminator", "saturating_generator_loss"]


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """What the discriminator minimizes, -V: cross-entropy of real examples as 1 plus that of generated ones as 0."""
    return -F.logsigmoid(real_logits).mean() - F.logsigmoid(-fake_logits).mean()


def generator_loss(fake_logits: Tensor) -> Tensor:
    """The non-saturating loss: cross-entropy of generated examples as 1; strong where the discriminator is sure."""
    return -F.logsigmoid(fake_logits).mean()


def saturating_generator_loss(fake_logits: Tensor) -> Tensor:
    """The generator's part of V, to be minimized; its gradient vanishes where the discriminator is sure."""
    return F.logsigmoid(-fake_logits).mean()


def optimal_discriminator(p_data: Tensor, p_generator: Tensor) -> Tensor:
    """The best probability at points where the densities of data and generator have these values; NaN where both are zero."""
    return p_data / (p_data + p_generator)


if __name__ == "__main__":
    from refimpl.data import digits_split
    from refimpl.demo import arguments

    arguments(__doc__)
    images = digits_split().x[:512] * 2 - 1
    images = images.to(torch.get_default_device())
    generator, discriminator = Generator(16, 16, 1, 8), Discriminator(16, 1, 8)
    of_generator, of_discriminator = (torch.optim.Adam(net.parameters(), 1e-3, (0.5, 0.999)) for net in (generator, discriminator))
    for step in range(301):
        real = images[torch.randint(512, (64,))]
        loss = discriminator_loss(discriminator(real), discriminator(generator(torch.randn(64, 16)).detach()))
        of_discriminator.zero_grad()
        loss.backward()
        of_discriminator.step()
        wanted = generator_loss(discriminator(generator(torch.randn(64, 16))))
        of_generator.zero_grad()
        wanted.backward()
        of_generator.step()
        if step % 100 == 0:
            print(f"step {step:3}: discriminator {loss:.3f} (log 4 = 1.386 where it cannot tell), generator {wanted:.3f}")
    made = generator(torch.randn(6, 16))[:, 0]
    for row in range(8):
        print("  ".join("".join(" .:*#"[min(int((p + 1) * 2.5), 4)] for p in image[row].tolist()) for image in made))
