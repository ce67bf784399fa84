"""Cases of FCN on a ResNet: with and without the auxiliary head, in training and evaluation, against the network layer by layer."""

from __future__ import annotations

from functools import partial

import torch

from refimpl.vision.fcn_resnet import FCNResNet
from tests.refimpl.convolution.cases_resnet import stages
from tests.refimpl.convolution.networks import network_case
from tests.refimpl.harness.case import Bad
from tests.refimpl.vision.upsampling import resized

METHOD = "fcn"
STEPS = [[(1, 1)], [(1, 1), (1, 2)], [(1, 2), (1, 4)]]


def head(name, layers, p, x, training):
    x = layers.batch_norm(layers.conv(x, p[f"{name}.0.weight"], None, 1, 1), p, f"{name}.1", 1e-5, training)
    return layers.conv(layers.relu(x), p[f"{name}.4.weight"], p[f"{name}.4.bias"])


def network(heads, layers, p, x, training):
    *_, finer, last = stages(True, STEPS, layers, p, x, training, "backbone.")
    names = (("classifier", last), ("aux_classifier", finer))[:heads]
    return tuple(resized(head(name, layers, p, z, training), *x.shape[2:]) for name, z in names)


def small(aux_loss=False, **more):
    return FCNResNet((1, 2, 2), 3, aux_loss, 2, 0.0, **more)


WRONG = r"FCNResNet: expected layers of at least 3 stages and positive num_classes, got "
BAD = (
    Bad(
        lambda: small()(torch.zeros(1, 4, 8, 8)),
        r"FCNResNet: input must be floating point \(N, 3, H, W\) with H and W of at least 1, got torch.float32 of shape \(1, 4, 8, 8\)",
    ),
    Bad(lambda: small()(torch.zeros(1, 3, 0, 8)), r"FCNResNet: input must be .* of shape \(1, 3, 0, 8\)"),
    Bad(lambda: FCNResNet((1, 1)), WRONG + r"\(1, 1\) and 21"),
    Bad(lambda: FCNResNet((1, 1, 1), 0), WRONG + r"\(1, 1, 1\) and 0"),
    Bad(lambda: FCNResNet((1, 0, 1)), r"ResNet: layers, .* must be positive, got \(1, 0, 1\)"),
)

CASES = [
    network_case(
        METHOD,
        f"on a ResNet, {'two heads' if heads == 2 else 'one head'}, {'training' if training else 'evaluation'}",
        partial(small, heads == 2),
        partial(network, heads),
        (23, 18),
        training=training,
        bad=BAD if training else (),
        compiles="its layers are compiled in their own cases",
        exports=True if training else "as in training",
    )
    for heads, training in ((2, True), (1, False))
]
