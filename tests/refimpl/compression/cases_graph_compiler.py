"""Cases of the graph compiler: the folded weight and bias; what rewrites graphs is tested beside."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from refimpl.compression.graph_compiler import compile_graph, fold_batch_norm
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn

METHOD = "graph-compiler"
WEIGHT, BIAS, MEAN, VAR = randn(4, 3, 2, 5, seed=1), randn(4, seed=2), randn(4, seed=3), rand(4, seed=4, low=0.2, high=3.0)
GAMMA, BETA = randn(4, seed=5), randn(4, seed=6)


def with_torch(_, weight, bias, mean, var, gamma=None, beta=None, eps=1e-5):
    scale = (1 if gamma is None else gamma) / (var + eps).sqrt()
    b = 0 if bias is None else bias
    return torch.einsum("o,o...->o...", scale, weight), scale * (b - mean) + (0 if beta is None else beta)


def channel_by_channel(_, weight, bias, mean, var, gamma=None, beta=None, eps=1e-5):
    w, b = weight.copy(), np.zeros(len(weight))
    for o in range(len(w)):
        scale = (1 if gamma is None else gamma[o]) / np.sqrt(var[o] + eps)
        w[o] = scale * weight[o]
        b[o] = scale * ((0 if bias is None else bias[o]) - mean[o]) + (0 if beta is None else beta[o])
    return w, b


def built_in(_, weight, bias, mean, var, gamma=None, beta=None, eps=1e-5):
    arrays = [None if v is None else torch.from_numpy(v) for v in (weight, bias, mean, var, gamma, beta)]
    w, b = fuse_conv_bn_weights(*arrays[:4], eps, *arrays[4:])
    return w.detach().numpy(), b.detach().numpy()


class Branches(nn.Module):
    def forward(self, x):
        y = x * 2
        return torch.relu_(y) if y.sum() > 0 else y


class Reads(nn.Module):
    """The input of the in-place operation is read by another."""

    def forward(self, x):
        y = x * 2
        return y.relu_() + y


class Writes(nn.Module):
    """The in-place operation changes a parameter."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))

    def forward(self, x):
        return self.weight.mul_(2) + x


BAD = (
    Bad(lambda: compile_graph(Writes().eval()), r"^compile_graph: in-place operation mul_ changes weight, which others may read$"),
    Bad(
        lambda: fold_batch_norm(WEIGHT, BIAS, MEAN[:3], VAR),
        r"^fold_batch_norm: mean and var must have shape \(4,\), got \(3,\) and \(4,\)$",
    ),
    Bad(
        lambda: fold_batch_norm(WEIGHT, BIAS, MEAN, VAR[:3]),
        r"^fold_batch_norm: mean and var must have shape \(4,\), got \(4,\) and \(3,\)$",
    ),
    Bad(lambda: fold_batch_norm(WEIGHT, BIAS, MEAN[:3], VAR[:3]), r"^fold_batch_norm: .* shape \(4,\), got \(3,\) and \(3,\)$"),
    Bad(lambda: compile_graph(nn.ReLU()), r"^compile_graph: expected a network in evaluation mode, got ReLU in training mode$"),
    Bad(lambda: compile_graph(Branches().eval()), r"control flow", torch.fx.proxy.TraceError),
    Bad(lambda: compile_graph(Reads().eval()), r"^compile_graph: in-place operation relu_ changes mul, which others may read$"),
    Bad(
        lambda: compile_graph(nn.Sequential(nn.ReLU(inplace=True)).eval()),
        r"^compile_graph: in-place operation _0 changes input_1, which others may read$",
    ),
)

CASES = [
    Case(
        METHOD,
        "folded convolution",
        function(fold_batch_norm),
        lambda: [
            Sample((WEIGHT, BIAS, MEAN, VAR, GAMMA, BETA), {"eps": 0.3}),
            Sample((WEIGHT, BIAS, MEAN, VAR), name="no scale and shift"),
            Sample((WEIGHT[:, :, 0, 0], None, MEAN, VAR, GAMMA, BETA), name="dense, no bias"),
        ],
        (
            Oracle("the definition in torch", with_torch),
            Oracle("channel by channel in NumPy", channel_by_channel, "numpy"),
            Oracle("torch.nn.utils.fusion.fuse_conv_bn_weights", built_in, "numpy"),
        ),
        hard=lambda: [Sample((WEIGHT, BIAS, MEAN * 1e4, VAR * 0, GAMMA, BETA), name="no variance")],
        gradcheck=2,
        bad=BAD,
    )
]
