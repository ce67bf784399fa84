r"""AWD-LSTM: an ordinary LSTM language model in which everything around the cell is regularized.

Paper
    Merity, Keskar and Socher, "Regularizing and Optimizing LSTM Language Models", ICLR 2018, arXiv:1708.02182,
    section 2 (weight drop), section 4 (dropout, tying, sizes, activation penalties). The optimizer of section 3 is
    :mod:`refimpl.training.nt_asgd`. Locked dropout: Gal and Ghahramani, arXiv:1512.05287.

Equations (U recurrent weights, E embedding matrix, h_t output of the last layer; every mask m Bernoulli(1 - p), divided by 1 - p)
    weight-drop  U' = m * U,             one mask for the whole sequence, its entries independent
    locked       y_t = m * h_t,          one mask for all steps of a sequence, another for each sequence of the batch
    embedding    e_t = m_w E_w,          one number for each word w of the vocabulary, in the whole batch
    tied         logits_t = E y_t + b:   the embedding matrix is the weight of the output layer
    ar           alpha mean (m * h_t)^2
    tar          beta mean (h_{t+1} - h_t)^2,   without masks

Deviations from the paper
    1. The activation penalties are means of squares, as in the authors' code; the paper writes Euclidean norms.
    2. Kept entries are divided by 1 - p, so that evaluation needs no change.
    3. Defaults are the paper's for the Penn Treebank. Sequence lengths drawn at random, with the step size scaled to
       them, and fine-tuning are left to the caller.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from refimpl.recurrent.lstm import LSTM, lstm_layer
from refimpl.training.dropout import dropout, dropout_mask

__all__ = ["AWDLSTM", "WeightDropLSTM", "activation_penalty", "embedding_dropout", "locked_dropout", "temporal_penalty"]

State = tuple[Tensor, Tensor]


def locked_dropout(input: Tensor, p: float = 0.5, training: bool = True, *, generator: Generator | None = None) -> Tensor:
    """Dropout with one mask for all steps.

    Args:
        input: ``(T, B, D)``.
        p: probability of dropping a unit.
        training: without it the input is returned as it is.
        generator: source of the random numbers; the default generator where it is None.
    """
    if input.dim() != 3:
        raise ValueError(f"locked_dropout: input must have shape (T, B, D), got {tuple(input.shape)}")
    if not training or p == 0:
        return input
    return dropout(input, p, mask=dropout_mask(input[:1], p, generator=generator))


def embedding_dropout(
    words: Tensor, weight: Tensor, p: float = 0.1, training: bool = True, *, generator: Generator | None = None
) -> Tensor:
    """Look up words of which some are dropped wherever they occur.

    Args:
        words: indices, of any shape.
        weight: E, ``(V, D)``.
        p: probability of dropping a word.
        training, generator: as in :func:`locked_dropout`.

    Returns:
        ``(*words.shape, D)``.
    """
    if weight.dim() != 2:
        raise ValueError(f"embedding_dropout: weight must have shape (V, D), got {tuple(weight.shape)}")
    rows = F.embedding(words, weight)
    if not training or p == 0:
        return rows
    return dropout(rows, p, mask=dropout_mask(weight[:, :1], p, generator=generator)[words])


def activation_penalty(dropped: Tensor, alpha: float = 2.0) -> Tensor:
    """AR: alpha times the mean square of the outputs after dropout; a scalar to be added to the loss."""
    return alpha * dropped.square().mean()


def temporal_penalty(output: Tensor, beta: float = 1.0) -> Tensor:
    """TAR: beta times the mean square change of the outputs ``(T, B, D)`` from step to step, before dropout; zero for one step."""
    return beta * output.diff(dim=0).square().mean() if len(output) > 1 else output[:0].sum()


class WeightDropLSTM(LSTM):
    """An LSTM whose recurrent weights are dropped in training; state dict and arguments as in :class:`refimpl.recurrent.lstm.LSTM`.

    Args:
        weight_dropout: probability of dropping a recurrent weight.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        weight_dropout: float = 0.5,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device=device, dtype=dtype)
        if not 0.0 <= weight_dropout <= 1.0:
            raise ValueError(f"WeightDropLSTM: weight_dropout must lie in [0, 1], got {weight_dropout}")
        self.weight_dropout = weight_dropout

    def run(self, projected: Tensor, state: tuple[Tensor, ...], key: str) -> tuple[Tensor, tuple[Tensor, ...]]:
        weight = dropout(getattr(self, f"weight_hh_{key}"), self.weight_dropout, self.training)
        h, c = lstm_layer(projected, *state, weight)
        return h, (h[-1], c[-1])

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, weight_dropout={self.weight_dropout}"


