"""Cases of AlexNet: both forms, small, against the network written out layer by layer; response normalization channel by channel."""

from __future__ import annotations

from functools import partial

import torch

from refimpl.convolution.alexnet import AlexNet, AlexNet2012, local_response_norm
from tests.refimpl.convolution import numpy_layers, torch_layers
from tests.refimpl.convolution.networks import network_case
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn

METHOD = "alexnet"


def network(old, layers, p, x, training):
    """Five convolutions and three fully connected layers, without dropout."""
    places = (0, 4, 8, 10, 12) if old else (0, 3, 6, 8, 10)
    for i, (place, stride, padding) in enumerate(zip(places, (4, 1, 1, 1, 1), (2, 2, 1, 1, 1), strict=True)):
        groups = 2 if old and i in (1, 3, 4) else 1
        w, b = p[f"features.{place}.weight"], p[f"features.{place}.bias"]
        x = layers.relu(layers.conv(x, w, b, stride, padding, groups))
        if old and i < 2:
            x = layers.response_norm(x, 5, 1e-4, 0.75, 2.0)
        if i in (0, 1, 4):
            x = layers.max_pool(x, 3, 2)
    x = layers.flat(layers.adaptive_average(x, 6))
    for i in (1, 4):
        x = layers.relu(layers.linear(x, p, f"classifier.{i}"))
    return layers.linear(x, p, "classifier.6")


def bad(*images, network=AlexNet, dtype=torch.float32):
    return lambda: network(2, channels=(2,) * 5, hidden=2)(torch.zeros(images, dtype=dtype))


X = randn(2, 7, 3, 2, seed=2) * 20
OPTIONS = {"size": 3, "alpha": 0.02, "beta": 0.6, "k": 1.3}
SMALL = r"input must be floating point \(N, 3, H, W\) with H and W of at least 63, got "
BAD = (
    Bad(bad(2, 3, 62, 63), "AlexNet: " + SMALL + r"torch.float32 of shape \(2, 3, 62, 63\)"),
    Bad(bad(2, 3, 63, 62, network=AlexNet2012), "AlexNet2012: " + SMALL + r"torch.float32 of shape \(2, 3, 63, 62\)"),
    Bad(lambda: AlexNet(channels=(1, 2, 3)), r"AlexNet: expected five numbers .*, all positive, got \(1, 2, 3\), 4096 and 1000"),
    Bad(lambda: AlexNet(channels=(1, 2, 3, 4, 0)), r"AlexNet: expected five .*, got \(1, 2, 3, 4, 0\), 4096 and 1000"),
    Bad(lambda: AlexNet2012(hidden=0), r"AlexNet2012: expected five .*, got \(96, 256, 384, 384, 256\), 0 and 1000"),
    Bad(lambda: AlexNet(0), r"AlexNet: expected five .*, 4096 and 0"),
    Bad(
        lambda: local_response_norm(X[0, :, 0, 0]),
        r"local_response_norm: input must be floating point \(N, C, ...\), got .* of shape \(7,\)",
    ),
    Bad(lambda: local_response_norm(X.long()), r"local_response_norm: input must be floating point .*, got torch.int64"),
    Bad(lambda: local_response_norm(X, 4), r"local_response_norm: size must be a positive odd number, got 4"),
    Bad(lambda: local_response_norm(X, -1), r"local_response_norm: size must be a positive odd number, got -1"),
)


def norm(layers, _, x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    return layers.response_norm(x, size, alpha, beta, k)


CASES = [
    *(
        network_case(
            METHOD,
            f"form of {2012 if old else 2014}",
            lambda old=old: (AlexNet2012 if old else AlexNet)(3, channels=(4, 4, 6, 4, 2), hidden=5),
            partial(network, old),
            (71, 67),
            training=False,
            bad=() if old else BAD,
        )
        for old in (False, True)
    ),
    Case(
        METHOD,
        "response normalization",
        function(local_response_norm),
        lambda: [Sample((randn(1, 5, 2, seed=3), 3, 0.3, 0.6, 1.3)), Sample((X,), name="defaults"), Sample((X,), OPTIONS, "all arguments")],
        (
            Oracle("torch.nn.functional.local_response_norm", partial(norm, torch_layers)),
            Oracle("the equation in NumPy, channel by channel", partial(norm, numpy_layers), "numpy"),
        ),
        hard=lambda: [Sample((X * 1e4,), name="values of 1e5"), Sample((X * 0,), name="all zero")],
        degenerate=lambda: [
            Sample((X[:0],), name="empty batch"),
            Sample((X[:, :2],), name="fewer channels than neighbors"),
            Sample((X[..., 0, 0],), {"size": 1}, "vectors, no neighbors"),
        ],
        gradcheck=2,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
    ),
]
