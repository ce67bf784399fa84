r"""Character-level language model: a recurrent network that guesses the next character of a text, and writes by guessing.

Sources
    Karpathy, "The Unreasonable Effectiveness of Recurrent Neural Networks", 2015: the model, sampling with a temperature.
    Williams and Peng, "An Efficient Gradient-Based Algorithm for On-Line Training of Recurrent Network Trajectories",
    Neural Computation 2(4), 1990, doi:10.1162/neco.1990.2.4.490: truncated backpropagation through time.

Equations (x_t the one-hot character t, h_t the state, y_t scores of the next character, tau a temperature)
    chain-rule   p(x_1 ... x_T) = prod_t p(x_t | x_1 ... x_{t-1})
    step         h_t = tanh(W_hh h_{t-1} + W_xh x_t + b),   y_t = W_hy h_t + d,   p(x_{t+1} | ...) = softmax(y_t)
    perplexity   exp(-1/T sum_t log p(x_t | x_<t))
    temperature  p_i = exp(y_i / tau) / sum_j exp(y_j / tau)
    truncation   the text is read in pieces of k characters; the state goes on from piece to piece, its gradient does not

Deviations from the sources
    1. Biases b and d, as in PyTorch; the equations of the essay leave them out.
    2. ``cell`` chooses the network of the step, that of the equations or an LSTM or GRU, which the essay's experiments use.
    3. Temperature 0 is the limit: the most probable character, always.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from refimpl.recurrent.gru import GRU
from refimpl.recurrent.lstm import LSTM
from refimpl.recurrent.rnn import RNN

__all__ = ["Alphabet", "CharRNN", "perplexity", "sample", "streams", "train_epoch", "write"]

CELLS = {"rnn": RNN, "gru": GRU, "lstm": LSTM}


class Alphabet:
    """The characters of a text, numbered in their order in Unicode."""

    def __init__(self, text: str) -> None:
        self.characters = "".join(sorted(set(text)))
        self._places = {character: k for k, character in enumerate(self.characters)}

    def __len__(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> Tensor:
        """Numbers of the characters, ``(T,)``."""
        unknown = set(text) - self._places.keys()
        if unknown:
            raise ValueError(f"Alphabet: expected characters of {self.characters!r}, got {min(unknown)!r}")
        return torch.tensor([self._places[character] for character in text], dtype=torch.long)

    def decode(self, numbers: Iterable[int]) -> str:
        return "".join(self.characters[k] for k in numbers)


class CharRNN(nn.Module):
    """The model.

    Args:
        num_symbols: size of the alphabet A.
        hidden_size: units H.
        num_layers: recurrent layers.
        cell: "rnn", "gru" or "lstm".
        dropout: between layers.

    Shape: characters ``(T, B)`` and a state as the cell takes it to scores of the character after each, ``(T, B, A)``, and
    the state to go on from.

    Raises:
        ValueError: a size or the name of the cell does not fit; in a call, the shape of the characters.
    """

    def __init__(
        self,
        num_symbols: int,
        hidden_size: int,
        num_layers: int = 1,
        cell: str = "rnn",
        dropout: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if cell not in CELLS:
            raise ValueError(f"CharRNN: cell must be one of {', '.join(CELLS)}, got {cell!r}")
        self.num_symbols = num_symbols
        self.rnn = CELLS[cell](num_symbols, hidden_size, num_layers, dropout=dropout, device=device, dtype=dtype)
        self.read = nn.Linear(hidden_size, num_symbols, device=device, dtype=dtype)

    def forward(self, characters: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        if characters.dim() != 2:
            raise ValueError(f"CharRNN: characters must have shape (T, B), got {tuple(characters.shape)}")
        outputs, state = self.rnn(F.one_hot(characters, self.num_symbols).to(self.read.weight.dtype), state)
        return self.read(outputs), state


def perplexity(scores: Tensor, targets: Tensor) -> Tensor:
    """exp of the mean cross-entropy of scores ``(..., A)`` with the characters that came, ``(...)``."""
    if scores.shape[:-1] != targets.shape or not targets.numel():
        raise ValueError(
            f"perplexity: expected scores (..., A) and targets (...), not empty, got {tuple(scores.shape)} and {tuple(targets.shape)}"
        )
    return F.cross_entropy(scores.flatten(0, -2), targets.flatten()).exp()


def sample(scores: Tensor, temperature: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Characters ``(B,)`` drawn from scores ``(B, A)``; the most probable ones at temperature 0."""
    if not temperature >= 0:
        raise ValueError(f"sample: temperature must be non-negative, got {temperature}")
    if temperature == 0:
        return scores.argmax(1)
    return torch.multinomial((scores / temperature).softmax(1), 1, generator=generator).squeeze(1)


