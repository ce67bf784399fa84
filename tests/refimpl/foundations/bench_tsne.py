"""The gradient of the map beside scikit-learn's, and the search for bandwidths beside its own, which stops at 1e-5 nats."""

from __future__ import annotations

import importlib.util

import numpy as np
import torch

from refimpl.foundations.tsne import joint_probabilities, tsne_gradient
from tests.refimpl.foundations.cases_tsne import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn

PERPLEXITY = 30.0


def search(x):
    return joint_probabilities(x, PERPLEXITY)


def their_search():
    if importlib.util.find_spec("sklearn") is None:
        return None
    from scipy.spatial.distance import pdist, squareform
    from sklearn.manifold import _t_sne

    def found(x):
        squares = squareform(pdist(x.numpy(), "sqeuclidean")).astype(np.float32)
        return torch.from_numpy(squareform(_t_sne._joint_probabilities(squares, PERPLEXITY, 0))).to(x.dtype)

    return found


def their_gradient():
    if importlib.util.find_spec("sklearn") is None:
        return None
    from scipy.spatial.distance import squareform
    from sklearn.manifold import _t_sne

    def found(p, y):
        pairs = squareform(p.numpy(), checks=False)
        return torch.from_numpy(_t_sne._kl_divergence(y.numpy().ravel(), pairs, 1, *y.shape, compute_error=False)[1]).view(y.shape)

    return found


def differentiated(p, y):
    """Automatic differentiation of the divergence as printed."""
    with torch.enable_grad():
        y = y.detach().requires_grad_()
        near = 1 / (1 + (y[:, None] - y).square().sum(-1))
        near = near - torch.eye(len(y), device=y.device)
        cost = torch.xlogy(p, p).sum() - torch.xlogy(p, (near / near.sum()).clamp(min=1e-30)).sum()
        return torch.autograd.grad(cost, y)[0]


def similarities(n):
    p = torch.rand(n, n, generator=torch.Generator().manual_seed(0)).triu(1)
    return (p + p.T) / (2 * p.sum())


BENCHES = [
    Bench(
        METHOD,
        "gradient of the map, 1000 points",
        lambda: tsne_gradient,
        {"sklearn.manifold": their_gradient, "automatic differentiation": lambda: differentiated},
        lambda: (similarities(1000), randn(1000, 2, seed=0)),
        backward=False,
    ),
    Bench(
        METHOD,
        "joint probabilities, 1000 points of 64 numbers",
        lambda: search,
        {"sklearn.manifold": their_search},
        lambda: (randn(1000, 64, seed=1),),
        backward=False,
        compiled=False,
    ),
]
