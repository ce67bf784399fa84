"""The search with arrays at each node beside the same with dictionaries and recursion."""

from __future__ import annotations

from typing import ClassVar

import torch

from refimpl.reinforcement.alphazero import search
from tests.refimpl.harness.bench import Bench
from tests.refimpl.reinforcement.cases_alphazero import METHOD
from tests.refimpl.reinforcement.test_alphazero import Branches, dictionaries


class Remembered(Branches):
    """A game whose positions are made once, so that the search is timed and not the game."""

    known: ClassVar[dict] = {}
    most = 60

    def play(self, move):
        path = (*self.path, move)
        if path not in self.known:
            self.known[path] = Remembered(path, self.seed)
        return self.known[path]


START = Remembered(seed=2)


def arrays() -> torch.Tensor:
    return torch.from_numpy(search(START, lambda at: (at.prior, at.value), 800).visits).float()


def by_recursion() -> torch.Tensor:
    n, _ = dictionaries(START, 800, 1.25)
    return torch.tensor([n.get(((), move), 0) for move in START.names]).float()


BENCHES = [
    Bench(
        METHOD,
        "800 simulations in a random tree of up to 60 moves",
        lambda: arrays,
        {"dictionaries and recursion": lambda: by_recursion},
        backward=False,
        compiled=False,
    )
]
