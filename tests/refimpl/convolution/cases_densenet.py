"""Cases of DenseNet, small, against the network written out layer by layer."""

from __future__ import annotations

from functools import partial

import torch

from refimpl.convolution.densenet import DenseNet
from tests.refimpl.convolution.networks import network_case
from tests.refimpl.harness.case import Bad

METHOD = "densenet"


def before(layers, p, name, x, training):
    """Normalization and ReLU come before a convolution."""
    return layers.relu(layers.batch_norm(x, p, name, 1e-5, training))


def network(config, layers, p, x, training):
    x = layers.conv(x, p["features.conv0.weight"], None, 2, 3)
    x = layers.max_pool(before(layers, p, "features.norm0", x, training), 3, 2, 1)
    for block, count in enumerate(config, 1):
        features = [x]
        for number in range(1, count + 1):
            name = f"features.denseblock{block}.denselayer{number}"
            y = layers.conv(before(layers, p, f"{name}.norm1", layers.join(features), training), p[f"{name}.conv1.weight"])
            features.append(layers.conv(before(layers, p, f"{name}.norm2", y, training), p[f"{name}.conv2.weight"], None, 1, 1))
        x = layers.join(features)
        if block < len(config):
            name = f"features.transition{block}"
            x = layers.average_pool(layers.conv(before(layers, p, f"{name}.norm", x, training), p[f"{name}.conv.weight"]), 2, 2)
    return layers.linear(before(layers, p, "features.norm5", x, training).mean((2, 3)), p, "classifier")


def small(**new):
    return DenseNet(2, (2, 3), 5, 3, num_classes=4, **new)


def bad(*images):
    return lambda: small()(torch.zeros(images))


WRONG = r"DenseNet: expected positive sizes and drop_rate in \[0, 1\), got "
BAD = (
    Bad(bad(2, 3, 8, 7), r"DenseNet: input must be floating point \(N, 3, H, W\) with H and W of at least 8, got .* \(2, 3, 8, 7\)"),
    Bad(lambda: DenseNet(0), WRONG + r"0, \(6, 12, 24, 16\), 64, 4, 0.0 and 1000"),
    Bad(lambda: DenseNet(2, (1, 0)), WRONG + r"2, \(1, 0\), 64, 4, 0.0 and 1000"),
    Bad(lambda: DenseNet(2, (1,), 0), WRONG + r"2, \(1,\), 0, 4, 0.0 and 1000"),
    Bad(lambda: DenseNet(2, (1,), 2, 0), WRONG + r"2, \(1,\), 2, 0, 0.0 and 1000"),
    Bad(lambda: DenseNet(2, (1,), 2, 2, 1.0), WRONG + r"2, \(1,\), 2, 2, 1.0 and 1000"),
    Bad(lambda: DenseNet(2, (1,), 2, 2, -0.1), WRONG + r"2, \(1,\), 2, 2, -0.1 and 1000"),
    Bad(lambda: DenseNet(2, (1,), 2, 2, 0.0, 0), WRONG + r"2, \(1,\), 2, 2, 0.0 and 0"),
)

CASES = [
    network_case(
        METHOD,
        "training" if training else "evaluation",
        small,
        partial(network, (2, 3)),
        (27, 34),
        training=training,
        bad=BAD if training else (),
    )
    for training in (True, False)
]
