r"""word2vec: word vectors from predicting a word's neighbors (skip-gram) or a word from its neighbors (CBOW).

Papers
    Mikolov, Chen, Corrado and Dean, "Efficient Estimation of Word Representations in Vector Space", arXiv:1301.3781 (both models).
    Mikolov, Sutskever, Chen, Corrado and Dean, "Distributed Representations of Words and Phrases and their Compositionality",
    NeurIPS 2013, arXiv:1310.4546: equations 1 and 2 (softmax), 3 (hierarchical), 4 (negative sampling), 5 (subsampling).

Equations (v input and v' output vectors of W words, U unigram frequencies f, sigma the sigmoid)
    skip-gram-objective   1/T sum_t sum_{0 < |j| <= c} log p(w_{t+j} | w_t),   p(o | i) = exp(v'_o . v_i) / sum_w exp(v'_w . v_i)
    cbow-prediction       h = mean of v over the neighbors,   p(w_t | neighbors) as above with h for v_i
    negative-sampling-objective   log sigma(v'_o . v_i) + sum_{k} log sigma(-v'_{w_k} . v_i),   w_k ~ P_n,  P_n(w) ~ U(w)^(3/4)
    word2vec-subsampling  a word of frequency f is dropped with probability 1 - sqrt(t / f)

Deviations from the papers
    1. A window's reach is drawn from 1 ... c for each word only where asked; nearer words count more then.
    2. CBOW divides by the number of neighbors there are, fewer than 2 c at the ends of a text.
    3. Noise comes from an alias table, exact, where the authors' code fills a table of 10^8 words; a noise word may be the true one.
    4. Input vectors start uniform on +-1 / (2 D), output vectors at zero, as in the authors' code; the papers do not say.
    5. One loss for a batch of pairs, for any optimizer; the authors update after each word.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.foundations.hierarchical_softmax import HierarchicalSoftmax
from refimpl.language.alias import AliasTable, alias_table

__all__ = ["Word2Vec", "keep_probability", "negative_sampling_loss", "neighbors", "noise_table", "skip_gram_pairs"]


def keep_probability(counts: Tensor, threshold: float = 1e-5) -> Tensor:
    """Probability with which each occurrence of a word stays, ``(W,)`` from counts ``(W,)``; 1 for words rarer than ``threshold``."""
    if not threshold > 0 or not (counts >= 0).all() or not counts.sum() > 0:
        raise ValueError(f"keep_probability: expected non-negative counts with a positive sum and threshold > 0, got {threshold}")
    return (threshold * counts.sum() / counts).sqrt().clamp(max=1)


def noise_table(counts: Tensor, power: float = 0.75) -> AliasTable:
    """The distribution of negative samples, in proportion to ``counts ** power``."""
    return alias_table(counts.double() ** power)


def neighbors(tokens: Tensor, window: int, reach: Tensor | None = None) -> Tensor:
    """The words around each word of a text, ``(T, 2 window)`` from ``(T,)``; -1 where there is none.

    Args:
        window: c, words on each side.
        reach: fewer for each word, 1 to c, ``(T,)``.
    """
    if tokens.dim() != 1 or not len(tokens) or tokens.is_floating_point() or window < 1:
        raise ValueError(
            f"neighbors: expected whole numbers (T,), T > 0, and window >= 1, got {tokens.dtype} {tuple(tokens.shape)} and {window}"
        )
    if reach is not None and reach.shape != tokens.shape:
        raise ValueError(f"neighbors: reach must have shape {tuple(tokens.shape)}, got {tuple(reach.shape)}")
    padded = F.pad(tokens, (window, window), value=-1).unfold(0, 2 * window + 1, 1)  # (T, 2 c + 1)
    around = torch.cat((padded[:, :window], padded[:, window + 1 :]), 1)
    if reach is None:
        return around
    distance = torch.cat((torch.arange(window, 0, -1), torch.arange(1, window + 1))).to(tokens.device)
    return around.masked_fill(distance > reach[:, None], -1)


def skip_gram_pairs(tokens: Tensor, window: int, reach: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Every word with each of its :func:`neighbors`: centers and contexts, each ``(P,)``."""
    around = neighbors(tokens, window, reach)
    row, column = (around >= 0).nonzero().unbind(1)
    return tokens[row], around[row, column]


