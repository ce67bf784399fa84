"""The noise of a batch beside the same sentence by sentence."""

from __future__ import annotations

from functools import partial

import torch

from refimpl.language.unsupervised_mt import noise
from tests.refimpl.harness.bench import Bench
from tests.refimpl.language.cases_unsupervised_mt import METHOD


def one_by_one(tokens: torch.Tensor, lengths: torch.Tensor, drop: float, shuffle: int) -> torch.Tensor:
    found = torch.zeros_like(tokens)
    for row, words, n in zip(found, tokens, lengths.tolist(), strict=True):
        words = words[:n][torch.rand(n) >= drop]
        order = (torch.arange(len(words)) + (shuffle + 1) * torch.rand(len(words))).argsort()
        row[: len(words)] = words[order]
    return found


BENCHES = [
    Bench(
        METHOD,
        "noise, 128 sentences of 40 words",
        lambda: partial(noise, drop=0.1, shuffle=3),
        {"sentence by sentence": lambda: partial(one_by_one, drop=0.1, shuffle=3)},
        lambda: (torch.randint(1000, (128, 40)), torch.full((128,), 40)),
        backward=False,
        compiled=False,
    )
]
