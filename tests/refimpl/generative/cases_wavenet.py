"""Cases of WaveNet; the oracles sum over taps, one step at a time, or move the sequence."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.generative.wavenet import WaveNet, mu_law_decode, mu_law_encode
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, rand, randn, randomize

METHOD = "wavenet"


def layers_of(p):
    return sorted({int(k.split(".")[1]) for k in p if k.startswith("layers.")})


def torch_causal(x, w, b, dilation):
    """The sequence moved by each tap's delay."""
    k, y = w.shape[2], b[:, None]
    for j in range(k):
        delay = dilation * (k - 1 - j)
        moved = torch.cat([x.new_zeros(*x.shape[:2], min(delay, x.shape[2])), x[:, :, : max(x.shape[2] - delay, 0)]], 2)
        y = y + torch.einsum("oc,nct->not", w[:, :, j], moved)
    return y


def torch_network(p, x, c=None, per_block=2):
    x = torch_causal(x, p["causal.weight"], p["causal.bias"], 1)
    total, residual = 0.0, x.shape[1]
    for i in layers_of(p):
        name = f"layers.{i}."
        s = torch_causal(x, p[name + "dilated.weight"], p[name + "dilated.bias"], 2 ** (i % per_block))
        if c is not None:
            s = s + (c @ p[name + "condition.weight"].T)[:, :, None]
        z = torch.tanh(s[:, :residual]) / (1 + torch.exp(-s[:, residual:]))
        both = torch_causal(z, p[name + "out.weight"], p[name + "out.bias"], 1)
        kept = residual if i < layers_of(p)[-1] else 0
        x = x + both[:, :kept] if kept else x
        total = total + both[:, kept:]
    for name in ("head.1", "head.3"):
        total = torch_causal(torch.clamp(total, min=0), p[name + ".weight"], p[name + ".bias"], 1)
    return total


def numpy_causal(x, w, b, dilation):
    """Output by output, tap by tap."""
    k = w.shape[2]
    y = np.zeros((len(x), len(w), x.shape[2])) + b[:, None]
    for n, o, t in np.ndindex(y.shape):
        for j in range(k):
            at = t - dilation * (k - 1 - j)
            if at >= 0:
                y[n, o, t] += w[o, :, j] @ x[n, :, at]
    return y


def numpy_network(p, x, c=None, per_block=2):
    x = numpy_causal(x, p["causal.weight"], p["causal.bias"], 1)
    total, residual = 0.0, x.shape[1]
    for i in layers_of(p):
        name = f"layers.{i}."
        s = numpy_causal(x, p[name + "dilated.weight"], p[name + "dilated.bias"], 2 ** (i % per_block))
        if c is not None:
            s = s + np.einsum("nc,oc->no", c, p[name + "condition.weight"])[:, :, None]
        z = np.tanh(s[:, :residual]) * (1 / (1 + np.exp(-s[:, residual:])))
        both = numpy_causal(z, p[name + "out.weight"], p[name + "out.bias"], 1)
        kept = residual if i < layers_of(p)[-1] else 0
        x = x + both[:, :kept] if kept else x
        total = total + both[:, kept:]
    for name in ("head.1", "head.3"):
        total = numpy_causal(np.maximum(total, 0), p[name + ".weight"], p[name + ".bias"], 1)
    return total


def one_hot(*shape: int, levels: int, seed: int) -> torch.Tensor:
    codes = (rand(*shape, seed=seed, low=0.0) * levels).long()
    return F.one_hot(codes, levels).transpose(1, 2).double()


def case(name, make, inputs, **more):
    return Case(
        METHOD,
        name,
        lambda: randomize(make(), scale=0.6),
        lambda: [Sample(args) for args in inputs],
        (Oracle("moved sequences in torch", torch_network), Oracle("the equations in NumPy, tap by tap", numpy_network, "numpy")),
        gradcheck=0,  # kinks; the gradients are compared with the oracle's
        dtypes=(torch.float64, torch.float32),  # rounding to 8 bits moves features over their kinks; see the test of two-byte types
        **more,
    )


X, C = one_hot(2, 9, levels=4, seed=1), randn(2, 3, seed=2)
SMALL = {"levels": 4, "residual": 2, "skip": 3, "layers": 2, "blocks": 2}
PLAIN, CONDITIONED = WaveNet(**SMALL), WaveNet(**SMALL, condition=3)
CODES = torch.tensor([[1, 2, 0]])
BAD = (
    Bad(lambda: WaveNet(1), r"^WaveNet: levels must be at least 2, got 1$"),
    Bad(lambda: WaveNet(residual=0), r"^WaveNet: residual must be at least 1, got 0$"),
    Bad(lambda: WaveNet(skip=0), r"^WaveNet: skip must be at least 1, got 0$"),
    Bad(lambda: WaveNet(layers=0), r"^WaveNet: layers must be at least 1, got 0$"),
    Bad(lambda: WaveNet(blocks=0), r"^WaveNet: blocks must be at least 1, got 0$"),
    Bad(lambda: WaveNet(kernel_size=1), r"^WaveNet: kernel_size must be at least 2, got 1$"),
    Bad(lambda: WaveNet(condition=-1), r"^WaveNet: condition must be at least 0, got -1$"),
    Bad(lambda: PLAIN(X[0]), r"^WaveNet: x must be \(N, 4, T\), got \(4, 9\)$"),
    Bad(lambda: PLAIN(X[:, :, 0]), r"^WaveNet: x must be \(N, 4, T\), got \(2, 4\)$"),
    Bad(lambda: PLAIN(X[:, :3]), r"^WaveNet: x must be \(N, 4, T\), got \(2, 3, 9\)$"),
    Bad(lambda: PLAIN(X, C), r"^WaveNet: c must be None, got \(2, 3\)$"),
    Bad(lambda: CONDITIONED(X), r"^WaveNet: c must be \(2, 3\), got None$"),
    Bad(lambda: CONDITIONED(X, C[:1]), r"^WaveNet: c must be \(2, 3\), got \(1, 3\)$"),
    Bad(lambda: PLAIN.generate(CODES[0], 1), r"^WaveNet.generate: codes must be \(N, T\) with T > 0, got \(3,\)$"),
    Bad(lambda: PLAIN.generate(CODES[:, :0], 1), r"^WaveNet.generate: codes must be \(N, T\) with T > 0, got \(1, 0\)$"),
    Bad(lambda: CONDITIONED.generate(CODES, 1), r"^WaveNet: c must be \(1, 3\), got None$"),
    Bad(lambda: mu_law_encode(torch.zeros(1), 1), r"^mu_law_encode: levels must be at least 2, got 1$"),
    Bad(lambda: mu_law_decode(CODES, 1), r"^mu_law_decode: levels must be at least 2, got 1$"),
)

CASES = [
    case(
        "two blocks with a condition",
        lambda: WaveNet(**SMALL, condition=3),
        [(X, C)],
        degenerate=lambda: [Sample((X[:0], C[:0]), {}, "no sequence"), Sample((X[:, :, :1], C), {}, "one step")],
        bad=BAD,
    ),
    case("three taps", lambda: WaveNet(**SMALL, kernel_size=3), [(X,)], compiles="compiled in the case before"),
]
