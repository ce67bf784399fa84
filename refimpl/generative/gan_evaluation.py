r"""GAN evaluation: the Inception score and the Frechet distance of generated images by what a classifier makes of them.

Papers
    Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter, "GANs Trained by a Two Time-Scale Update Rule Converge to a Local
    Nash Equilibrium", NIPS 2017, arXiv:1706.08500. Section 2, equation 6.
    Salimans, Goodfellow, Zaremba, Cheung, Radford and Chen, "Improved Techniques for Training GANs", NIPS 2016,
    arXiv:1606.03498. Section 4, the Inception score.

Equations (p(y|x) the classifier's probabilities for image x; m, C mean and covariance of the features of generated images,
m_w, C_w those of real ones)
    gan-evaluation-inception    IS = exp(E_x KL(p(y|x), p(y))),   p(y) = E_x p(y|x)
    gan-evaluation-fid          FID = |m - m_w|^2 + tr(C + C_w - 2 (C C_w)^(1/2))
    gan-evaluation-procrustes   tr(C + C_w - 2 (C C_w)^(1/2)) = min over orthogonal Q of |R - Q R_w|^2,   C = R^T R,  C_w = R_w^T R_w,
                                at Q = U V^T of the singular value decomposition R R_w^T = U S V^T

Deviations from the papers
    1. No root of a matrix product is taken: the last equation gives the same, is never negative, and is exact where there are fewer
       examples than features, so that the covariance has no inverse. R of a sample is that of a QR decomposition.
    2. The Frechet distance is computed in float64 and without gradients, whatever the features' type.
    3. The covariance of a sample is divided by N - 1, as in the authors' code; the paper leaves this open.
    4. The network is left to the caller. Scores of different networks, or of different numbers of images, do not compare.
    5. The Inception score is that of all images at once; the authors' code splits them into ten parts and averages.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["frechet_distance", "frechet_inception_distance", "inception_score"]


def inception_score(logits: Tensor) -> Tensor:
    """How sure the classifier is of each image and how different its answers are: 1 at worst, K at best.

    Args:
        logits: the classifier's, ``(N, K)``, finite.

    Returns:
        A scalar, differentiable.

    Raises:
        ValueError: the shape or dtype does not fit.
    """
    if logits.dim() != 2 or not logits.is_floating_point() or not logits.numel():
        raise ValueError(f"inception_score: logits must be floating point (N, K), got {logits.dtype} of shape {tuple(logits.shape)}")
    wide = logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits
    of_image = wide.log_softmax(1)  # (N, K)
    of_all = of_image.logsumexp(0) - math.log(len(logits))  # (K,)
    return F.kl_div(of_all.expand_as(of_image), of_image, reduction="batchmean", log_target=True).exp().to(logits.dtype)


@torch.no_grad()
def frechet_distance(mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor) -> Tensor:
    """The squared Frechet, or 2-Wasserstein, distance between two normal distributions.

    Args:
        mean, other_mean: ``(D,)``.
        covariance, other_covariance: symmetric without negative eigenvalues, ``(D, D)``.

    Returns:
        A scalar of the type of ``mean``.

    Raises:
        ValueError: a shape does not fit.
    """
    d = mean.numel()
    given = {"mean": mean, "covariance": covariance, "other_mean": other_mean, "other_covariance": other_covariance}
    if [v.shape for v in given.values()] != [(d,), (d, d), (d,), (d, d)]:
        shapes = ", ".join(f"{name} {tuple(v.shape)}" for name, v in given.items())
        raise ValueError(f"frechet_distance: expected means (D,) and covariances (D, D), got {shapes}")
    roots = []
    for matrix in (covariance, other_covariance):
        values, vectors = torch.linalg.eigh(matrix.double())
        roots.append((vectors * values.clamp(min=0.0).sqrt()).T)
    return _distance(mean.double() - other_mean, *roots).to(mean.dtype)


@torch.no_grad()
def frechet_inception_distance(features: Tensor, other_features: Tensor) -> Tensor:
    """The squared Frechet distance between the normal distributions with the means and covariances of two samples.

    Args:
        features, other_features: of generated and of real images, ``(N, D)`` and ``(M, D)``, at least two each.

    Returns:
        A scalar of the type of ``features``.

    Raises:
        ValueError: a shape or dtype does not fit.
    """
    for name, x in (("features", features), ("other_features", other_features)):
        if x.dim() != 2 or len(x) < 2 or x.shape[1] != features.shape[-1] or not x.is_floating_point():
            wanted = f"floating point (N, {features.shape[-1] if features.dim() else 'D'}) with N at least 2"
            raise ValueError(f"frechet_inception_distance: {name} must be {wanted}, got {x.dtype} of shape {tuple(x.shape)}")
    means, roots = [], []
    for x in (features.double(), other_features.double()):
        means.append(x.mean(0))
        found = torch.linalg.qr((x - means[-1]) / math.sqrt(len(x) - 1), mode="r").R  # (min(N, D), D)
        root = x.new_zeros(x.shape[1], x.shape[1])
        root[: len(found)] = found
        roots.append(root)
    return _distance(means[0] - means[1], *roots).to(features.dtype)


def _distance(between: Tensor, root: Tensor, other: Tensor) -> Tensor:
    """``between`` the means and of covariances with these roots, R^T R, both ``(D, D)``."""
    u, _, vh = torch.linalg.svd(root @ other.T)
    return between.square().sum() + (root - u @ vh @ other).square().sum()


if __name__ == "__main__":
    from refimpl.data import digits_split
    from refimpl.demo import arguments

    device = arguments(__doc__)
    split = digits_split()
    x, y = split.x.flatten(1).to(device), split.y.to(device)
    classifier = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
    optimizer = torch.optim.Adam(classifier.parameters(), 0.01)
    for _ in range(200):
        optimizer.zero_grad()
        F.cross_entropy(classifier(x), y).backward()
        optimizer.step()
    order = torch.randperm(len(x))
    real, held_out = x[order[: len(x) // 2]], x[order[len(x) // 2 :]]
    kinds = {"other digits": held_out, "with noise": held_out + 0.3 * torch.randn_like(held_out), "only zeros": x[y == 0]}
    with torch.no_grad():
        for name, images in kinds.items():
            score = inception_score(classifier(images)).item()
            fid = frechet_inception_distance(classifier[:2](images), classifier[:2](real)).item()
            print(f"{name:13s} Inception score {score:5.2f} of 10, Frechet distance {fid:8.3f}")