class AWDLSTM(nn.Module):
    """The language model.

    Args:
        ntoken: number of words V.
        ninp: size of the embedding, and of the last layer where the weights are tied.
        nhid: units of the other layers.
        nlayers: number of layers.
        dropout: probability of dropping an output of the last layer.
        dropouth: the same between layers.
        dropouti: the same for the embedded input.
        dropoute: probability of dropping a word.
        wdrop: probability of dropping a recurrent weight.
        tie_weights: read the output layer's weight from the embedding.

    Shape: words ``(T, B)`` and each layer's (h, c), ``(1, B, units)``, to logits ``(T, B, V)``, the last layer's outputs
    after and before dropout, each ``(T, B, units)``, and the states to go on from.

    Raises:
        ValueError: a size is not positive, or a probability is none.
    """

    def __init__(
        self,
        ntoken: int,
        ninp: int = 400,
        nhid: int = 1150,
        nlayers: int = 3,
        dropout: float = 0.4,
        dropouth: float = 0.3,
        dropouti: float = 0.4,
        dropoute: float = 0.1,
        wdrop: float = 0.5,
        tie_weights: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, value in {"ntoken": ntoken, "ninp": ninp, "nhid": nhid, "nlayers": nlayers}.items():
            if value < 1:
                raise ValueError(f"AWDLSTM: {name} must be positive, got {value}")
        for name, value in {"dropout": dropout, "dropouth": dropouth, "dropouti": dropouti, "dropoute": dropoute, "wdrop": wdrop}.items():
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"AWDLSTM: {name} must lie in [0, 1], got {value}")
        self.dropout, self.dropouth, self.dropouti, self.dropoute = dropout, dropouth, dropouti, dropoute
        new = {"device": device, "dtype": dtype}
        sizes = [ninp, *[nhid] * (nlayers - 1), ninp if tie_weights else nhid]
        self.encoder = nn.Embedding(ntoken, ninp, **new)
        self.rnns = nn.ModuleList(WeightDropLSTM(a, b, weight_dropout=wdrop, **new) for a, b in pairwise(sizes))
        self.decoder = nn.Linear(sizes[-1], ntoken, **new)
        if tie_weights:
            self.decoder.weight = self.encoder.weight
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Embedding and output weights uniform in +-0.1, output bias zero, LSTM parameters uniform in +-1 / sqrt(units)."""
        for weight in (self.encoder.weight, self.decoder.weight):
            nn.init.uniform_(weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)
        for rnn in self.rnns:
            rnn.reset_parameters()

    def forward(self, words: Tensor, states: tuple[State, ...] | None = None) -> tuple[Tensor, Tensor, Tensor, tuple[State, ...]]:
        if words.dim() != 2:
            raise ValueError(f"AWDLSTM: words must have shape (T, B), got {tuple(words.shape)}")
        if states is not None and len(states) != len(self.rnns):
            raise ValueError(f"AWDLSTM: states must hold the states of {len(self.rnns)} layers, got {len(states)}")
        raw = embedding_dropout(words, self.encoder.weight, self.dropoute, self.training)  # (T, B, ninp)
        last, rates = [], [self.dropouti, *[self.dropouth] * (len(self.rnns) - 1)]
        for k, (rnn, p) in enumerate(zip(self.rnns, rates, strict=True)):
            raw, state = rnn(locked_dropout(raw, p, self.training), None if states is None else states[k])
            last.append(state)
        dropped = locked_dropout(raw, self.dropout, self.training)
        return self.decoder(dropped), dropped, raw, tuple(last)

    def extra_repr(self) -> str:
        return f"dropout={self.dropout}, dropouth={self.dropouth}, dropouti={self.dropouti}, dropoute={self.dropoute}"


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    chance = torch.full((12, 12), 0.02).scatter_(1, torch.randperm(12).unsqueeze(1), 1.0)  # a favorite word after each word
    words = [torch.randint(12, (8,))]
    for _ in range(60):
        words.append(torch.multinomial(chance[words[-1]], 1).squeeze(1))
    train, held = torch.stack(words)[:21], torch.stack(words)[20:]  # (T, B)
    print("a random language of 12 words, 8 texts: perplexity on what was read and on how the texts go on")
    for name, rates in (("no dropout", (0.0,) * 5), ("AWD", (0.3, 0.2, 0.2, 0.1, 0.3))):
        torch.manual_seed(1)
        model = AWDLSTM(12, 16, 32, 2, *rates)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
        for _ in range(80):
            logits, dropped, raw, _ = model(train[:-1])
            loss = F.cross_entropy(logits.flatten(0, 1), train[1:].flatten())
            optimizer.zero_grad()
            (loss + activation_penalty(dropped, 0.02) + temporal_penalty(raw, 0.01)).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            shown = [F.cross_entropy(model(w[:-1])[0].flatten(0, 1), w[1:].flatten()).exp().item() for w in (train, held)]
        print(f"  {name:<10} {shown[0]:.2f} {shown[1]:.2f}")
