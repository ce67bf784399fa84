"""Cases of U-Net: the network written out layer by layer, its loss and the Dice loss."""

from __future__ import annotations

import math

import numpy as np
import torch

from refimpl.vision.unet import UNet, dice_loss, distances, overlap_tile, unet_loss, weight_map
from tests.refimpl.convolution import numpy_layers, torch_layers
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize
from tests.refimpl.vision.upsampling import transposed

METHOD = "unet"


def network(layers, p, x):
    def block(name, x):
        for i in (0, 2):
            x = layers.relu(layers.conv(x, p[f"{name}.{i}.weight"], p[f"{name}.{i}.bias"]))
        return x

    kept = []
    for i in range(2):
        kept.append(block(f"down.{i}", x))
        x = layers.max_pool(kept[-1], 2, 2)
    x = block("down.2", x)
    for i in range(2):
        x = transposed(x, p[f"up.{i}.weight"], p[f"up.{i}.bias"])
        wide = kept[1 - i]
        top, left = (wide.shape[2] - x.shape[2]) // 2, (wide.shape[3] - x.shape[3]) // 2
        x = block(f"merge.{i}", layers.join([wide[:, :, top : top + x.shape[2], left : left + x.shape[3]], x]))
    return layers.conv(x, p["head.weight"], p["head.bias"])


def numpy_loss(_, scores, target, weight=None):
    total = 0.0
    for n, i, j in np.ndindex(target.shape):
        a = scores[n, :, i, j] - scores[n, :, i, j].max()
        total -= (1.0 if weight is None else weight[n, i, j]) * (a[target[n, i, j]] - math.log(np.exp(a).sum()))
    return np.array(total / len(scores))


def torch_loss(_, scores, target, weight=None):
    chosen = scores.log_softmax(1).gather(1, target[:, None])[:, 0]
    return -(chosen * (1 if weight is None else weight)).sum((1, 2)).mean()


def small(**more):
    return UNet(2, 3, 2, 2, 0.0, **more)


IMAGES = randn(2, 2, 48, 44, seed=1)
SCORES, TARGET, WEIGHT = 2 * randn(2, 3, 4, 5, seed=2), torch.arange(40).view(2, 4, 5) % 3, rand(2, 4, 5, seed=3, low=0.5, high=3.0)
P, MASK = rand(3, 4, seed=4, low=0.0), (rand(3, 4, seed=5) > 0).double()
WANTED = r"unet_loss: expected scores \(N, K, H, W\), target and weight \(N, H, W\), got \(2, 3, 4, 5\), "
BAD = (
    Bad(lambda: small()(IMAGES[:, :1]), r"UNet: input must be floating point \(N, 2, H, W\), got torch.float64 of shape \(2, 1, 48, 44\)"),
    Bad(lambda: small()(IMAGES[0]), r"UNet: input must be .*, got torch.float64 of shape \(2, 48, 44\)"),
    Bad(lambda: small()(IMAGES[0].movedim(0, 1)), r"UNet: input must be .*, got torch.float64 of shape \(48, 2, 44\)"),
    Bad(lambda: small()(IMAGES.long()), r"UNet: input must be .*, got torch.int64"),
    Bad(lambda: small()(torch.zeros(1, 2, 48, 46)), r"UNet: 46 pixels do not fit; expected 44 plus a multiple of 4"),
    Bad(lambda: small()(torch.zeros(1, 2, 40, 48)), r"UNet: 40 pixels do not fit; expected 44 plus a multiple of 4"),
    Bad(lambda: UNet(0), r"UNet: in_channels, num_classes, width and depth must be positive, got 0, 2, 64 and 4"),
    Bad(lambda: UNet(1, 0), r"UNet: .* must be positive, got 1, 0, 64 and 4"),
    Bad(lambda: UNet(1, 1, 0), r"UNet: .* must be positive, got 1, 1, 0 and 4"),
    Bad(lambda: UNet(1, 1, 1, 0), r"UNet: .* must be positive, got 1, 1, 1 and 0"),
    Bad(lambda: unet_loss(SCORES, TARGET[:1]), WANTED + r"\(1, 4, 5\) and None"),
    Bad(lambda: unet_loss(SCORES, TARGET, WEIGHT[0]), WANTED + r"\(2, 4, 5\) and \(4, 5\)"),
    Bad(lambda: weight_map(TARGET[0], -1.0), r"weight_map: expected w0 >= 0 and sigma > 0, got -1.0 and 5.0"),
    Bad(lambda: weight_map(TARGET[0], 1.0, 0.0), r"weight_map: expected w0 >= 0 and sigma > 0, got 1.0 and 0.0"),
    Bad(lambda: distances(TARGET), r"distances: cells must be integers \(H, W\), got torch.int64 of shape \(2, 4, 5\)"),
    Bad(lambda: distances(WEIGHT[0]), r"distances: cells must be integers \(H, W\), got torch.float64 of shape \(4, 5\)"),
    Bad(lambda: overlap_tile(small(), IMAGES[0].float(), 6), r"UNet: 46 pixels do not fit"),
    Bad(lambda: overlap_tile(small(), IMAGES[0].float(), 0), r"UNet: 40 pixels do not fit"),
    Bad(lambda: dice_loss(P, MASK[1:]), r"dice_loss: mask must have the shape of probability, \(3, 4\), got \(2, 4\)"),
)

CASES = [
    Case(
        METHOD,
        "network",
        lambda: randomize(small(), scale=0.6),
        lambda: [Sample((IMAGES,)), Sample((IMAGES[:1, :, :44] * 2 + 1,), name="another size")],
        (
            Oracle("the network in torch.nn.functional", lambda p, x: network(torch_layers, p, x)),
            Oracle("the network in NumPy", lambda p, x: network(numpy_layers, p, x), "numpy"),
        ),
        hard=lambda: [Sample((IMAGES * 1e4,), name="values of 1e4")],
        degenerate=lambda: [Sample((IMAGES[:0],), name="empty batch")],
        bad=BAD,
        dtypes=(torch.float64, torch.float32),
        tolerance={torch.float32: 1e-4},  # errors add up from layer to layer
        hard_tolerance=1e-3,  # as above
        gradcheck=0,  # kinks; the gradients are compared with the oracle's
        compiles="its layers are compiled in their own cases",
    ),
    Case(
        METHOD,
        "loss",
        function(unet_loss),
        lambda: [Sample((SCORES, TARGET, WEIGHT)), Sample((SCORES, TARGET), name="no weights")],
        (Oracle("torch.log_softmax", torch_loss), Oracle("the equation in NumPy, pixel by pixel", numpy_loss, "numpy")),
        hard=lambda: [Sample((SCORES + 1e4, TARGET, WEIGHT), name="mean 1e4"), Sample((SCORES * 200, TARGET, WEIGHT), name="large scores")],
        layouts=False,
    ),
    Case(
        METHOD,
        "Dice loss",
        function(dice_loss),
        lambda: [Sample((P, MASK))],
        (
            Oracle("torch.dot", lambda _, p, g: 1 - 2 * torch.dot(p.flatten(), g.flatten()) / (p.norm() ** 2 + g.norm() ** 2)),
            Oracle("the equation in NumPy", lambda _, p, g: np.array(1 - 2 * (p * g).sum() / ((p**2).sum() + (g**2).sum())), "numpy"),
        ),
        hard=lambda: [Sample((MASK * 0 + 1e-12, MASK), name="almost nothing found")],
        compiles="three sums",
    ),
]
