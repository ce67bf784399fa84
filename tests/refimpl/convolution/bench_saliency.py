"""Attribution beside captum's, on a small convolutional network."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from refimpl.convolution.saliency import guided_backprop, integrated_gradients
from tests.refimpl.convolution.cases_saliency import METHOD
from tests.refimpl.harness.bench import Bench, published
from tests.refimpl.harness.case import randn

TARGET = torch.arange(8)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, 2), nn.ReLU()
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


def captum(name: str, **options):
    made = published("captum.attr", name, network())
    return None if made is None else lambda x: made.attribute(x, target=TARGET, **options)


BENCHES = [
    Bench(
        METHOD,
        f"{name}, 8 images of 3 x 32 x 32",
        lambda ours=ours: partial(ours, network(), target=TARGET),
        {f"captum.attr.{theirs}": lambda theirs=theirs, options=options: captum(theirs, **options)},
        lambda: (randn(8, 3, 32, 32, seed=0),),
        backward=False,
        compiled=False,
    )
    for name, ours, theirs, options in (
        ("integrated gradients", integrated_gradients, "IntegratedGradients", {"n_steps": 50, "method": "riemann_middle"}),
        ("guided backpropagation", guided_backprop, "GuidedBackprop", {}),
    )
]
