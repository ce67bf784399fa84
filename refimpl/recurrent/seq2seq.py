r"""Encoder and decoder with attention: read a sequence into states, write another that looks back at them at each step.

Papers
    Sutskever, Vinyals and Le, "Sequence to Sequence Learning with Neural Networks", NIPS 2014, arXiv:1409.3215:
    the two networks, the end symbol, beam search.
    Bahdanau, Cho and Bengio, "Neural Machine Translation by Jointly Learning to Align and Translate", ICLR 2015,
    arXiv:1409.0473, section 3.1 and appendix A: attention, additive score.

Equations (x source, y target, h_i encoder states, s_t decoder states, E y the embedding of y)
    factorization  p(y | x) = prod_{t=1...T} p(y_t | y_1 ... y_{t-1}, x),   y_T the end symbol
    encoder        h_i = GRU(E x_i, h_{i-1}),   s_0 = tanh(W h_S)
    context        c_t = sum_i a_ti h_i,   a_ti = softmax_i(e_ti),   e_ti = v . tanh(A s_{t-1} + B h_i)
    decoder        s_t = GRU([E y_{t-1}; c_t], s_{t-1}),   p(y_t | ...) = softmax(O [s_t; c_t])
    loss           L = -sum_t log p(y*_t | y*_1 ... y*_{t-1}, x):   teacher forcing, the conditions are the correct symbols

Deviations from the papers
    1. The encoder reads in one direction and has one layer; Bahdanau's reads in both, Sutskever's is an LSTM of four layers.
    2. The output layer is linear in state and context; Bahdanau's has a maxout layer that sees E y_{t-1} too.
    3. Gates act after the product, as in :mod:`refimpl.recurrent.gru`.
    4. Beam search is in :mod:`refimpl.recurrent.beam_search`, without length normalization.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.recurrent.attention import AdditiveAttention, additive_scores, attend
from refimpl.recurrent.beam_search import Hypothesis, beam_search
from refimpl.recurrent.gru import GRU

__all__ = ["Seq2Seq", "sequence_loss"]


def sequence_loss(logits: Tensor, target: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Negative log-probability of each target sequence.

    Args:
        logits: ``(B, T, V)``.
        target: the correct symbols, ``(B, T)``.
        lengths: number of symbols that count in each sequence, ``(B,)``; T where None.

    Returns:
        ``(B,)``.
    """
    if logits.dim() != 3 or target.shape != logits.shape[:2]:
        raise ValueError(f"sequence_loss: expected logits (B, T, V) and target (B, T), got {tuple(logits.shape)} and {tuple(target.shape)}")
    losses = F.cross_entropy(logits.transpose(1, 2), target, reduction="none")  # (B, T)
    if lengths is None:
        return losses.sum(1)
    return losses.masked_fill(~_within(lengths, target), 0.0).sum(1)


def _within(lengths: Tensor, tokens: Tensor) -> Tensor:
    """True at the places ``(B, T)`` before each sequence's length."""
    if lengths.shape != tokens.shape[:1]:
        raise ValueError(f"seq2seq: lengths must have shape ({len(tokens)},), got {tuple(lengths.shape)}")
    return torch.arange(tokens.shape[1], device=tokens.device) < lengths.unsqueeze(1)


