r"""Losses: one number to be made small, for regression, classification and learned distances.

Papers
    Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical Statistics 35, 1964.
    Beaton and Tukey, "The Fitting of Power Series", Technometrics 16, 1974: the biweight.
    Girshick, "Fast R-CNN", ICCV 2015, arXiv:1504.08083, equation 3: smooth L1.
    Cortes and Vapnik, "Support-Vector Networks", 1995; Crammer and Singer, JMLR 2, 2001: hinge losses.
    Kullback and Leibler, "On Information and Sufficiency", 1951.
    Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, arXiv:1708.02002, section 3.
    Hadsell, Chopra and LeCun, "Dimensionality Reduction by Learning an Invariant Mapping", CVPR 2006: contrastive.
    Schroff et al., "FaceNet", CVPR 2015, arXiv:1503.03832: triplet.
    Chen et al., "A Simple Framework for Contrastive Learning", ICML 2020, arXiv:2002.05709, equation 1: NT-Xent.

Equations (r = input - target; s a score or logit; p = 1 / (1 + exp(-s)); d a distance; m a margin)
    squared      r^2                                   absolute   |r|
    huber        r^2 / 2 where |r| <= delta,           else delta (|r| - delta / 2);   smooth L1 is this over beta = delta
    tukey        c^2/6 (1 - (1 - (r/c)^2)^3) where |r| <= c,   else c^2/6
    hinge        max(0, m - t s),   t = -1 or 1
    multi-margin sum over j != y of max(0, m - s_y + s_j)^p / C
    bce          -t log p - (1 - t) log(1 - p)
    focal        -a_t (1 - p_t)^gamma log p_t,   p_t = p and a_t = alpha for t = 1,   1 - p and 1 - alpha for t = 0
    kl           sum_j t_j (log t_j - log q_j)
    contrastive  (1 - y) d^2 / 2 + y max(0, m - d)^2 / 2
    triplet      max(0, d(a, p) - d(a, n) + m)
    nt-xent      -log( exp(z_i'z_j / tau) / sum over k != i of exp(z_i'z_k / tau) ),   z of unit length, j the partner of i

Deviations from the papers
    1. Probabilities never appear where a logit will do: log p is the log-sigmoid of the logit.
    2. Huber's and Tukey's losses take the residual as it is; the papers divide it by a robust scale first.
    3. The triplet loss takes distances, as PyTorch does; FaceNet squares them.
    4. The multi-margin loss sums over all classes, as PyTorch does; Crammer and Singer take the worst.
    5. Focal loss takes soft targets too, mixing p_t and alpha_t of the two classes, as torchvision does.
    6. The mean is over elements; "batchmean" is the divergence of a batch of distributions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from refimpl.foundations.classification_losses import (
    binary_cross_entropy_with_logits,
    hinge_loss,
    kl_div,
    multi_margin_loss,
    sigmoid_focal_loss,
)
from refimpl.foundations.embedding_losses import contrastive_loss, nt_xent_loss, triplet_margin_loss
from refimpl.foundations.regression_losses import huber_loss, l1_loss, mse_loss, smooth_l1_loss, tukey_biweight_loss

__all__ = ["LOSSES"]

_ALL = (
    *(mse_loss, l1_loss, huber_loss, smooth_l1_loss, tukey_biweight_loss),
    *(hinge_loss, multi_margin_loss, binary_cross_entropy_with_logits, sigmoid_focal_loss, kl_div),
    *(contrastive_loss, triplet_margin_loss, nt_xent_loss),
)

LOSSES: Mapping[str, Callable[..., Tensor]] = MappingProxyType({loss.__name__: loss for loss in _ALL})
"""Every loss by its name."""


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    r = torch.tensor([0.0, 0.5, 1.0, 2.0, 5.0, 50.0])
    print("residual            ", *(f"{v:8.1f}" for v in r.tolist()))
    for name in ("mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "tukey_biweight_loss"):
        print(f"{name:20s}", *(f"{v:8.3f}" for v in LOSSES[name](r, torch.zeros_like(r), reduction="none").tolist()))
    s, one = torch.tensor([-50.0, -2.0, 0.0, 1.0, 2.0, 50.0]), torch.ones(6)
    print("score of the right class", *(f"{v:6.1f}" for v in s.tolist()))
    for name in ("hinge_loss", "binary_cross_entropy_with_logits", "sigmoid_focal_loss"):
        print(f"{name[:24]:24s}", *(f"{v:6.3f}" for v in LOSSES[name](s, one, reduction="none").tolist()))
    data = torch.cat([torch.randn(200), torch.full((20,), 30.0)])
    for name in ("mse_loss", "l1_loss", "huber_loss", "tukey_biweight_loss"):
        center = torch.zeros((), requires_grad=True)
        optimizer = torch.optim.LBFGS([center], max_iter=100, line_search_fn="strong_wolfe")

        def closure(name=name, center=center, optimizer=optimizer):
            optimizer.zero_grad()
            loss = LOSSES[name](center.expand_as(data), data)
            loss.backward()
            return loss

        optimizer.step(closure)
        print(f"center of 200 normal numbers and 20 thirties by {name:20s} {center.item():6.3f}")