def negative_sampling_loss(hidden: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """Negative of equation 4, for each of B pairs: ``(B,)``.

    Args:
        hidden: v_i, or the mean h of CBOW, ``(B, D)``.
        positive: v' of the true word, ``(B, D)``.
        negative: v' of the noise words, ``(B, K, D)``.
    """
    if positive.shape != hidden.shape or negative.dim() != 3 or negative.shape[::2] != hidden.shape:
        got = f"{tuple(hidden.shape)}, {tuple(positive.shape)} and {tuple(negative.shape)}"
        raise ValueError(f"negative_sampling_loss: expected (B, D), (B, D) and (B, K, D), got {got}")
    true = (hidden * positive).sum(1)
    noise = (negative * hidden.unsqueeze(1)).sum(2)  # (B, K)
    return F.softplus(-true) + F.softplus(noise).sum(1)


class Word2Vec(nn.Module):
    """Both models with both outputs.

    Args:
        counts: how often each of W words occurs, ``(W,)``.
        embedding_dim: D.
        negative: number K of noise words; 0 takes hierarchical softmax.

    Shape: words ``(B,)`` for skip-gram, or ``(B, N)`` of neighbors with -1 for none for CBOW; targets ``(B,)``; noise words
    ``(B, K)``, drawn where None; to the loss of each pair, ``(B,)``.
    """

    def __init__(
        self,
        counts: Tensor,
        embedding_dim: int,
        negative: int = 5,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if counts.dim() != 1 or len(counts) < 2 or embedding_dim < 1 or negative < 0:
            got = f"{tuple(counts.shape)}, {embedding_dim} and {negative}"
            raise ValueError(f"Word2Vec: expected counts of two or more words, embedding_dim >= 1 and negative >= 0, got {got}")
        new = {"device": device, "dtype": dtype}
        self.negative = negative
        self.input = nn.Embedding(len(counts), embedding_dim, **new)
        if negative:
            self.output = nn.Embedding(len(counts), embedding_dim, **new)
            self._noise = noise_table(counts.cpu())
        else:
            self.output = HierarchicalSoftmax(embedding_dim, counts, **new)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Input vectors uniform on +-1 / (2 D), output vectors zero."""
        bound = 0.5 / self.input.embedding_dim
        nn.init.uniform_(self.input.weight, -bound, bound)
        nn.init.zeros_(self.output.weight)

    def hidden(self, words: Tensor) -> Tensor:
        """The vector of a word ``(B,)``, or the mean over the neighbors ``(B, N)`` that there are: ``(B, D)``."""
        if words.dim() == 1:
            return self.input(words)
        there = (words >= 0).unsqueeze(2)
        return (self.input(words.clamp(min=0)) * there).sum(1) / there.sum(1).clamp(min=1)

    def forward(self, words: Tensor, target: Tensor, noise: Tensor | None = None) -> Tensor:
        if words.dim() not in (1, 2) or target.shape != words.shape[:1]:
            got = f"{tuple(words.shape)} and {tuple(target.shape)}"
            raise ValueError(f"Word2Vec: expected words (B,) or (B, N) and target (B,), got {got}")
        h = self.hidden(words)
        if not self.negative:
            return -self.output(h, target).output
        if noise is None:
            noise = self._noise.draw((len(target), self.negative)).to(target.device)
        return negative_sampling_loss(h, self.output(target), self.output(noise))

    def log_prob(self, words: Tensor) -> Tensor:
        """Log-probabilities of all words by equation 2, or by the tree: ``(B, W)``."""
        h = self.hidden(words)
        return (h @ self.output.weight.T).log_softmax(1) if self.negative else self.output.log_prob(h)

    def extra_repr(self) -> str:
        return f"negative={self.negative}"


def two_topics(length: int, generator: torch.Generator | None = None) -> Tensor:
    """A text of sentences of eight words, each about one of two topics: words 0 to 4 or 5 to 9; 10 occurs in both."""
    topic = torch.randint(2, (length // 8, 1), generator=generator)
    words = torch.randint(5, (length // 8, 8), generator=generator) + 5 * topic
    common = torch.rand(words.shape, generator=generator) < 0.2
    return words.masked_fill(common, 10).flatten()


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    text = two_topics(8000).to(torch.get_default_device())
    counts = torch.bincount(text, minlength=11)
    print("counts:", counts.tolist())
    print("kept with threshold 0.05:", [round(p, 2) for p in keep_probability(counts, 0.05).tolist()])
    centers, contexts = skip_gram_pairs(text, 3)
    around = neighbors(text, 3)
    for name, words, target in (("skip-gram", centers, contexts), ("CBOW", around, text)):
        for negative in (5, 0):
            model = Word2Vec(counts, 8, negative)
            adam = torch.optim.Adam(model.parameters(), 2e-2)
            for _ in range(150):
                batch = torch.randint(len(target), (512,))
                adam.zero_grad()
                model(words[batch], target[batch]).mean().backward()
                adam.step()
            v = F.normalize(model.input.weight.detach()[:10])
            near = v @ v.T
            within, across = (near[:5, :5].sum() - 5) / 20, near[:5, 5:].mean()
            output = "negative sampling" if negative else "hierarchical softmax"
            print(f"{name:<9} {output:<20} cosine within a topic {within.item():5.2f}, across {across.item():5.2f}")