class Seq2Seq(nn.Module):
    """The model.

    Args:
        source_symbols, target_symbols: sizes of the vocabularies.
        embedding_dim: size of the embeddings.
        hidden_size: units of encoder, decoder and score.

    Shape: source ``(B, S)``, target ``(B, T)`` from the start symbol on, ``source_lengths`` ``(B,)`` (all of S where None),
    to logits of the symbol after each of the target, ``(B, T, target_symbols)``, and attention weights ``(B, T, S)``.

    Raises:
        ValueError: a size is not positive; in a call, a shape does not fit.
    """

    def __init__(
        self,
        source_symbols: int,
        target_symbols: int,
        embedding_dim: int,
        hidden_size: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        sizes = {"source_symbols": source_symbols, "target_symbols": target_symbols}
        for name, value in {**sizes, "embedding_dim": embedding_dim, "hidden_size": hidden_size}.items():
            if value < 1:
                raise ValueError(f"Seq2Seq: {name} must be positive, got {value}")
        new = {"device": device, "dtype": dtype}
        self.source_embedding = nn.Embedding(source_symbols, embedding_dim, **new)
        self.target_embedding = nn.Embedding(target_symbols, embedding_dim, **new)
        self.encoder = GRU(embedding_dim, hidden_size, batch_first=True, **new)
        self.bridge = nn.Linear(hidden_size, hidden_size, bias=False, **new)
        self.attention = AdditiveAttention(hidden_size, hidden_size, hidden_size, **new)
        self.decoder = GRU(embedding_dim + hidden_size, hidden_size, **new)
        self.output = nn.Linear(2 * hidden_size, target_symbols, **new)

    def encode(self, source: Tensor, source_lengths: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """States ``(B, S, H)``, where attention may look ``(B, 1, S)``, and s_0 ``(B, H)``."""
        if source.dim() != 2 or not source.shape[1]:
            raise ValueError(f"Seq2Seq: source must have shape (B, S) with S > 0, got {tuple(source.shape)}")
        states, _ = self.encoder(self.source_embedding(source))
        lengths = torch.full_like(source[:, 0], source.shape[1]) if source_lengths is None else source_lengths
        mask = _within(lengths, source)
        last = states[torch.arange(len(source), device=source.device), lengths - 1]
        return states, mask.unsqueeze(1), self.bridge(last).tanh()

    def step(self, embedded: Tensor, s: Tensor, states: Tensor, keys: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One step of the decoder: s_t and c_t, each ``(B, H)``, and the weights ``(B, S)``.

        Args:
            embedded: E y_{t-1}, ``(B, embedding_dim)``.
            s: s_{t-1}, ``(B, H)``.
            states, keys: the encoder's, and those times B, ``(B, S, H)``.
            mask: as from :meth:`encode`.
        """
        scores = additive_scores(self.attention.query_proj(s).unsqueeze(1), keys, self.attention.v)  # (B, 1, S)
        context, weights = attend(scores, states, mask)
        context = context.squeeze(1)
        _, s = self.decoder(torch.cat((embedded, context), 1).unsqueeze(0), s.unsqueeze(0))
        return s.squeeze(0), context, weights.squeeze(1)

    def forward(self, source: Tensor, target: Tensor, source_lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if target.dim() != 2 or len(target) != len(source) or not target.shape[1]:
            raise ValueError(f"Seq2Seq: target must have shape ({len(source)}, T) with T > 0, got {tuple(target.shape)}")
        states, mask, s = self.encode(source, source_lengths)
        keys, read, looked = self.attention.key_proj(states), [], []
        for embedded in self.target_embedding(target).unbind(1):
            s, context, weights = self.step(embedded, s, states, keys, mask)
            read.append(torch.cat((s, context), 1))
            looked.append(weights)
        return self.output(torch.stack(read, 1)), torch.stack(looked, 1)

    @torch.no_grad()
    def decode(self, source: Tensor, start: int, end: int, width: int = 1, max_length: int = 50) -> list[Hypothesis]:
        """Translate one source ``(S,)`` by beam search; arguments and result as in :func:`refimpl.recurrent.beam_search.beam_search`."""
        states, mask, s = self.encode(source.unsqueeze(0))
        keys = self.attention.key_proj(states)

        def step(tokens: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
            n = len(tokens)
            embedded = self.target_embedding(tokens)
            s, context, _ = self.step(embedded, s, *(v.expand(n, -1, -1) for v in (states, keys, mask)))
            return self.output(torch.cat((s, context), 1)).log_softmax(1), s

        return beam_search(step, s, start, end, width, max_length)


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    start, end, length = 8, 9, 5
    model = Seq2Seq(8, 10, 16, 32)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    print("reverse a string of five digits; chance has a loss of about", round(length * torch.tensor(8.0).log().item(), 1))
    for i in range(121):
        source = torch.randint(8, (32, length))
        target = torch.cat((source.new_full((32, 1), start), source.flip(1), source.new_full((32, 1), end)), 1)
        loss = sequence_loss(model(source, target[:, :-1])[0], target[:, 1:]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if i % 40 == 0:
            print(f"  step {i:3d}  loss {loss.item():.3f}")
    source = torch.tensor([3, 1, 4, 1, 5])
    print("3 1 4 1 5 becomes", *model.decode(source, start, end, 3, 8)[0].tokens[:-1])