@torch.no_grad()
def write(model: CharRNN, prefix: Tensor, count: int, temperature: float = 1.0, *, generator: Generator | None = None) -> list[int]:
    """``count`` characters that go on from a prefix ``(T,)``, each read by the model before it gives the next."""
    if prefix.dim() != 1 or not len(prefix):
        raise ValueError(f"write: prefix must have shape (T,) with T > 0, got {tuple(prefix.shape)}")
    scores, state = model(prefix.unsqueeze(1))
    written = []
    for _ in range(count):
        character = sample(scores[-1], temperature, generator=generator)  # (1,)
        written.append(int(character))
        scores, state = model(character[None], state)
    return written


def streams(text: Tensor, batch: int, length: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Pieces of a text read by ``batch`` readers at once, each its own part of it from beginning to end.

    Args:
        text: characters, ``(N,)``.
        batch: number of readers B.
        length: characters in a piece; the last piece may be shorter.

    Yields:
        Characters and the ones that follow them, each ``(T, B)``: column b goes on in the next piece where it stopped.

    Raises:
        ValueError: the text is too short for so many readers, or a number is not positive.
    """
    for name, value in (("batch", batch), ("length", length)):
        if value < 1:
            raise ValueError(f"streams: {name} must be positive, got {value}")
    each = (len(text) - 1) // batch
    if each < 1:
        raise ValueError(f"streams: expected a text of more than {batch} characters for {batch} readers, got {len(text)}")
    read, follow = (text[k : k + batch * each].view(batch, each).t() for k in (0, 1))
    return zip(read.split(length), follow.split(length), strict=True)


def train_epoch(
    model: CharRNN, optimizer: torch.optim.Optimizer, text: Tensor, batch: int, length: int, max_norm: float | None = None
) -> float:
    """Read a text once with a step of the optimizer after each piece; returns the mean loss of a character, in nats.

    Args:
        model, optimizer: of its parameters.
        text, batch, length: as in :func:`streams`.
        max_norm: bound on the norm of the gradient; None for none.
    """
    state, total, count = None, 0.0, 0
    for characters, following in streams(text, batch, length):
        scores, state = model(characters, _detached(state))
        loss = F.cross_entropy(scores.flatten(0, 1), following.flatten())
        optimizer.zero_grad()
        loss.backward()
        if max_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        total, count = total + loss.item() * following.numel(), count + following.numel()
    return total / count


def _detached(state: Any) -> Any:
    if isinstance(state, tuple):
        return tuple(_detached(part) for part in state)
    return None if state is None else state.detach()


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    text = "the cat sat on the mat. the dog sat on the log. the cat saw the dog and the dog ran. " * 12
    alphabet = Alphabet(text)
    model = CharRNN(len(alphabet), 48)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(31):
        loss = train_epoch(model, optimizer, alphabet.encode(text), 8, 25, max_norm=5.0)
        if epoch % 10 == 0:
            print(f"epoch {epoch:2d}: perplexity {torch.tensor(loss).exp().item():.2f} of {len(alphabet)} characters")
    for temperature in (0.0, 0.5, 1.5):
        print(f"temperature {temperature}: the {alphabet.decode(write(model, alphabet.encode('the '), 50, temperature))}")
