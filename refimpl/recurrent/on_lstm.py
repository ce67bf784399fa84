r"""ON-LSTM: an LSTM whose units are ordered, so that those of high rank keep what those of low rank forget.

Paper
    Shen, Tan, Sordoni and Courville, "Ordered Neurons: Integrating Tree Structures into Recurrent Neural Networks",
    ICLR 2019, arXiv:1810.09536, section 4 (cumax, master gates, structured update) and its experiment on
    unsupervised parsing (distance and tree).

Equations (x_t: D inputs, h_t, c_t: H units in M chunks, * elementwise; a master gate has one number for each chunk)
    cumax        cumax(z) = cumsum(softmax(z)):   rises along the chunks to 1, the probability that a split lies at or before each
    master       F_t = cumax(W_F x_t + U_F h_{t-1} + b_F),   I_t = 1 - cumax(W_I x_t + U_I h_{t-1} + b_I)
    gates        f_t, i_t, o_t = sigmoid(...),   g_t = tanh(...),   those of the LSTM
    overlap      w_t = F_t * I_t,   f'_t = f_t * w_t + (F_t - w_t),   i'_t = i_t * w_t + (I_t - w_t)
    cell         c_t = f'_t * c_{t-1} + i'_t * g_t
    hidden       h_t = o_t * tanh(c_t)
    distance     d_t = M + 1 - sum_k F_t,k:   expected split of the master forget gate
    tree         the largest distance, at word i, splits a sentence into (words before i, (word i, words after i)), and so on

Deviations from the paper
    1. Weights lie in the order I, F of the master gates, then i, f, g, o; two biases, whose sum alone matters, and all
       parameters uniform in +-1 / sqrt(H), as in PyTorch.
    2. The distance counts chunks from 1; the paper leaves the constant out, and a constant changes no tree.
    3. Weight drop and the other regularizers of its language model are in :mod:`refimpl.recurrent.awd_lstm`.
    4. bfloat16 and float16 are projected as they are; the recurrence runs in float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from refimpl.recurrent.one_state import widened
from refimpl.recurrent.stack import RecurrentStack

__all__ = ["ONLSTM", "cumax", "on_lstm_layer", "parse"]


def cumax(input: Tensor, dim: int = -1) -> Tensor:
    """Running sum of a softmax: rises from 0 to 1 along ``dim``."""
    return input.softmax(dim).cumsum(dim)


def on_lstm_layer(projected: Tensor, h0: Tensor, c0: Tensor, weight_hh: Tensor, chunks: int) -> tuple[Tensor, Tensor, Tensor]:
    """Run the recurrence of one layer over a sequence.

    Args:
        projected: W x_t + b, ``(T, B, 2 M + 4 H)`` in the order I, F, i, f, g, o.
        h0, c0: initial output and cell, ``(B, H)``.
        weight_hh: U, ``(2 M + 4 H, H)``.
        chunks: M, a divisor of H.

    Returns:
        Outputs and cells, each ``(T, B, H)``, and distances ``(T, B)``.

    Raises:
        ValueError: a shape or the number of chunks does not fit; the message names it.
    """
    _check(projected, h0, c0, weight_hh, chunks)
    kind, (projected, h, c, weight_hh) = projected.dtype, widened(projected, h0, c0, weight_hh)
    batch, hidden = h.shape
    transposed, steps = weight_hh.t(), []
    for a in projected.unbind():
        master, units = torch.addmm(a, h, transposed).split((2 * chunks, 4 * hidden), 1)
        first, rising = cumax(master.view(batch, 2, chunks)).unbind(1)  # (B, M)
        keep, write = rising.unsqueeze(2), (1 - first).unsqueeze(2)  # (B, M, 1): one number for the units of a chunk
        i, f, g, o = units.view(batch, 4, chunks, hidden // chunks).unbind(1)  # (B, M, H / M)
        overlap = keep * write
        f = torch.addcmul(keep - overlap, f.sigmoid(), overlap)
        i = torch.addcmul(write - overlap, i.sigmoid(), overlap)
        c = torch.addcmul(f * c.view_as(f), i, g.tanh())
        h, c = (o.sigmoid() * c.tanh()).view(batch, hidden), c.view(batch, hidden)
        steps.append((h, c, chunks + 1 - rising.sum(1)))
    h, c, distance = (torch.stack(values).to(kind) for values in zip(*steps, strict=True))
    return h, c, distance


def parse(distances: Sequence[float], words: Sequence[Any]) -> Any:
    """The tree that splits at the largest distance first, as nested pairs.

    Args:
        distances: one for each word.
        words: the sentence; not empty.
    """
    if len(distances) != len(words) or not words:
        raise ValueError(f"parse: expected as many distances as words, at least one, got {len(distances)} and {len(words)}")
    i = max(range(len(words)), key=lambda k: distances[k])
    right = (words[i], parse(distances[i + 1 :], words[i + 1 :])) if i + 1 < len(words) else words[i]
    return (parse(distances[:i], words[:i]), right) if i else right


def _check(projected: Tensor, h0: Tensor, c0: Tensor, weight_hh: Tensor, chunks: int) -> None:
    if weight_hh.dim() != 2 or chunks < 1 or weight_hh.shape[1] % chunks or len(weight_hh) != 2 * chunks + 4 * weight_hh.shape[1]:
        raise ValueError(
            f"on_lstm_layer: weight_hh must have shape (2 M + 4 H, H) with M = {chunks} > 0 dividing H, got {tuple(weight_hh.shape)}"
        )
    height, hidden = weight_hh.shape
    if projected.dim() != 3 or len(projected) == 0 or projected.shape[2] != height:
        raise ValueError(f"on_lstm_layer: projected must have shape (T, B, {height}) with T > 0, got {tuple(projected.shape)}")
    for name, value in (("h0", h0), ("c0", c0)):
        if value.shape != (projected.shape[1], hidden):
            raise ValueError(f"on_lstm_layer: {name} must have shape {(projected.shape[1], hidden)}, got {tuple(value.shape)}")


class _Recurrence(nn.Module):
    """:func:`on_lstm_layer` as a module, so that :meth:`ONLSTM.distances` can hook it."""

    def forward(self, *arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
        return on_lstm_layer(*arguments)


class ONLSTM(RecurrentStack):
    """Multi-layer ON-LSTM; arguments and parameter names as in ``torch.nn.LSTM``, with 2 M rows of weights more, which come first.

    Args:
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional: as in :class:`RecurrentStack`.
        chunk_size: units that share a number of the master gates, H / M.

    Not offered: ``proj_size`` and packed sequences.

    Raises:
        ValueError: a size is not positive, or ``chunk_size`` does not divide ``hidden_size``.
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
        *,
        chunk_size: int = 1,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if chunk_size < 1 or hidden_size % chunk_size:
            raise ValueError(f"ONLSTM: chunk_size must be a positive divisor of hidden_size {hidden_size}, got {chunk_size}")
        options = (bias, batch_first, dropout, bidirectional)
        new = {"extra": 2 * (hidden_size // chunk_size), "device": device, "dtype": dtype}
        super().__init__(input_size, hidden_size, num_layers, *options, rows=4, states=2, **new)
        self.chunk_size = chunk_size
        self.recurrence = _Recurrence()

    def run(self, projected: Tensor, state: tuple[Tensor, ...], key: str) -> tuple[Tensor, tuple[Tensor, ...]]:
        h, c, _ = self.recurrence(projected, *state, getattr(self, f"weight_hh_{key}"), self.hidden_size // self.chunk_size)
        return h, (h[-1], c[-1])

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Run all layers; arguments and results as in :class:`refimpl.recurrent.lstm.LSTM`."""
        return self.run_layers(input, hx)

    def distances(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Expected splits of each layer's master forget gate at each step, ``(layers directions, T, B)``, in the order they are read."""
        found: list[Tensor] = []
        handle = self.recurrence.register_forward_hook(lambda module, arguments, result: found.append(result[2]))
        try:
            self(input, hx)
        finally:
            handle.remove()
        return torch.stack(found)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, chunk_size={self.chunk_size}"


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    print("cumax of 0 0 3 0 0:", [round(v, 2) for v in cumax(torch.tensor([0.0, 0, 3, 0, 0])).tolist()])
    words = ["the", "cat", "on", "the", "mat", "saw", "a", "dog"]
    model = ONLSTM(6, 12, chunk_size=2)
    with torch.no_grad():
        distances = model.distances(torch.randn(8, 1, 6))[0, :, 0].tolist()
    print("distances before training:", *(f"{word} {d:.2f}" for word, d in zip(words, distances, strict=True)))
    print("and the tree they give:", parse(distances, words))
    print("by distances 1 0 2 0 0 4 1 0:", parse([1, 0, 2, 0, 0, 4, 1, 0], words))
