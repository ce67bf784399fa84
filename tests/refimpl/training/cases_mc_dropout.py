"""Cases of Monte Carlo dropout: mean and variance of given samples, and the entropies of given logits."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from refimpl.training.dropout import Dropout
from refimpl.training.mc_dropout import dropout_active, entropies, precision, predict, sample
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn

METHOD = "variational-dropout"
DRAWS, LOGITS = randn(5, 3, 2, seed=1), randn(4, 3, 6, seed=2) * 3


def moments_in_torch(_, draws, tau=float("inf")):
    return draws.mean(0), 1 / tau + torch.var(draws, 0, correction=0)


def moments_in_numpy(_, draws, tau=float("inf")):
    mean = sum(draws) / len(draws)
    return mean, 1 / tau + sum(d**2 for d in draws) / len(draws) - mean**2


def entropies_in_torch(_, z):
    p = torch.softmax(z, -1)
    total = torch.distributions.Categorical(probs=p.mean(0)).entropy()
    return total, total - torch.distributions.Categorical(logits=z).entropy().mean(0)


def entropies_in_numpy(_, z):
    p = np.exp(z - z.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)

    def entropy(q):
        return -sum(q[..., c] * np.log(q[..., c]) for c in range(q.shape[-1]))

    total = entropy(sum(p) / len(p))
    return total, total - sum(entropy(one) for one in p) / len(p)


MODEL = nn.Sequential(nn.Linear(2, 2), Dropout(0.5))
BAD = (
    Bad(lambda: sample(MODEL, torch.ones(1, 2), 0), r"^sample: count must be positive, got 0$"),
    Bad(
        lambda: sample(nn.Linear(2, 2), torch.ones(1, 2)), r"^dropout_active: expected a model with dropout layers, got Linear without any$"
    ),
    Bad(lambda: dropout_active(nn.ReLU()).__enter__(), r"^dropout_active: expected a model with dropout layers, got ReLU without any$"),
    Bad(lambda: predict(DRAWS, 0.0), r"^predict: tau must be positive, got 0.0$"),
    Bad(lambda: precision(1.0, 1.0, 1.0, 1), r"^precision: p must lie in \[0, 1\), got 1.0$"),
    Bad(lambda: precision(-0.1, 1.0, 1.0, 1), r"^precision: p must lie in \[0, 1\), got -0.1$"),
    Bad(lambda: precision(0.1, 0.0, 1.0, 1), r"^precision: length_scale must be positive, got 0.0$"),
    Bad(lambda: precision(0.1, 1.0, 0.0, 1), r"^precision: weight_decay must be positive, got 0.0$"),
    Bad(lambda: precision(0.1, 1.0, 1.0, 0), r"^precision: examples must be positive, got 0$"),
)

CASES = [
    Case(
        METHOD,
        "mean and variance",
        function(predict),
        lambda: [Sample((DRAWS,), {"tau": 4.0}), Sample((DRAWS,), {}, "no noise")],
        (Oracle("torch.var", moments_in_torch), Oracle("mean of squares minus squared mean in NumPy", moments_in_numpy, "numpy")),
        hard=lambda: [Sample((DRAWS * 0,), {}, "zeros"), Sample((DRAWS * 100,), {}, "wide")],
        degenerate=lambda: [Sample((DRAWS[:1],), {}, "one sample"), Sample((DRAWS[:, :0],), {}, "no outputs")],
        bad=BAD,
        gradcheck=2,
    ),
    Case(
        METHOD,
        "entropies",
        function(entropies),
        lambda: [Sample((LOGITS,)), Sample((LOGITS[:, 0],))],
        (Oracle("torch.distributions.Categorical", entropies_in_torch), Oracle("sums over classes in NumPy", entropies_in_numpy, "numpy")),
        dtypes=(torch.float64, torch.float32),  # the difference of two entropies needs more than 8 bits
    ),
]
