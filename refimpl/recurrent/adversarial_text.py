r"""Adversarial training on word embeddings: learn to give the same answer when the embedded text moves in the worst direction.

Paper
    Miyato, Dai and Goodfellow, "Adversarial Training Methods for Semi-Supervised Text Classification", ICLR 2017,
    arXiv:1605.07725, section 3: normalized embeddings (equation 1), adversarial and virtual adversarial training.

Equations (v_k embedding of word k, f_k its frequency, s the embedded text (T, D), p the classifier, theta^ held constant)
    normalization         v_k <- (v_k - E) / sqrt(V),   E = sum_j f_j v_j,   V = sum_j f_j (v_j - E)^2
    perturbation          r = epsilon g / |g|,   g = grad_s of -log p(y | s; theta^)
    loss                  L = -log p(y | s + r; theta)
    virtual-perturbation  r = epsilon g / |g|,   g = grad_d KL[p(. | s; theta^) || p(. | s + d; theta^)] at d = xi u, u random, |u| = 1
    virtual-loss          L = KL[p(. | s; theta^) || p(. | s + r; theta)]

Deviations from the paper
    1. The virtual perturbation may take its step several times, u <- g / |g|, the power iteration of virtual adversarial
       training (arXiv:1507.00677); the paper takes one.
    2. A text whose gradient is zero is not moved.
    3. Texts of a batch have one length: embed padding as zeros and mask it in the classifier.
    4. The classifier is an LSTM of one layer without the paper's pretraining as a language model; any function of embedded
       texts may stand in its place.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from refimpl.recurrent.lstm import LSTM

__all__ = [
    "TextClassifier",
    "adversarial_loss",
    "adversarial_perturbation",
    "normalize_embeddings",
    "virtual_adversarial_loss",
    "virtual_adversarial_perturbation",
]

Model = Callable[[Tensor], Tensor]


def normalize_embeddings(weight: Tensor, frequencies: Tensor) -> Tensor:
    """Embeddings ``(V, D)`` with mean zero and variance one in each of the D numbers, words weighted by frequency ``(V,)``.

    The frequencies may be counts: they are divided by their sum.
    """
    if weight.dim() != 2 or frequencies.shape != weight.shape[:1]:
        got = f"{tuple(weight.shape)} and {tuple(frequencies.shape)}"
        raise ValueError(f"normalize_embeddings: expected weight (V, D) and frequencies (V,), got {got}")
    shares = (frequencies / frequencies.sum()).to(weight.dtype)
    centered = weight - shares @ weight
    return centered * (shares @ centered.square()).rsqrt()


def adversarial_perturbation(model: Model, embedded: Tensor, labels: Tensor, epsilon: float = 5.0) -> Tensor:
    """The change of length ``epsilon`` that raises the loss of each text most, to first order.

    Args:
        model: from embedded texts ``(B, T, D)`` to logits ``(B, classes)``; used in the mode it is in. No ``grad`` changes.
        embedded: s, ``(B, T, D)``.
        labels: y, ``(B,)``.
        epsilon: length of the change of a whole text.

    Returns:
        r, like ``embedded``, without history.

    Raises:
        ValueError: a shape or the length does not fit; the message names it.
    """
    _check("adversarial_perturbation", embedded, epsilon)
    with torch.enable_grad():
        s = embedded.detach().requires_grad_()
        (g,) = torch.autograd.grad(F.cross_entropy(model(s), labels), s)
    return epsilon * _unit(g)


def adversarial_loss(model: Model, embedded: Tensor, labels: Tensor, epsilon: float = 5.0) -> Tensor:
    """Mean cross-entropy of the texts after :func:`adversarial_perturbation`; a scalar to be added to the ordinary loss."""
    r = adversarial_perturbation(model, embedded, labels, epsilon)
    return F.cross_entropy(model(embedded + r), labels)


def virtual_adversarial_perturbation(
    model: Model,
    embedded: Tensor,
    epsilon: float = 5.0,
    xi: float = 0.1,
    steps: int = 1,
    *,
    direction: Tensor | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """The change of length ``epsilon`` that moves the answer to each text most, to second order; needs no labels.

    Args:
        model, embedded, epsilon: as in :func:`adversarial_perturbation`.
        xi: length of the step at whose end the gradient is taken.
        steps: number of times that it is.
        direction: the first u, of any length, like ``embedded``; drawn at random where None.
        generator: source of the random direction; the default generator where it is None.
    """
    name = "virtual_adversarial_perturbation"
    _check(name, embedded, epsilon)
    if not 0.0 < xi < math.inf:
        raise ValueError(f"{name}: xi must be positive and finite, got {xi}")
    if steps < 1:
        raise ValueError(f"{name}: steps must be positive, got {steps}")
    if direction is not None and direction.shape != embedded.shape:
        raise ValueError(f"{name}: direction must have shape {tuple(embedded.shape)}, got {tuple(direction.shape)}")
    u = _unit(torch.empty_like(embedded).normal_(generator=generator) if direction is None else direction)
    with torch.no_grad():
        answer = model(embedded)
    for _ in range(steps):
        with torch.enable_grad():
            d = (xi * u).requires_grad_()
            (g,) = torch.autograd.grad(_divergence(answer, model(embedded + d)), d)
        u = _unit(g)
    return epsilon * u


def virtual_adversarial_loss(
    model: Model,
    embedded: Tensor,
    epsilon: float = 5.0,
    xi: float = 0.1,
    steps: int = 1,
    *,
    direction: Tensor | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Mean divergence between the answers before and after :func:`virtual_adversarial_perturbation`; a scalar."""
    r = virtual_adversarial_perturbation(model, embedded, epsilon, xi, steps, direction=direction, generator=generator)
    with torch.no_grad():
        answer = model(embedded)
    return _divergence(answer, model(embedded + r))


