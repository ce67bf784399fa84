r"""InfoGAN: part of the generator's input is a code that can be read off what it makes, so that the code comes to mean something.

Paper
    Chen, Duan, Houthooft, Schulman, Sutskever and Abbeel, "InfoGAN: Interpretable Representation Learning by Information
    Maximizing Generative Adversarial Nets", NIPS 2016, arXiv:1606.03657. Section 5, equations 4 to 6; section 6.

Equations (c the codes, x = G(z, c), Q(c | x) a guess of the codes, H their entropy, I mutual information)
    infogan-objective  min over G, Q, max over D of V(D, G) - lambda L_I
    infogan-bound      L_I = E log Q(c | x) + H(c) <= I(c; x),   equal where Q is the posterior of c
    infogan-factors    log Q(c | x) = sum over codes of log softmax(l)_c or of log N(c; mu, sigma^2), sigma = exp(s)

Deviations from the paper
    1. The paper leaves out H(c), which is constant; with it each part of L_I is a lower bound in nats, zero where nothing is known.
    2. Each code has its own part of L_I, so that the continuous ones can get a smaller lambda, as section 6 advises.
    3. Q is to share all but its last layer with D; this is left to the caller, who gives what Q puts out.
    4. In bfloat16 and float16 L_I is computed in float32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from refimpl.convolution.windows import raised

__all__ = ["Codes"]


class Codes:
    """Independent codes: categorical ones, each value as likely as the other, and continuous ones, uniform from -1 to 1.

    Args:
        categories: how many values each categorical code has; the paper takes one of 10 for MNIST.
        continuous: how many continuous codes there are.

    Attributes:
        size: S, how many numbers the codes take in the generator's input: a one-hot vector each, then the continuous ones.
        outputs: O, how many numbers Q gives: logits for each categorical code, then all mu, then all s.

    Raises:
        ValueError: a categorical code has fewer than two values, or there is no code.
    """

    def __init__(self, categories: Sequence[int] = (10,), continuous: int = 2) -> None:
        if any(count < 2 for count in categories) or continuous < 0 or len(categories) + continuous == 0:
            wanted = "categories of at least two values each or continuous codes, or both"
            raise ValueError(f"Codes: expected {wanted}, got {tuple(categories)} and {continuous}")
        self.categories, self.continuous = tuple(categories), continuous
        self.size = sum(categories) + continuous
        self.outputs = sum(categories) + 2 * continuous

    def sample(self, count: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Draws of all codes, ``(count, S)``, in the default dtype and on the generator's device."""
        device = None if generator is None else generator.device
        values = [torch.randint(values, (count,), generator=generator, device=device) for values in self.categories]
        one_hot = [F.one_hot(v, values) for v, values in zip(values, self.categories, strict=True)]
        uniform = 2 * torch.rand(count, self.continuous, generator=generator, device=device) - 1
        return torch.cat([*one_hot, uniform], 1)  # (count, S)

    def information(self, outputs: Tensor, codes: Tensor) -> Tensor:
        """The parts of L_I, to be raised by generator and Q.

        Args:
            outputs: of Q, ``(N, O)``.
            codes: those that the generator was given, ``(N, S)``.

        Returns:
            One number a code, in nats, the categorical ones first; of a categorical code at most the logarithm of its values.

        Raises:
            ValueError: a shape does not fit.
        """
        if outputs.dim() != 2 or outputs.shape[1] != self.outputs or codes.shape != (len(outputs), self.size):
            wanted = f"outputs (N, {self.outputs}) and codes (N, {self.size})"
            raise ValueError(f"information: expected {wanted}, got shapes {tuple(outputs.shape)} and {tuple(codes.shape)}")
        given, wide = raised(codes), raised(outputs)
        spans = [*self.categories, self.continuous]
        *one_hot, c = given.split(spans, 1)
        *logits, mean, log_std = wide.split([*spans, self.continuous], 1)
        guesses = [(value * logit.log_softmax(1)).sum(1).mean() for value, logit in zip(one_hot, logits, strict=True)]
        known = [guess + math.log(values) for guess, values in zip(guesses, self.categories, strict=True)]
        density = -log_std - ((c - mean) * (-log_std).exp()).square() / 2 - math.log(2 * math.pi) / 2  # (N, continuous)
        return torch.stack([*known, *(math.log(2) + density.mean(0))]).to(outputs.dtype)


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    print("a 'generator' that shows the wrong one of 4 values at times, and a continuous code with noise; Q learns to read both")
    for wrong, noise in ((0.0, 0.05), (0.2, 0.2), (0.75, 2.0)):
        codes = Codes((4,), 1)
        c = codes.sample(4000)
        shown = torch.where(torch.rand(4000) < wrong, (c[:, :4].argmax(1) + torch.randint(1, 4, (4000,))) % 4, c[:, :4].argmax(1))
        x = torch.cat([F.one_hot(shown, 4).float(), c[:, 4:] + noise * torch.randn(4000, 1)], 1)
        guess = torch.nn.Linear(5, codes.outputs)
        optimizer = torch.optim.Adam(guess.parameters(), 0.05)
        for _ in range(400):
            optimizer.zero_grad()
            information = codes.information(guess(x), c)
            (-information.sum()).backward()
            optimizer.step()
        known = math.log(4) + ((1 - wrong) * math.log(1 - wrong) if wrong < 1 else 0) + (wrong * math.log(wrong / 3) if wrong else 0)
        print(
            f"  wrong {wrong:4.0%}: {information[0].item():6.3f} nats of {known:6.3f};   "
            f"noise {noise:.2f}: {information[1].item():6.3f} nats"
        )
