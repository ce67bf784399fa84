"""Cases of the gated PixelCNN; both oracles mask whole kernels, as the paper describes it, where the code cuts them."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.generative.gated import gated_activation
from refimpl.generative.pixelcnn import GatedLayer, PixelCNN
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "pixelcnn"


def names(p):
    """Prefixes of the layers in order."""
    return [f"layers.{i}." for i in range(len({k.split(".")[1] for k in p if k.startswith("layers.")}))]


def masked(p, prefix):
    """The two kernels inside square ones of k x k, zeros where the mask hides."""
    vertical, horizontal = p[prefix + "vertical.weight"], p[prefix + "horizontal.weight"]
    k = vertical.shape[3]
    top, left = (
        F.pad(w, pad) if isinstance(w, torch.Tensor) else np.pad(w, [(0, 0), (0, 0), (pad[2], pad[3]), (pad[0], pad[1])])
        for w, pad in ((vertical, (0, 0, 0, k // 2)), (horizontal, (0, k - horizontal.shape[3], k // 2, k // 2)))
    )
    return top, left


def torch_layer(p, prefix, v, h, c, first):
    top, left = masked(p, prefix)
    width = p[prefix + "vertical.bias"].shape[0]
    s = F.conv2d(v, top, p[prefix + "vertical.bias"], padding=top.shape[2] // 2)
    t = F.conv2d(h, left, p[prefix + "horizontal.bias"], padding=left.shape[2] // 2)
    if c is not None:
        both = c @ p[prefix + "condition.weight"].T
        s, t = s + both[:, :width, None, None], t + both[:, width:, None, None]
    above = torch.cat([torch.zeros_like(s[:, :, :1]), s[:, :, :-1]], 2)
    t = t + torch.einsum("oi,nihw->nohw", p[prefix + "link.weight"][:, :, 0, 0], above)

    def gate(z):
        return torch.tanh(z[:, : width // 2]) / (1 + torch.exp(-z[:, width // 2 :]))

    new = torch.einsum("oi,nihw->nohw", p[prefix + "out.weight"][:, :, 0, 0], gate(t)) + p[prefix + "out.bias"][:, None, None]
    return gate(s), new if first else h + new


def torch_network(p, x, c=None):
    v = h = x
    for i, prefix in enumerate(names(p)):
        v, h = torch_layer(p, prefix, v, h, c, i == 0)
    for name in ("head.1", "head.3"):
        h = torch.einsum("oi,nihw->nohw", p[name + ".weight"][:, :, 0, 0], torch.clamp(h, min=0)) + p[name + ".bias"][:, None, None]
    return h


def numpy_conv(x, w, bias):
    """A square kernel around each pixel, pixel by pixel."""
    reach = w.shape[2] // 2
    padded = np.pad(x, [(0, 0), (0, 0), (reach, reach), (reach, reach)])
    y = np.zeros((len(x), len(w), *x.shape[2:]))
    for n, o, i, j in np.ndindex(y.shape):
        y[n, o, i, j] = (w[o] * padded[n, :, i : i + 2 * reach + 1, j : j + 2 * reach + 1]).sum() + (0.0 if bias is None else bias[o])
    return y


def numpy_layer(p, prefix, v, h, c, first):
    top, left = masked(p, prefix)
    s, t = numpy_conv(v, top, p[prefix + "vertical.bias"]), numpy_conv(h, left, p[prefix + "horizontal.bias"])
    width = s.shape[1]
    if c is not None:
        weight = p[prefix + "condition.weight"]
        for n, o in np.ndindex(len(c), width):
            s[n, o] += weight[o] @ c[n]
            t[n, o] += weight[width + o] @ c[n]
    above = np.zeros_like(s)
    above[:, :, 1:] = s[:, :, :-1]
    t = t + numpy_conv(above, p[prefix + "link.weight"], None)

    def gate(z):
        return np.tanh(z[:, : width // 2]) * (1 / (1 + np.exp(-z[:, width // 2 :])))

    new = numpy_conv(gate(t), p[prefix + "out.weight"], p[prefix + "out.bias"])
    return gate(s), new if first else h + new


def numpy_network(p, x, c=None):
    v = h = x
    for i, prefix in enumerate(names(p)):
        v, h = numpy_layer(p, prefix, v, h, c, i == 0)
    h = numpy_conv(np.maximum(h, 0), p["head.1.weight"], p["head.1.bias"])
    return numpy_conv(np.maximum(h, 0), p["head.3.weight"], p["head.3.bias"])


def case(name, make, inputs, by_torch, by_numpy, **more):
    return Case(
        METHOD,
        name,
        lambda: randomize(make(), scale=0.7),
        lambda: [Sample(args) for args in inputs],
        (Oracle("masked square kernels in torch", by_torch), Oracle("masked square kernels in NumPy, pixel by pixel", by_numpy, "numpy")),
        **more,
    )


X, C = rand(2, 1, 4, 5, seed=1, low=0.0), randn(2, 3, seed=2)
V, H = randn(2, 2, 4, 3, seed=3), randn(2, 2, 4, 3, seed=4)
SMALL = {"levels": 3, "channels": 2, "layers": 2, "first_kernel": 5}
ON = PixelCNN(**SMALL, condition=3)
OFF = PixelCNN(**SMALL)
BAD = (
    Bad(lambda: GatedLayer(2, 2, 4), r"^GatedLayer: kernel_size must be odd and at least 3, got 4$"),
    Bad(lambda: GatedLayer(2, 2, 1), r"^GatedLayer: kernel_size must be odd and at least 3, got 1$"),
    Bad(lambda: GatedLayer(1, 2, 3), r"^GatedLayer: in_channels must be 2 like channels unless first, got 1$"),
    Bad(lambda: PixelCNN(1), r"^PixelCNN: levels must be at least 2, got 1$"),
    Bad(lambda: PixelCNN(2, 0), r"^PixelCNN: channels must be at least 1, got 0$"),
    Bad(lambda: PixelCNN(2, 1, 0), r"^PixelCNN: layers must be at least 1, got 0$"),
    Bad(lambda: PixelCNN(2, 1, 1, condition=-1), r"^PixelCNN: condition must be at least 0, got -1$"),
    Bad(lambda: OFF(X[0]), r"^PixelCNN: x must be floating point \(N, 1, H, W\), got torch.float64 of shape \(1, 4, 5\)$"),
    Bad(lambda: OFF(X[:, :, 0]), r"^PixelCNN: x must be floating point \(N, 1, H, W\), got torch.float64 of shape \(2, 1, 5\)$"),
    Bad(lambda: OFF(V), r"^PixelCNN: x must be floating point \(N, 1, H, W\), got torch.float64 of shape \(2, 2, 4, 3\)$"),
    Bad(lambda: OFF(X.long()), r"^PixelCNN: x must be floating point \(N, 1, H, W\), got torch.int64"),
    Bad(lambda: OFF(X, C), r"^PixelCNN: c must be None, got \(2, 3\)$"),
    Bad(lambda: ON(X), r"^PixelCNN: c must be \(2, 3\), got None$"),
    Bad(lambda: ON(X, C[:1]), r"^PixelCNN: c must be \(2, 3\), got \(1, 3\)$"),
)
LAYERED = "compiled in the case of a later layer"

CASES = [
    Case(
        METHOD,
        "gate",
        function(gated_activation),
        lambda: [Sample((randn(2, 4, 3, seed=5),)), Sample((randn(3, 2, seed=6),), {}, "without places")],
        (
            Oracle(
                "tanh times 1 / (1 + e^-x)", lambda _, x: torch.tanh(x[:, : x.shape[1] // 2]) / (1 + torch.exp(-x[:, x.shape[1] // 2 :]))
            ),
            Oracle(
                "the equation in NumPy", lambda _, x: np.tanh(x[:, : x.shape[1] // 2]) / (1 + np.exp(-x[:, x.shape[1] // 2 :])), "numpy"
            ),
        ),
        gradcheck=2,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
        compiles=LAYERED,
    ),
    case(
        "first layer",
        lambda: GatedLayer(1, 2, 5, 3, first=True),
        [(X, X, C)],
        lambda p, v, h, c: torch_layer(p, "", v, h, c, True),
        lambda p, v, h, c: numpy_layer(p, "", v, h, c, True),
        compiles=LAYERED,
    ),
    case(
        "later layer",
        lambda: GatedLayer(2, 2, 3, 3),
        [(V, H, C)],
        lambda p, v, h, c: torch_layer(p, "", v, h, c, False),
        lambda p, v, h, c: numpy_layer(p, "", v, h, c, False),
    ),
    case(
        "network with a condition",
        lambda: PixelCNN(**SMALL, condition=3),
        [(X, C)],
        torch_network,
        numpy_network,
        gradcheck=0,  # kinks; the gradients are compared with the oracle's
        dtypes=(torch.float64, torch.float32),  # rounding to 8 bits moves features over their kinks; the layers are compared in it
        degenerate=lambda: [Sample((X[:0], C[:0]), {}, "no image"), Sample((X[:, :, :1, :1], C), {}, "one pixel")],
        bad=BAD,
        compiles=LAYERED,
    ),
    case(
        "network",
        lambda: PixelCNN(**SMALL),
        [(X,)],
        torch_network,
        numpy_network,
        gradcheck=0,  # as above
        dtypes=(torch.float64, torch.float32),  # as above
        compiles=LAYERED,
    ),
]