def _divergence(before: Tensor, after: Tensor) -> Tensor:
    """Mean of KL[softmax(before) || softmax(after)] over the batch."""
    return F.kl_div(after.log_softmax(1), before.log_softmax(1), reduction="batchmean", log_target=True)


def _unit(g: Tensor) -> Tensor:
    """Each text divided by its length; zero where that is zero."""
    length = torch.linalg.vector_norm(g, dim=(1, 2), keepdim=True)
    return torch.where(length > 0, g / length, 0.0)


def _check(function: str, embedded: Tensor, epsilon: float) -> None:
    if embedded.dim() != 3 or not embedded.is_floating_point():
        raise ValueError(f"{function}: embedded must be floating point (B, T, D), got {embedded.dtype} of shape {tuple(embedded.shape)}")
    if not 0.0 <= epsilon < math.inf:
        raise ValueError(f"{function}: epsilon must be non-negative and finite, got {epsilon}")


class TextClassifier(nn.Module):
    """Normalized embeddings, an LSTM, and a linear layer on its last output.

    Args:
        frequencies: how often each word occurs, ``(V,)``.
        embedding_dim, hidden_size: D and units of the LSTM.
        classes: number of classes.

    Shape: words ``(B, T)`` to logits ``(B, classes)``. :meth:`embed` and :meth:`classify` are its two halves; the losses
    above take the second and what the first gives.
    """

    def __init__(
        self,
        frequencies: Tensor,
        embedding_dim: int,
        hidden_size: int,
        classes: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        new = {"device": device, "dtype": dtype}
        self.register_buffer("frequencies", frequencies.to(device=device, dtype=dtype or torch.get_default_dtype()))
        self.embedding = nn.Embedding(len(frequencies), embedding_dim, **new)
        self.lstm = LSTM(embedding_dim, hidden_size, batch_first=True, **new)
        self.output = nn.Linear(hidden_size, classes, **new)

    def embed(self, words: Tensor) -> Tensor:
        """s, ``(B, T, D)``."""
        return F.embedding(words, normalize_embeddings(self.embedding.weight, self.frequencies))

    def classify(self, embedded: Tensor) -> Tensor:
        """Logits of embedded texts."""
        return self.output(self.lstm(embedded)[0][:, -1])

    def forward(self, words: Tensor) -> Tensor:
        return self.classify(self.embed(words))


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    words = torch.randint(20, (80, 6))
    labels = ((words < 7).sum(1) > (words >= 13).sum(1)).long()  # more good words than bad ones
    print("80 texts of six words: mean loss as they are, moved by length 1 at random, and in the worst direction")
    for name in ("ordinary", "adversarial"):
        torch.manual_seed(0)
        model = TextClassifier(words.flatten().bincount(minlength=20) + 1, 8, 12, 2)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
        for _ in range(40):
            s = model.embed(words)
            loss = F.cross_entropy(model.classify(s), labels)
            if name == "adversarial":
                loss = loss + adversarial_loss(model.classify, s, labels, 1.0)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        s = model.embed(words).detach()
        moves = 0 * s, _unit(torch.randn_like(s)), adversarial_perturbation(model.classify, s, labels, 1.0)
        shown = [f"{F.cross_entropy(model.classify(s + r), labels).item():.3f}" for r in moves]
        print(f"  {name:<11} training:", *shown)
