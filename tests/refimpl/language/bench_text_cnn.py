"""The features of one width beside the rectifier before the pooling, as in most published code."""

from __future__ import annotations

import torch.nn.functional as F

from refimpl.language.text_cnn import features
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import function, randn
from tests.refimpl.language.cases_text_cnn import METHOD


def pooled(vectors, weight, bias):
    c = F.conv1d(vectors.transpose(1, 2), weight, bias).relu()
    return F.max_pool1d(c, c.shape[2]).squeeze(2)


BENCHES = [
    Bench(
        METHOD,
        "50 sentences of 40 words, 300 numbers each, 100 filters of width 4",
        function(features),
        {"torch.nn.functional.conv1d, relu and max_pool1d": lambda: pooled},
        lambda: (randn(50, 40, 300, seed=0), randn(100, 300, 4, seed=1), randn(100, seed=2)),
    )
]
