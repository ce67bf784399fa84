"""Cases of ResNet: both blocks, in training and evaluation, against the network written out layer by layer."""

from __future__ import annotations

from functools import partial

import torch

from refimpl.convolution.resnet import BasicBlock, Bottleneck, ResNet
from tests.refimpl.convolution.networks import network_case
from tests.refimpl.harness.case import Bad

METHOD = "resnet"


def normalized(layers, p, name, x, training, number, stride=1, padding=0):
    y = layers.conv(x, p[f"{name}conv{number}.weight"], None, stride, padding)
    return layers.batch_norm(y, p, f"{name}bn{number}", 1e-5, training)


def network(narrow, depths, layers, p, x, training):
    """Stages of blocks; the stride of 2 stands in the first block of each stage but the first."""
    x = layers.max_pool(layers.relu(normalized(layers, p, "", x, training, 1, 2, 3)), 3, 2, 1)
    for stage, depth in enumerate(depths, 1):
        for block in range(depth):
            name, stride = f"layer{stage}.{block}.", 2 if stage > 1 and block == 0 else 1
            if narrow:
                y = layers.relu(normalized(layers, p, name, x, training, 1))
                y = layers.relu(normalized(layers, p, name, y, training, 2, stride, 1))
                y = normalized(layers, p, name, y, training, 3)
            else:
                y = layers.relu(normalized(layers, p, name, x, training, 1, stride, 1))
                y = normalized(layers, p, name, y, training, 2, 1, 1)
            if f"{name}downsample.0.weight" in p:
                x = layers.conv(x, p[f"{name}downsample.0.weight"], None, stride)
                x = layers.batch_norm(x, p, f"{name}downsample.1", 1e-5, training)
            x = layers.relu(x + y)
    return layers.linear(x.mean((2, 3)), p, "fc")


def bad(*images, dtype=torch.float32):
    return lambda: ResNet(BasicBlock, (1,), 2, 2)(torch.zeros(images, dtype=dtype))


BAD = (
    Bad(
        bad(3, 8, 8),
        r"ResNet: input must be floating point \(N, 3, H, W\) with H and W of at least 1, got torch.float32 of shape \(3, 8, 8\)",
    ),
    Bad(bad(2, 1, 8, 8), r"ResNet: input must be .*, got torch.float32 of shape \(2, 1, 8, 8\)"),
    Bad(bad(2, 3, 0, 8), r"ResNet: input must be .*, got torch.float32 of shape \(2, 3, 0, 8\)"),
    Bad(bad(2, 3, 8, 8, dtype=torch.int64), r"ResNet: input must be .*, got torch.int64 of shape \(2, 3, 8, 8\)"),
    Bad(lambda: ResNet(BasicBlock, ()), r"ResNet: layers, num_classes and width must be positive, got \(\), 1000 and 64"),
    Bad(lambda: ResNet(BasicBlock, (1, 0)), r"ResNet: layers, .* must be positive, got \(1, 0\), 1000 and 64"),
    Bad(lambda: ResNet(BasicBlock, (1,), 0), r"got \(1,\), 0 and 64"),
    Bad(lambda: ResNet(BasicBlock, (1,), 2, 0), r"got \(1,\), 2 and 0"),
)

CASES = [
    network_case(
        METHOD,
        f"{'narrow' if narrow else 'basic'} blocks, {'training' if training else 'evaluation'}",
        lambda narrow=narrow: ResNet(Bottleneck if narrow else BasicBlock, (2, 1), 4, 3),
        partial(network, narrow, (2, 1)),
        (23, 18),
        training=training,
        bad=BAD if narrow and training else (),
    )
    for narrow in (False, True)
    for training in (True, False)
]
