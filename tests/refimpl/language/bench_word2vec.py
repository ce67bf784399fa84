"""A batch of skip-gram with negative sampling beside the obvious composition, and draws from the noise beside torch.multinomial."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F

from refimpl.language.word2vec import Word2Vec, noise_table
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import rand
from tests.refimpl.language.cases_word2vec import METHOD

COUNTS = rand(20_000, seed=1, low=1.0, high=1000.0)


class Plain(Word2Vec):
    """One product for true and noise words, binary cross-entropy on labels."""

    def forward(self, words, target, noise):
        both = self.output(torch.cat((target[:, None], noise), 1))
        scores = torch.einsum("bd,bkd->bk", self.input(words), both)
        labels = torch.zeros_like(scores)
        labels[:, 0] = 1
        return F.binary_cross_entropy_with_logits(scores, labels, reduction="none").sum(1)


def made(kind):
    torch.manual_seed(0)
    model = kind(COUNTS, 100)
    torch.nn.init.normal_(model.output.weight)
    return model


def sample():
    draw = torch.Generator().manual_seed(2)
    return (*torch.randint(20_000, (2, 1024), generator=draw), torch.randint(20_000, (1024, 5), generator=draw))


BENCHES = [
    Bench(
        METHOD,
        "1024 pairs, 5 noise words, D = 100",
        lambda: made(Word2Vec),
        {"binary cross-entropy": lambda: made(Plain)},
        sample,
        compiled=False,
    ),
    Bench(
        METHOD,
        "50,000 draws from 20,000 words",
        lambda: partial(lambda table, _: table.draw((50_000,)), noise_table(COUNTS)),
        {"torch.multinomial": lambda: lambda p: torch.multinomial(p, 50_000, replacement=True)},
        lambda: (COUNTS**0.75,),
        backward=False,
        compiled=False,
    ),
]
