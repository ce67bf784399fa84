"""The Frechet distance of samples beside the usual one by the root of the covariances' product, and scipy's."""

from __future__ import annotations

import importlib.util

import torch
import torch.nn.functional as F

from refimpl.generative.gan_evaluation import frechet_inception_distance, inception_score
from tests.refimpl.generative.cases_gan_evaluation import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


def by_eigenvalues(x, y):
    x, y = x.double(), y.double()
    c, c_w = x.T.cov(), y.T.cov()
    roots = torch.linalg.eigvals(c @ c_w).real.clamp(min=0).sqrt().sum()
    return ((x.mean(0) - y.mean(0)).square().sum() + c.trace() + c_w.trace() - 2 * roots).float()


def by_scipy():
    if importlib.util.find_spec("scipy") is None:
        return None
    from scipy.linalg import sqrtm

    def call(x, y):
        x, y = x.double(), y.double()
        c, c_w = x.T.cov(), y.T.cov()
        root = torch.as_tensor(sqrtm((c @ c_w).cpu().numpy()).real).to(x.device)
        return ((x.mean(0) - y.mean(0)).square().sum() + torch.trace(c + c_w - 2 * root)).float()

    return call


def with_probabilities(logits):
    p = F.softmax(logits, 1)
    return (p * (p.log() - p.mean(0).log())).sum(1).mean().exp()


BENCHES = [
    Bench(
        METHOD,
        "Frechet distance, 2 x 4,000 images of 512 features",
        lambda: frechet_inception_distance,
        {"eigenvalues of the product, as in torchmetrics": lambda: by_eigenvalues, "scipy.linalg.sqrtm": by_scipy},
        lambda: (randn(4000, 512, seed=0), randn(4000, 512, seed=1) * 1.1),
        backward=False,
        compiled=False,
    ),
    Bench(
        METHOD,
        "Inception score, 5,000 images of 1,000 classes",
        lambda: inception_score,
        {"softmax and logarithms": lambda: with_probabilities},
        lambda: (randn(5000, 1000, seed=2) * 3,),
    ),
]
