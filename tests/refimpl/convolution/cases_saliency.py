"""Cases of saliency maps on a small network with derivatives worked out by hand in NumPy."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from refimpl.convolution.saliency import attribution_gradient, grad_cam, guided_backprop, integrated_gradients, saliency_map
from tests.refimpl.convolution import numpy_layers
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, randn, randomize

METHOD = "saliency"

WEIGHT, BIAS = randn(4, 2, 3, 2, seed=1), randn(4, seed=2) * 0.3
OUT = randn(3, 4 * 3 * 4, seed=3)


class Net(nn.Module):
    """Convolution, ReLU, linear scores."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu, self.out = nn.Conv2d(2, 4, (3, 2)), nn.ReLU(inplace=True), nn.Linear(48, 3, bias=False)

    def forward(self, x):
        return self.out(self.relu(self.conv(x)).flatten(1))


class Attributed(nn.Module):
    """A network and a way to ask it, so that the generic tests see one module."""

    def __init__(self, ask) -> None:
        super().__init__()
        self.net, self.ask = Net(), ask

    def forward(self, x, target, *more):
        return self.ask(self.net, x, target, *more)


def layer_map(net, x, target):
    return grad_cam(net, net.conv, x, target)


def hidden(p, x):
    """The convolution's output in NumPy, kernel by kernel."""
    seen = np.lib.stride_tricks.sliding_window_view(x, (3, 2), (2, 3))
    return np.einsum("nchwab,ocab->nohw", seen, p["net.conv.weight"]) + p["net.conv.bias"][:, None, None]


def downward(p, x, target, guided=False):
    """dS / dz for the convolution's output z, then dS / dx by spreading each kernel."""
    z = hidden(p, x)
    g = p["net.out.weight"][target].reshape(z.shape)
    if guided:
        g = np.maximum(g, 0)
    g = np.where(z > 0, g, 0)
    dx = np.zeros_like(x)
    w = p["net.conv.weight"]
    for a, b in np.ndindex(w.shape[2:]):
        dx[:, :, a : a + g.shape[2], b : b + g.shape[3]] += np.einsum("nohw,oc->nchw", g, w[:, :, a, b])
    return dx


def numpy_cam(p, x, target):
    z = hidden(p, x)
    g = np.where(z > 0, p["net.out.weight"][target].reshape(z.shape), 0)
    # the ReLU that follows works in place, so the layer's own output is seen after it
    weight = g.mean((2, 3))
    return numpy_layers.relu(np.einsum("nc,nchw->nhw", weight, z))


def numpy_integrated(p, x, target, baseline=None, steps=50):
    start = np.zeros_like(x) if baseline is None else np.broadcast_to(baseline, x.shape)
    return (x - start) * sum(downward(p, start + (k + 0.5) / steps * (x - start), target) for k in range(steps)) / steps


def torch_gradient(p, x, target, guided=False):
    z = F.conv2d(x.detach(), p["net.conv.weight"].detach(), p["net.conv.bias"].detach())
    g = p["net.out.weight"].detach()[target].view_as(z)
    g = (g.clamp_min(0) if guided else g) * (z > 0)
    return F.conv_transpose2d(g, p["net.conv.weight"].detach())


X, TARGET = randn(2, 2, 5, 5, seed=4), torch.tensor([2, 0])
BASE = randn(1, 2, 5, 5, seed=5) * 0.2
HAND = "derivatives by hand in NumPy"
MODEL = Net().double()
BAD = (
    Bad(lambda: saliency_map(MODEL, X[0], TARGET), r"saliency_map: input must be \(N, C, H, W\), got shape \(2, 5, 5\)"),
    Bad(
        lambda: attribution_gradient(MODEL, X, TARGET[:1]),
        r"attribution_gradient: expected scores \(2, K\) and target \(2,\), got \(2, 3\) and \(1,\)",
    ),
    Bad(
        lambda: attribution_gradient(lambda x: MODEL(x)[:1], X, TARGET),
        r"expected scores \(2, K\) .*, got \(1, 3\) and \(2,\)",
    ),
    Bad(lambda: attribution_gradient(lambda x: MODEL(x).sum(1), X, TARGET), r"expected scores \(2, K\) .*, got \(2,\) and \(2,\)"),
    Bad(lambda: integrated_gradients(MODEL, X, TARGET, steps=0), r"integrated_gradients: steps must be positive, got 0"),
    Bad(lambda: grad_cam(MODEL, nn.ReLU(), X, TARGET), r"grad_cam: the layer's output must be \(N, C, H, W\), got no output"),
    Bad(lambda: grad_cam(MODEL, MODEL.out, X, TARGET), r"grad_cam: the layer's output must be \(N, C, H, W\), got \(2, 3\)"),
)


def case(name, ask, *oracles, more=(), **options) -> Case:
    return Case(
        METHOD,
        name,
        lambda: randomize(Attributed(ask), seed=3),
        lambda: [Sample((X, TARGET)), *more],
        oracles,
        degenerate=lambda: [Sample((X[:0], TARGET[:0]), name="no images")],
        gradcheck=0,  # the result is itself a derivative, taken apart from what called it
        dtypes=(torch.float64, torch.float32),
        compiles="it calls torch.autograd.grad, which makes its own graph",
        exports="as for torch.compile",
        **options,
    )


CASES = [
    case(
        "gradient",
        attribution_gradient,
        Oracle("a transposed convolution in torch", torch_gradient),
        Oracle(HAND, downward, "numpy"),
        bad=BAD,
    ),
    case("largest over the channels", saliency_map, Oracle(HAND, lambda *a: np.abs(downward(*a)).max(1), "numpy")),
    case(
        "guided backpropagation",
        guided_backprop,
        Oracle("a transposed convolution in torch", partial(torch_gradient, guided=True)),
        Oracle(HAND, partial(downward, guided=True), "numpy"),
    ),
    case(
        "integrated gradients",
        integrated_gradients,
        Oracle(HAND, numpy_integrated, "numpy"),
        more=[Sample((X, TARGET, BASE, 7), name="baseline and steps")],
    ),
]
