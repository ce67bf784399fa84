"""An LSTM that guesses the next character of a text, one step at a time, with its gates in the open."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.live.part import Demonstration, Inputs, Part, show
from refimpl.live.text import TEXT
from refimpl.recurrent import lstm

__all__ = ["LIVE", "ReadCharacter", "encode", "inside", "letters_since_space"]

ALPHABET = " abcdefghijklmnopqrstuvwxyz0123456789.,;:()-'"
HIDDEN = 64
SEED, STEPS, BATCH, LENGTH, RATE, DROPPED = 0, 3000, 48, 50, 8e-3, 0.3
HELD_OUT = 0.1
"""Share at the end of the text that the model never learns from."""


def encode(text: str) -> Tensor:
    """Places of the characters in ``ALPHABET``, ``(T,)``; in lower case, and a space for what the alphabet lacks."""
    return torch.tensor([max(ALPHABET.find(character), 0) for character in " ".join(text.lower().split())])


class ReadCharacter(nn.Module):
    """One step of the reference LSTM and a softmax over the next character."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = lstm.LSTM(len(ALPHABET), HIDDEN)
        self.read = nn.Linear(HIDDEN, len(ALPHABET))

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        """Read the one-hot character ``x`` ``(1, B, A)`` in state ``h``, ``c`` ``(B, H)``.

        Returns:
            Probabilities of the next character ``(B, A)``, the new h and c, and the gates i, f, g and o, each ``(B, H)``.
        """
        projected = self.lstm._project(x, "l0")
        (h,), (c,), (g,), (o,), (early,) = lstm._unroll(projected, h, c, self.lstm.weight_hh_l0, None)
        i, f = early.chunk(2, 1)
        return self.read(h).softmax(1), h, c, i, f, g, o

    def scores(self, characters: Tensor, dropped: float = 0.0) -> Tensor:
        """Scores of the character after each of ``characters`` ``(T, B)``, ``(T, B, A)``, with a share of the outputs dropped."""
        outputs, _ = self.lstm(F.one_hot(characters, len(ALPHABET)).float())
        return self.read(F.dropout(outputs, dropped))

    def cells(self, characters: Tensor) -> Tensor:
        """The cell state after each of ``characters`` ``(T,)``, ``(T, H)``."""
        projected = self.lstm._project(F.one_hot(characters, len(ALPHABET)).float().unsqueeze(1), "l0")
        zero = projected.new_zeros(1, HIDDEN)
        return lstm.lstm_layer(projected, zero, zero, self.lstm.weight_hh_l0)[1].squeeze(1)


def inside(text: str) -> Tensor:
    """1 from an opening parenthesis to the character before its closing one, else 0, ``(T,)``."""
    depth, found = 0, []
    for character in text:
        depth = 1 if character == "(" else 0 if character == ")" else depth
        found.append(float(depth))
    return torch.tensor(found)


def letters_since_space(text: str) -> Tensor:
    """How many characters of the current word have been read, ``(T,)``."""
    count, found = 0, []
    for character in text:
        count = 0 if character == " " else count + 1
        found.append(float(count))
    return torch.tensor(found)


def _parts() -> dict[str, Part]:
    outputs = ("next", "new_h", "new_c", "input", "forget", "candidate", "output")
    return {"characters": Part(ReadCharacter(), outputs, _sample)}


def _sample(generator: torch.Generator) -> Inputs:
    character = torch.randint(len(ALPHABET), (1, 1), generator=generator)
    h, c = torch.randn(2, 1, HIDDEN, generator=generator)
    return {"x": F.one_hot(character, len(ALPHABET)).float(), "h": h.tanh(), "c": 2.0 * c}


def _train(parts: dict[str, Part]) -> dict[str, float]:
    model = parts["characters"].module
    torch.manual_seed(SEED)
    with torch.no_grad():
        model.lstm.bias_ih_l0[HIDDEN : 2 * HIDDEN] = 1.0  # the forget gate starts open
    text = encode(TEXT)
    learned, held_out = text.split([len(text) - round(HELD_OUT * len(text)), round(HELD_OUT * len(text))])
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    draws = torch.Generator().manual_seed(SEED)
    for _ in range(STEPS):
        starts = torch.randint(len(learned) - LENGTH, (BATCH,), generator=draws)
        window = learned[starts + torch.arange(LENGTH + 1).unsqueeze(1)]  # (T + 1, B)
        loss = F.cross_entropy(model.scores(window[:-1], DROPPED).flatten(0, 1), window[1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        bits = {
            name: F.cross_entropy(model.scores(part[:-1].unsqueeze(1)).squeeze(1), part[1:]).item() / math.log(2)
            for name, part in (("learned_bits", learned), ("held_out_bits", held_out))
        }
        return bits | _probe(model, learned)


def _probe(model: ReadCharacter, characters: Tensor) -> dict[str, float]:
    """The unit whose cell state follows each feature of the text most closely, and its correlation."""
    text = "".join(ALPHABET[k] for k in characters.tolist())
    cells = model.cells(characters)
    found = {}
    for name, feature in (("inside", inside(text)), ("word", letters_since_space(text))):
        correlations = torch.corrcoef(torch.cat((feature.unsqueeze(0), cells.t())))[0, 1:]
        unit = correlations.abs().argmax()
        found |= {f"{name}_unit": unit.item(), f"{name}_correlation": correlations[unit].item()}
    return found


LIVE = Demonstration(topic="lstm", parts=_parts, train=_train, facts={"alphabet": ALPHABET, "hidden": HIDDEN})


if __name__ == "__main__":
    show(__doc__, LIVE)
