"""Cases of the QRNN: convolution by torch and a loop over time, and the equations in NumPy."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.recurrent.qrnn import QRNN, QRNNLayer, causal_windows, qrnn_pool
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "qrnn"
SHORT = {torch.bfloat16: 5e-2}  # a chain of roundings to 8 bits: convolution, squashing, gates and their slopes
ALL = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def looped_pool(p, z, f, o=None, i=None, c0=None):
    c, outputs, states = torch.zeros_like(z[0]) if c0 is None else c0, [], []
    for t in range(len(z)):
        c = f[t] * c + ((1 - f[t]) if i is None else i[t]) * z[t]
        states.append(c)
        outputs.append(c if o is None else o[t] * c)
    return torch.stack(outputs), torch.stack(states)


def convolved(hidden, zoneout, weight, bias, x, state):
    """One layer by ``torch.nn.functional.conv1d``."""
    c0, before = state or (None, x.new_zeros(weight.shape[2] - 1, *x.shape[1:]))
    padded = torch.cat((before, x))
    a = F.conv1d(padded.permute(1, 2, 0), weight, bias).permute(2, 0, 1).split(hidden, 2)
    z, f, *rest = torch.tanh(a[0]), *(torch.sigmoid(v) for v in a[1:])
    if zoneout:
        f = 1 - torch.empty(f.shape, dtype=torch.bool).bernoulli_(1 - zoneout) * (1 - f)
    h, c = looped_pool({}, z, f, *rest, c0=c0)
    return h, (c[-1], padded[len(x) :])


def in_torch(hidden, options, p, x, states=None):
    layers = sum(name.endswith("weight") for name in p)
    single = "weight" in p
    x, last = x.transpose(0, 1) if options.get("batch_first") else x, []
    for k in range(layers):
        if k and options.get("dropout"):
            x = F.dropout(x, options["dropout"])
        prefix = "" if single else f"layers.{k}."
        state = states if single or states is None else states[k]
        x, state = convolved(hidden, options.get("zoneout", 0.0), p[f"{prefix}weight"], p.get(f"{prefix}bias"), x, state)
        last.append(state)
    return x.transpose(0, 1) if options.get("batch_first") else x, last[0] if single else tuple(last)


def logistic(x):
    return (1 + np.tanh(x / 2)) / 2


def equations(hidden, options, p, x, states=None):
    """Number by number: every unit of every example at every step."""
    layers, single = sum(name.endswith("weight") for name in p), "weight" in p
    x, last = x.swapaxes(0, 1) if options.get("batch_first") else x, []
    for n in range(layers):
        prefix = "" if single else f"layers.{n}."
        weight = p[f"{prefix}weight"]
        bias, k = p.get(f"{prefix}bias", np.zeros(len(weight))), weight.shape[2]
        state = None if states is None else states if single else states[n]
        c, before = (np.zeros((x.shape[1], hidden)), np.zeros((k - 1, *x.shape[1:]))) if state is None else (state[0].copy(), state[1])
        seen = [*before, *x]
        h = np.zeros((len(x), x.shape[1], hidden))
        for t, b, u in np.ndindex(h.shape):
            rows = range(u, len(weight), hidden)
            a = [bias[r] + sum(weight[r, :, j] @ seen[t + j][b] for j in range(k)) for r in rows]
            z, f, gates = np.tanh(a[0]), logistic(a[1]), [logistic(v) for v in a[2:]]
            c[b, u] = f * c[b, u] + (gates[1] if len(gates) > 1 else 1 - f) * z
            h[t, b, u] = (gates[0] if gates else 1.0) * c[b, u]
        last += [c, np.array(seen[len(x) :]).reshape(k - 1, *x.shape[1:])]
        x = h
    return x.swapaxes(0, 1) if options.get("batch_first") else x, *last


def layer_case(name: str, cls, sizes, *samples: Sample, numpy: bool = True, more=None, **options) -> Case:
    hidden = sizes[1]
    oracles = [Oracle("torch.nn.functional.conv1d and a loop over time, by autograd", partial(in_torch, hidden, options))]
    if numpy:
        oracles.append(Oracle("the equations in NumPy, number by number", partial(equations, hidden, options), "numpy"))
    make = partial(cls, *sizes, **options)
    return Case(METHOD, name, lambda: randomize(make()), lambda: samples, tuple(oracles), dtypes=ALL, tolerance=SHORT, **(more or {}))


def gates(steps: int, batch: int, hidden: int, seed: int, count: int, initial: bool = True) -> Sample:
    shape = (steps, batch, hidden)
    tensors = [randn(*shape, seed=seed), *(rand(*shape, seed=seed + j, low=0.0) for j in range(1, count))]
    tensors += [None] * (4 - count)
    return Sample((*tensors, randn(batch, hidden, seed=seed + 9) if initial else None), name=f"{count} gates")


X = randn(4, 2, 3, seed=1)
LONG = randn(13, 3, 3, seed=2)
STATE = (randn(2, 4, seed=3), randn(2, 2, 3, seed=4))
Z = torch.zeros
LAYERS = "its layers are compiled and exported in their own cases"

BAD = (
    Bad(lambda: QRNNLayer(0, 3), r"^QRNNLayer: input_size must be positive, got 0$"),
    Bad(lambda: QRNNLayer(3, 0), r"^QRNNLayer: hidden_size must be positive, got 0$"),
    Bad(lambda: QRNNLayer(3, 3, 0), r"^QRNNLayer: window must be positive, got 0$"),
    Bad(lambda: QRNNLayer(3, 3, pooling="of"), r"^QRNNLayer: pooling must be f, fo or ifo, got 'of'$"),
    Bad(lambda: QRNNLayer(3, 3, zoneout=-0.1), r"^QRNNLayer: zoneout must lie in \[0, 1\], got -0.1$"),
    Bad(lambda: QRNNLayer(3, 3, zoneout=1.1), r"^QRNNLayer: zoneout must lie in \[0, 1\], got 1.1$"),
    Bad(lambda: QRNNLayer(3, 4)(Z(5, 2, 4)), r"^QRNNLayer: input must be \(T, B, 3\) with T > 0, got shape \(5, 2, 4\)$"),
    Bad(lambda: QRNNLayer(3, 4)(Z(5, 3)), r"input must be \(T, B, 3\) with T > 0, got shape \(5, 3\)$"),
    Bad(lambda: QRNNLayer(3, 4)(Z(0, 2, 3)), r"input must be \(T, B, 3\) with T > 0, got shape \(0, 2, 3\)$"),
    Bad(lambda: QRNNLayer(3, 4)(Z(5, 2, 3).double()), r"the parameters' dtype torch.float32, got torch.float64$"),
    Bad(
        lambda: QRNNLayer(3, 4)(Z(5, 2, 3), (Z(2, 4), Z(2, 2, 3))),
        r"^causal_windows: before must have shape \(1, 2, 3\) for a window of 2, got \(2, 2, 3\)$",
    ),
    Bad(lambda: QRNNLayer(3, 4)(Z(5, 2, 3), (Z(4), None)), r"^qrnn_pool: c0 must have shape \(2, 4\) for z \(5, 2, 4\), got \(4,\)$"),
    Bad(lambda: qrnn_pool(Z(4, 3), Z(4, 3)), r"^qrnn_pool: z must have shape \(T, B, H\), got \(4, 3\)$"),
    Bad(lambda: qrnn_pool(Z(4, 2, 3), Z(3)), r"^qrnn_pool: forget must have shape \(4, 2, 3\) for z \(4, 2, 3\), got \(3,\)$"),
    Bad(lambda: qrnn_pool(Z(4, 2, 3), Z(4, 2, 3), Z(3)), r"^qrnn_pool: output must have shape \(4, 2, 3\)"),
    Bad(lambda: qrnn_pool(Z(4, 2, 3), Z(4, 2, 3), None, Z(3)), r"^qrnn_pool: input must have shape \(4, 2, 3\)"),
    Bad(lambda: QRNN(3, 4, 0), r"^QRNN: num_layers must be positive, got 0$"),
    Bad(lambda: QRNN(3, 4, dropout=1.5), r"^QRNN: dropout must lie in \[0, 1\], got 1.5$"),
    Bad(lambda: QRNN(3, 4, dropout=-0.5), r"^QRNN: dropout must lie in \[0, 1\], got -0.5$"),
    Bad(lambda: QRNN(3, 4, 2)(Z(5, 2, 3), ((Z(2, 4), Z(1, 2, 3)),)), r"^QRNN: states must hold the states of 2 layers, got 1$"),
)

CASES = [
    layer_case(
        "ifo-pooling, window 3",
        QRNNLayer,
        (3, 4),
        Sample((X, STATE), name="with a state"),
        Sample((LONG,)),
        window=3,
        pooling="ifo",
        more={
            "bad": BAD,
            "degenerate": lambda: [Sample((X[:1], STATE), name="one step"), Sample((X[:, :0],), name="empty batch")],
            "hard": lambda: [Sample((X * 0,), name="all zero"), Sample((X * 1e4, STATE), name="saturated gates")],
            "hard_tolerance": 1e-3,  # gradients come from the gates that are nearly balanced, whose arguments of 1e4 are known to 1e-3
        },
    ),
    layer_case("fo-pooling, window 2, no bias", QRNNLayer, (3, 4), Sample((X,)), bias=False, more={"gradcheck": 2}),
    layer_case("f-pooling, window 1", QRNNLayer, (3, 2), Sample((X,)), window=1, pooling="f", more={"compiles": LAYERS}),
    layer_case(
        "two layers with states, batch first",
        QRNN,
        (3, 4, 2),
        Sample((X.transpose(0, 1).clone(), ((STATE[0], STATE[1][:1]), (STATE[0] + 1, randn(1, 2, 4, seed=5))))),
        Sample((LONG.transpose(0, 1)[:2, :5].clone(),)),
        batch_first=True,
        pooling="ifo",
        more={"compiles": LAYERS},
    ),
    layer_case(
        "three layers with dropout and zoneout",
        QRNN,
        (3, 2, 3),
        Sample((X,)),
        numpy=False,
        dropout=0.4,
        zoneout=0.3,
        more={"seeded": True, "compiles": LAYERS, "exports": LAYERS},
    ),
    layer_case(
        "two layers with dropout, without zoneout",
        QRNN,
        (3, 2, 2),
        Sample((X,)),
        numpy=False,
        dropout=0.4,
        more={"seeded": True, "compiles": LAYERS, "exports": LAYERS, "gradcheck": 0},  # as above
    ),
    Case(
        METHOD,
        "pooling",
        function(qrnn_pool),
        lambda: [gates(4, 2, 3, 20, 4), gates(9, 2, 3, 40, 3, initial=False), gates(9, 2, 3, 60, 2)],
        (Oracle("loop over time, by autograd", looped_pool),),
        gradcheck=2,
        degenerate=lambda: [gates(1, 1, 1, 80, 4)],
        dtypes=ALL,
    ),
    Case(
        METHOD,
        "windows",
        function(causal_windows, window=3),
        lambda: [Sample((X,)), Sample((LONG,), {"before": randn(2, 3, 3, seed=7)})],
        (
            Oracle(
                "torch.Tensor.unfold",
                lambda p, x, before=None: (lambda whole: (whole.unfold(0, 3, 1).transpose(2, 3).flatten(2), whole[-2:]))(
                    torch.cat((torch.zeros(2, *x.shape[1:], dtype=x.dtype) if before is None else before, x))
                ),
            ),
        ),
    ),
]
