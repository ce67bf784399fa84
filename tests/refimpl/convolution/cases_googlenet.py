"""Cases of GoogLeNet, an eighth as wide: the published layout and the paper's kernels, written out layer by layer."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F

from refimpl.convolution.googlenet import GoogLeNet, training_loss
from tests.refimpl.convolution.networks import network_case
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, randn

METHOD = "googlenet"


def unit(layers, p, name, x, training, kernel=1, stride=1):
    x = layers.conv(x, p[f"{name}.conv.weight"], None, stride, (kernel - 1) // 2)
    return layers.relu(layers.batch_norm(x, p, f"{name}.bn", 1e-3, training))


def module(layers, p, name, x, training, kernel):
    take = partial(unit, layers, p, training=training)
    return layers.join(
        [
            take(f"{name}.branch1", x),
            take(f"{name}.branch2.1", take(f"{name}.branch2.0", x), kernel=3),
            take(f"{name}.branch3.1", take(f"{name}.branch3.0", x), kernel=kernel),
            take(f"{name}.branch4.1", layers.max_pool(x, 3, 1, 1)),
        ]
    )


def auxiliary(layers, p, name, x, training):
    x = layers.flat(unit(layers, p, f"{name}.conv", layers.adaptive_average(x, 4), training))
    return layers.linear(layers.relu(layers.linear(x, p, f"{name}.fc1")), p, f"{name}.fc2")


def network(kernel, layers, p, x, training):
    x = layers.max_pool(unit(layers, p, "conv1", x, training, 7, 2), 3, 2, 0, True)
    x = unit(layers, p, "conv3", unit(layers, p, "conv2", x, training), training, 3)
    x, aux = layers.max_pool(x, 3, 2, 0, True), {}
    for name in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        if name in ("4b", "4e"):
            aux[name] = x
        x = module(layers, p, f"inception{name}", x, training, kernel)
        if name == "3b":
            x = layers.max_pool(x, 3, 2, 0, True)
        if name == "4e":
            x = layers.max_pool(x, 2, 2, 0, True)
    scores = layers.linear(x.mean((2, 3)), p, "fc")
    if not training or "aux1.fc2.bias" not in p:
        return scores
    return scores, auxiliary(layers, p, "aux2", aux["4e"], training), auxiliary(layers, p, "aux1", aux["4b"], training)


def small(kernel, aux=True):
    return GoogLeNet(3, aux, 0.0, 0.0, 8, kernel)


def bad(*images, dtype=torch.float32):
    return lambda: small(3)(torch.zeros(images, dtype=dtype))


WRONG = r"GoogLeNet: expected num_classes >= 1, divide 1, 2, 4 or 8 and kernel 3 or 5, got "
BAD = (
    Bad(bad(2, 3, 15, 14), r"GoogLeNet: input must be floating point \(N, 3, H, W\) with H and W of at least 15, got .* \(2, 3, 15, 14\)"),
    Bad(lambda: GoogLeNet(0), WRONG + "0, 1 and 3"),
    Bad(lambda: GoogLeNet(3, divide=3), WRONG + "3, 3 and 3"),
    Bad(lambda: GoogLeNet(3, kernel=4), WRONG + "3, 1 and 4"),
)


def equation(_, scores, target):
    main, second, first = (F.nll_loss(s.log_softmax(1), target) for s in scores)
    return main + 0.3 * first + 0.3 * second


CASES = [
    *(
        network_case(
            METHOD,
            f"kernel {kernel}, {'training' if training else 'evaluation'}{'' if aux else ', no auxiliary classifiers'}",
            lambda kernel=kernel, aux=aux: small(kernel, aux),
            partial(network, kernel),
            (39, 34),
            training=training,
            tolerance={torch.float64: 1e-10, torch.float32: 1e-3},  # errors add up over 22 layers
            bad=BAD if kernel == 3 and aux else (),
        )
        for kernel, training, aux in ((3, True, True), (5, False, False))
    ),
    Case(
        METHOD,
        "loss in training",
        lambda: training_loss,
        lambda: [Sample((tuple(randn(4, 5, seed=s) for s in (1, 2, 3)), torch.tensor([0, 3, 4, 1])))],
        (Oracle("torch.nn.functional.nll_loss", equation),),
        gradcheck=1,
        layouts=False,
    ),
]
