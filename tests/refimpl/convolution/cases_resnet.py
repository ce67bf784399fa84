"""Cases of ResNet: both blocks, in training and evaluation, against the network written out layer by layer."""

from __future__ import annotations

from functools import partial

import torch

from refimpl.convolution.resnet import BasicBlock, Bottleneck, ResNet
from tests.refimpl.convolution.networks import network_case
from tests.refimpl.harness.case import Bad

METHOD = "resnet"


def normalized(layers, p, name, x, training, number, stride=1, padding=0, dilation=1):
    y = layers.conv(x, p[f"{name}conv{number}.weight"], None, stride, padding, dilation=dilation)
    return layers.batch_norm(y, p, f"{name}bn{number}", 1e-5, training)


def stages(narrow, steps, layers, p, x, training, prefix=""):
    """Output of each stage; ``steps`` has the stride and the dilation of each of its blocks."""
    x = layers.max_pool(layers.relu(normalized(layers, p, prefix, x, training, 1, 2, 3)), 3, 2, 1)
    for stage, blocks in enumerate(steps, 1):
        for block, (stride, d) in enumerate(blocks):
            name = f"{prefix}layer{stage}.{block}."
            if narrow:
                y = layers.relu(normalized(layers, p, name, x, training, 1))
                y = layers.relu(normalized(layers, p, name, y, training, 2, stride, d, d))
                y = normalized(layers, p, name, y, training, 3)
            else:
                y = layers.relu(normalized(layers, p, name, x, training, 1, stride, d, d))
                y = normalized(layers, p, name, y, training, 2, 1, d, d)
            if f"{name}downsample.0.weight" in p:
                x = layers.conv(x, p[f"{name}downsample.0.weight"], None, stride)
                x = layers.batch_norm(x, p, f"{name}downsample.1", 1e-5, training)
            x = layers.relu(x + y)
        yield x


def network(narrow, steps, layers, p, x, training):
    *_, x = stages(narrow, steps, layers, p, x, training)
    return layers.linear(x.mean((2, 3)), p, "fc")


def bad(*images, dtype=torch.float32):
    return lambda: ResNet(BasicBlock, (1,), 2, 2)(torch.zeros(images, dtype=dtype))


BAD = (
    Bad(
        bad(3, 8, 8),
        r"ResNet: input must be floating point \(N, 3, H, W\) with H and W of at least 1, got torch.float32 of shape \(3, 8, 8\)",
    ),
    Bad(bad(8, 3, 8), r"ResNet: input must be .*, got torch.float32 of shape \(8, 3, 8\)"),
    Bad(bad(2, 1, 8, 8), r"ResNet: input must be .*, got torch.float32 of shape \(2, 1, 8, 8\)"),
    Bad(bad(2, 3, 0, 8), r"ResNet: input must be .*, got torch.float32 of shape \(2, 3, 0, 8\)"),
    Bad(bad(2, 3, 8, 8, dtype=torch.int64), r"ResNet: input must be .*, got torch.int64 of shape \(2, 3, 8, 8\)"),
    Bad(lambda: ResNet(BasicBlock, ()), r"ResNet: layers, num_classes and width must be positive, got \(\), 1000 and 64"),
    Bad(lambda: ResNet(BasicBlock, (1, 0)), r"ResNet: layers, .* must be positive, got \(1, 0\), 1000 and 64"),
    Bad(lambda: ResNet(BasicBlock, (1,), 0), r"got \(1,\), 0 and 64"),
    Bad(lambda: ResNet(BasicBlock, (1,), 2, 0), r"got \(1,\), 2 and 0"),
    Bad(
        lambda: ResNet(BasicBlock, (1, 1, 1), replace_stride_with_dilation=(True,)),
        r"ResNet: expected replace_stride_with_dilation for 2 stages, got \(True,\)",
    ),
)

DILATED = (True, False, True)
CASES = [
    network_case(
        METHOD,
        f"{'narrow' if narrow else 'basic'} blocks, {'training' if training else 'evaluation'}",
        lambda narrow=narrow: ResNet(Bottleneck if narrow else BasicBlock, (2, 1), 4, 3),
        partial(network, narrow, [[(1, 1), (1, 1)], [(2, 1)]]),
        (23, 18),
        training=training,
        bad=BAD if narrow and training else (),
    )
    for narrow in (False, True)
    for training in (True, False)
] + [
    network_case(
        METHOD,
        f"{'narrow' if narrow else 'basic'} blocks, dilation instead of some strides",
        lambda narrow=narrow: ResNet(Bottleneck if narrow else BasicBlock, (1, 2, 1, 2), 3, 1, replace_stride_with_dilation=DILATED),
        partial(network, narrow, [[(1, 1)], [(1, 1), (1, 2)], [(2, 2)], [(1, 2), (1, 4)]]),
        (23, 18),
        training=False,
        compiles="the same layers as without dilation",
        exports="the same layers as without dilation",
    )
    for narrow in (False, True)
]
