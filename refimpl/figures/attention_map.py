"""The attention map of one layer that has learned to spell words backwards.

Keys hold a letter and its distance from both ends of the word, queries only the distances of the place to be filled;
that the first place should look at the last letter is for training to find.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.figures.plain import numbers
from refimpl.recurrent.multi_head_attention import MultiheadAttention
from refimpl.training.adam import Adam

__all__ = ["Speller", "data"]

LETTERS, LONGEST, SIZE = 26, 10, 48
BATCH, STEPS, RATE, SEED = 64, 800, 3e-3, 0
WORDS = ("gradient", "attention", "atlas")


class Speller(nn.Module):
    """Embeddings of letters and places, one head of attention, and a linear read-out."""

    def __init__(self) -> None:
        super().__init__()
        self.letters = nn.Embedding(LETTERS, SIZE)
        self.from_start, self.from_end = nn.Embedding(LONGEST, SIZE), nn.Embedding(LONGEST, SIZE)
        self.attention = MultiheadAttention(SIZE, 1, batch_first=True)
        self.out = nn.Linear(SIZE, LETTERS)

    def forward(self, letters: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of the letters of the word spelled backwards ``(B, T, 26)``, and the weights ``(B, T, T)``."""
        places = torch.arange(letters.shape[1])
        at = (self.from_start(places) + self.from_end(places.flip(0))).expand(len(letters), -1, -1)
        said = self.letters(letters)
        mixed, weights = self.attention(at, said + at, said)
        return self.out(mixed), weights


def train() -> tuple[Speller, float]:
    """The trained network, and the share of letters it gets right in fresh words."""
    torch.manual_seed(SEED)
    net, generator = Speller(), torch.Generator().manual_seed(SEED)
    optimizer = Adam(net.parameters(), lr=RATE)

    def words() -> Tensor:
        length = int(torch.randint(3, LONGEST + 1, (), generator=generator))
        return torch.randint(LETTERS, (BATCH, length), generator=generator)

    for _ in range(STEPS):
        letters = words()
        optimizer.zero_grad()
        F.cross_entropy(net(letters)[0].flatten(0, 1), letters.flip(1).flatten()).backward()
        optimizer.step()
    with torch.no_grad():
        fresh = [words() for _ in range(50)]
        right = torch.cat([(net(letters)[0].argmax(2) == letters.flip(1)).flatten() for letters in fresh])
    return net, right.double().mean().item()


def data() -> dict[str, Any]:
    """For each word its weights, a row for each letter written, and what was written; ``accuracy`` on fresh random words."""
    net, accuracy = train()
    words = []
    for word in WORDS:
        letters = torch.tensor([[ord(c) - ord("a") for c in word]])
        with torch.no_grad():
            scores, weights = net(letters)
        written = "".join(chr(ord("a") + i) for i in scores[0].argmax(1).tolist())
        words.append({"word": word, "written": written, "weights": numbers(weights[0])})
    return {"accuracy": accuracy, "words": words}
