"""Cases of InfoGAN's bound: the parts of each code beside torch.distributions and loops in NumPy."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.distributions import Categorical, Normal

from refimpl.generative.infogan import Codes
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, rand, randn

METHOD = "infogan"
SETS = {"both kinds": ((3, 5), 2), "categorical alone": ((4,), 0), "continuous alone": ((), 3)}


def one_hot(categories, n, seed):
    generator = torch.Generator().manual_seed(seed)
    drawn = [torch.nn.functional.one_hot(torch.randint(k, (n,), generator=generator), k) for k in categories]
    return torch.cat([torch.zeros(n, 0), *drawn], 1).double()


def sample(categories, continuous, n, seed, scale=1.0, name="plain"):
    width = sum(categories) + 2 * continuous
    codes = torch.cat([one_hot(categories, n, seed), rand(n, continuous, seed=seed + 1)], 1)
    return Sample((randn(n, width, seed=seed + 2) * scale, codes), {}, name)


def by_distributions(categories, continuous):
    def parts(_, outputs, codes):
        found, at = [], 0
        for k in categories:
            here = slice(at, at + k)
            found.append(
                Categorical(logits=torch.zeros(k, dtype=torch.float64)).entropy()
                + (codes[:, here] * Categorical(logits=outputs[:, here]).logits).sum(1).mean()
            )
            at += k
        mean, s = outputs[:, at : at + continuous], outputs[:, at + continuous :]
        for j in range(continuous):
            found.append(math.log(2) + Normal(mean[:, j], s[:, j].exp()).log_prob(codes[:, at + j]).mean())
        return torch.stack(found)

    return parts


def by_loops(categories, continuous):
    def parts(_, outputs, codes):
        found = np.zeros(len(categories) + continuous)
        for o, c in zip(outputs, codes, strict=True):
            at = 0
            for i, k in enumerate(categories):
                logits = o[at : at + k]
                found[i] += logits @ c[at : at + k] - logits.max() - math.log(np.exp(logits - logits.max()).sum()) + math.log(k)
                at += k
            for j in range(continuous):
                s = o[at + continuous + j]
                found[len(categories) + j] += math.log(2) - ((c[at + j] - o[at + j]) / math.exp(s)) ** 2 / 2 - s - math.log(2 * math.pi) / 2
        return found / len(outputs)

    return parts


WANTED = r"^Codes: expected categories of at least two values each or continuous codes, or both, got "
SHAPES = r"^information: expected outputs \(N, 7\) and codes \(N, 5\), got shapes "
SMALL = Codes((3,), 2)

CASES = [
    Case(
        METHOD,
        name,
        lambda s=(categories, continuous): Codes(*s).information,
        lambda s=(categories, continuous): [sample(*s, 4, seed=1), sample(*s, 7, seed=5, scale=0.3, name="seven examples")],
        (
            Oracle("torch.distributions", by_distributions(categories, continuous)),
            Oracle("loops in NumPy", by_loops(categories, continuous), "numpy"),
        ),
        hard=lambda s=(categories, continuous): [sample(*s, 4, seed=9, scale=8.0, name="extreme outputs")],
        degenerate=lambda s=(categories, continuous): [sample(*s, 1, seed=13, name="one example")],
        bad=(
            Bad(lambda: Codes((3, 1), 2), WANTED + r"\(3, 1\) and 2$"),
            Bad(lambda: Codes((), 0), WANTED + r"\(\) and 0$"),
            Bad(lambda: Codes((3, 4), -1), WANTED + r"\(3, 4\) and -1$"),
            Bad(lambda: SMALL.information(torch.ones(2, 6), torch.ones(2, 5)), SHAPES + r"\(2, 6\) and \(2, 5\)$"),
            Bad(lambda: SMALL.information(torch.ones(2, 7), torch.ones(2, 4)), SHAPES + r"\(2, 7\) and \(2, 4\)$"),
            Bad(lambda: SMALL.information(torch.ones(2, 7), torch.ones(3, 5)), SHAPES + r"\(2, 7\) and \(3, 5\)$"),
            Bad(lambda: SMALL.information(torch.ones(7), torch.ones(7, 5)), SHAPES + r"\(7,\) and \(7, 5\)$"),
        )
        if categories and continuous
        else (),
        gradcheck=2,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
    )
    for name, (categories, continuous) in SETS.items()
]
