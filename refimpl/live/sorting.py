"""Two layers of attention, the first with several heads, that put the letters of a word in alphabetical order."""

from __future__ import annotations

import string

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.live.part import Demonstration, Inputs, Part, show
from refimpl.recurrent.multi_head_attention import MultiheadAttention

__all__ = ["LIVE", "Sorter", "words"]

LONGEST = 10
SIZE, HEADS = 32, 2
SEED, STEPS, BATCH, RATE = 0, 8000, 128, 4e-3
TESTED = 2000


class Sorter(nn.Module):
    """Letters look at each other to learn their ranks; then each place of the answer looks for the letter of its rank.

    There are no positions on the side of the letters, so a word and its anagrams give the same answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.letters = nn.Embedding(len(string.ascii_lowercase) + 1, SIZE)  # the last one marks the start
        self.places = nn.Parameter(torch.randn(LONGEST, SIZE))
        self.compare = MultiheadAttention(SIZE, HEADS, batch_first=True)
        self.mix = nn.Sequential(nn.Linear(SIZE, 2 * SIZE), nn.ReLU(), nn.Linear(2 * SIZE, SIZE))
        self.choose = MultiheadAttention(SIZE, 1, batch_first=True)
        self.read = nn.Linear(SIZE, len(string.ascii_lowercase))

    def forward(self, letters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Sort ``letters`` ``(B, L)`` of numbers 0 to 25.

        Returns:
            Scores of the letter at each place ``(B, L, 26)``, weights of the first layer between the start and the letters,
            ``(B, heads, 1 + L, 1 + L)``, and of the second from places to these, ``(B, L, 1 + L)``.
        """
        x = self.letters(F.pad(letters, (1, 0), value=len(string.ascii_lowercase)))  # (B, 1 + L, E)
        compared, ranks = self.compare(x, x, x, average_attn_weights=False)
        x = x + compared
        x = x + self.mix(x)
        places = self.places[: letters.shape[1]].expand(len(letters), -1, -1)  # (B, L, E)
        chosen, choices = self.choose(places, x, x)
        return self.read(chosen), ranks, choices


def words(count: int, length: int, generator: torch.Generator) -> Tensor:
    """Random letters, ``(count, length)``."""
    return torch.randint(len(string.ascii_lowercase), (count, length), generator=generator)


def _sample(generator: torch.Generator) -> Inputs:
    return {"letters": words(1, 7, generator)}


def _train(parts: dict[str, Part]) -> dict[str, float]:
    model = parts["sorting"].module
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    draws = torch.Generator().manual_seed(SEED)

    def length() -> int:
        return int(torch.randint(2, LONGEST + 1, (), generator=draws))

    for _ in range(STEPS):
        word = words(BATCH, length(), draws)
        loss = F.cross_entropy(model(word)[0].flatten(0, 1), word.sort(1).values.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        tested = [words(1, length(), draws) for _ in range(TESTED)]
        right = [bool((model(word)[0].argmax(2) == word.sort(1).values).all()) for word in tested]
    return {"sorted_share": sum(right) / TESTED, "tested": TESTED}


LIVE = Demonstration(
    topic="attention",
    parts=lambda: {"sorting": Part(Sorter(), ("scores", "ranks", "choices"), _sample, {"letters": 1})},
    train=_train,
    facts={"longest": LONGEST, "heads": HEADS},
)


if __name__ == "__main__":
    show(__doc__, LIVE)
