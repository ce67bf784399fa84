"""Cases of Fixup: networks of both blocks, against the same written out operation by operation."""

from __future__ import annotations

from functools import partial

import torch

from refimpl.training.fixup import FixupBasicBlock, FixupBottleneck, FixupResNet, fixup_scale
from tests.refimpl.convolution.networks import network_case
from tests.refimpl.harness.case import Bad

METHOD = "fixup"


def branch(layers, p, x, strides):
    """Every scalar where the paper has it: a bias before each convolution and rectifier, one multiplier."""
    last = len(strides)
    for number, stride in enumerate(strides, 1):
        w = p[f"conv{number}.weight"]
        x = layers.conv(x + p[f"bias{number}a"], w, None, stride, w.shape[-1] // 2)
        if number < last:
            x = layers.relu(x + p[f"bias{number}b"])
    return x * p["scale"] + p[f"bias{last}b"]


def network(narrow, depths, layers, p, x, training):
    x = layers.relu(layers.conv(x, p["conv1.weight"], None, 2, 3) + p["bias1"])
    x = layers.max_pool(x, 3, 2, 1)
    for stage, depth in enumerate(depths, 1):
        for block in range(depth):
            name, stride = f"layer{stage}.{block}.", 2 if stage > 1 and block == 0 else 1
            own = {key.removeprefix(name): value for key, value in p.items() if key.startswith(name)}
            y = branch(layers, own, x, (1, stride, 1) if narrow else (stride, 1))
            if "downsample.weight" in own:
                x = layers.conv(x + own["bias1a"], own["downsample.weight"], None, stride)
            x = layers.relu(x + y)
    return layers.linear(x.mean((2, 3)) + p["bias2"], p, "fc")


BAD = (
    Bad(
        lambda: FixupResNet(FixupBasicBlock, (1,), 2, 2)(torch.zeros(3, 8, 8)),
        r"^FixupResNet: input must be floating point \(N, 3, H, W\) with H and W of at least 1, got torch.float32 of shape \(3, 8, 8\)$",
    ),
    Bad(lambda: FixupResNet(FixupBasicBlock, (1,), 2, 2)(torch.zeros(1, 3, 0, 8)), r"^FixupResNet: .* of shape \(1, 3, 0, 8\)$"),
    Bad(lambda: fixup_scale(0, 2), r"^fixup_scale: expected at least 1 block of at least 2 layers, got 0 of 2$"),
    Bad(lambda: fixup_scale(1, 1), r"^fixup_scale: expected at least 1 block of at least 2 layers, got 1 of 1$"),
)

CASES = [
    network_case(
        METHOD,
        f"{'narrow' if narrow else 'basic'} blocks",
        lambda narrow=narrow: FixupResNet(FixupBottleneck if narrow else FixupBasicBlock, (2, 1), 4, 3),
        partial(network, narrow, (2, 1)),
        (23, 18),
        training=False,
        compiles="its operations are compiled in the cases of their own methods; a whole network takes seconds",
        bad=BAD if narrow else (),
    )
    for narrow in (False, True)
]
