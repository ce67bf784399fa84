"""Cases of VGG: with and without batch normalization, against the network written out layer by layer."""

from __future__ import annotations

from functools import partial

import torch

from refimpl.convolution.vgg import VGG
from tests.refimpl.convolution.networks import network_case
from tests.refimpl.harness.case import Bad

METHOD = "vgg"


def network(depths, normal, layers, p, x, training):
    place = 0
    for depth in depths:
        for _ in range(depth):
            x = layers.conv(x, p[f"features.{place}.weight"], p[f"features.{place}.bias"], 1, 1)
            if normal:
                x = layers.batch_norm(x, p, f"features.{place + 1}", 1e-5, training)
            x = layers.relu(x)
            place += 3 if normal else 2
        x = layers.max_pool(x, 2, 2)
        place += 1
    x = layers.flat(layers.adaptive_average(x, 7))
    for i in (0, 3):
        x = layers.relu(layers.linear(x, p, f"classifier.{i}"))
    return layers.linear(x, p, "classifier.6")


def small(normal=False):
    return VGG((1, 2), 3, normal, 0.0, (4, 3), 5)


def bad(*images, dtype=torch.float32):
    return lambda: small()(torch.zeros(images, dtype=dtype))


WRONG = r"VGG: expected a depth for each number of channels, hidden and num_classes, all positive, got "
BAD = (
    Bad(
        bad(2, 3, 4, 3),
        r"VGG: input must be floating point \(N, 3, H, W\) with H and W of at least 4, got torch.float32 of shape \(2, 3, 4, 3\)",
    ),
    Bad(
        lambda: VGG((1, 1, 1), 2, channels=(1, 1, 1), hidden=1)(torch.zeros(1, 3, 7, 8)),
        r"VGG: input must be .* at least 8, got torch.float32 of shape \(1, 3, 7, 8\)",
    ),
    Bad(bad(2, 3, 4, 4, dtype=torch.int64), r"VGG: input must be .*, got torch.int64"),
    Bad(lambda: VGG((1, 2)), WRONG + r"\(1, 2\), \(64, 128, 256, 512, 512\), 4096 and 1000"),
    Bad(lambda: VGG((0,), channels=(2,)), WRONG + r"\(0,\), \(2,\), 4096 and 1000"),
    Bad(lambda: VGG((1,), channels=(0,)), WRONG + r"\(1,\), \(0,\), 4096 and 1000"),
    Bad(lambda: VGG((1,), channels=(2,), hidden=0), WRONG + r"\(1,\), \(2,\), 0 and 1000"),
    Bad(lambda: VGG((1,), 0, channels=(2,)), WRONG + r"\(1,\), \(2,\), 4096 and 0"),
)

CASES = [
    network_case(
        METHOD,
        "batch normalization" if normal else "plain",
        lambda normal=normal: small(normal),
        partial(network, (1, 2), normal),
        (33, 30),
        training=False,  # in training a bias before a normalization has no gradient but noise
        bad=() if normal else BAD,
    )
    for normal in (False, True)
]
