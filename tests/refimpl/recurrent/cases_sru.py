"""Cases of the simple recurrent unit and of the linear scan under it; all oracles are loops over time."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from refimpl.recurrent.linear_scan import linear_scan
from refimpl.recurrent.sru import SRU, SRULayer, sru_layer
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "sru"
ALL = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def loop(p, a, b, initial=None, reverse=False):
    s = torch.zeros_like(b.sum(0)) if initial is None else initial
    states = {}
    for t in reversed(range(len(b))) if reverse else range(len(b)):
        s = states[t] = a[t] * s + b[t]
    return torch.stack([states[t] for t in range(len(b))]) if states else a * b


def scalar_loop(p, a, b, initial=None, reverse=False):
    if reverse:
        return scalar_loop(p, a[::-1], b[::-1], initial)[::-1].copy()
    s = np.zeros_like(b)
    for place in np.ndindex(b.shape[1:]):
        before = 0.0 if initial is None else initial[place]
        for t in range(len(b)):
            before = s[t, *place] = a[t, *place] * before + b[t, *place]
    return s


def scan_sample(length: int, *shape: int, initial: bool = True, reverse: bool = False, seed: int = 0) -> Sample:
    values = (rand(length, *shape, seed=seed), randn(length, *shape, seed=seed + 1), *((randn(*shape, seed=seed + 2),) if initial else ()))
    return Sample(values, {"reverse": True} if reverse else {}, name=f"{length} steps{', reverse' * reverse}")


SCANS = (
    Oracle("loop over time, by autograd", loop),
    Oracle("loop over time in NumPy, number by number", scalar_loop, "numpy"),
)


def logistic(x):
    return (1 + np.tanh(x / 2)) / 2


def layer_equations(weight, weight_c, bias, alpha, x, c, use_tanh):
    """One layer for one example by the equations: weight (D, H, k), weight_c and bias (2, H)."""
    outputs = []
    for x_t in x:
        products = [weight[:, :, j].T @ x_t for j in range(weight.shape[2])]
        f = logistic(products[1] + weight_c[0] * c + bias[0])
        r = logistic(products[2] + weight_c[1] * c + bias[1])
        c = f * c + (1 - f) * products[0]
        carried = products[3] if len(products) == 4 else alpha * x_t
        outputs.append(r * (np.tanh(c) if use_tanh else c) + (1 - r) * carried)
    return np.array(outputs), c


def stack_equations(use_tanh, p, x, c0=None):
    y, layers = x, len([k for k in p if k.endswith("bias")])
    last = []
    for k in range(layers):
        own = {name: p[f"rnn_lst.{k}.{name}" if layers > 1 else name] for name in ("weight", "bias", "scale_x")}
        hidden = len(own["bias"]) // 2
        weight_c = p.get(f"rnn_lst.{k}.weight_c" if layers > 1 else "weight_c", np.zeros(2 * hidden)).reshape(2, hidden)
        weight, bias = own["weight"].reshape(y.shape[2], hidden, -1), own["bias"].reshape(2, hidden)
        first = np.zeros((x.shape[1], hidden)) if c0 is None else c0[k] if layers > 1 else c0
        runs = [layer_equations(weight, weight_c, bias, own["scale_x"], y[:, b], first[b], use_tanh) for b in range(x.shape[1])]
        y, cells = (np.stack(v, axis) for v, axis in zip(zip(*runs, strict=True), (1, 0), strict=True))
        last.append(cells)
    return y, np.stack(last) if layers > 1 else last[0]


def composed(p, u, forget, reset, skip, c, weight_c=None, use_tanh=False):
    """The recurrence and highway of ``sru_layer`` step by step, differentiated by autograd."""
    v = torch.zeros(2, u.shape[2], dtype=u.dtype) if weight_c is None else weight_c
    outputs, cells = [], []
    for t in range(len(u)):
        f, r = torch.sigmoid(forget[t] + v[0] * c), torch.sigmoid(reset[t] + v[1] * c)
        c = f * c + (1 - f) * u[t]
        cells.append(c)
        outputs.append(r * (torch.tanh(c) if use_tanh else c) + (1 - r) * skip[t])
    return torch.stack(outputs), torch.stack(cells)


def composed_stack(use_tanh, p, x, c0=None):
    layers = len([k for k in p if k.endswith("bias")])
    last = []
    for k in range(layers):
        prefix = f"rnn_lst.{k}." if layers > 1 else ""
        b_f, b_r = p[f"{prefix}bias"].chunk(2)
        hidden = len(b_f)
        w = p[f"{prefix}weight"].view(x.shape[2], hidden, -1).unbind(2)
        skip = x @ w[3] if len(w) == 4 else p[f"{prefix}scale_x"] * x
        weight_c = p[f"{prefix}weight_c"].view(2, hidden) if f"{prefix}weight_c" in p else None
        first = torch.zeros(x.shape[1], hidden, dtype=x.dtype) if c0 is None else c0[k] if layers > 1 else c0
        x, cells = composed({}, x @ w[0], x @ w[1] + b_f, x @ w[2] + b_r, skip, first, weight_c, use_tanh)
        last.append(cells[-1])
    return x, torch.stack(last) if layers > 1 else last[0]


def recurrence_sample(steps: int, batch: int, hidden: int, seed: int, v1: bool = False, **options) -> Sample:
    shapes = [(steps, batch, hidden)] * 4 + [(batch, hidden)] + ([] if v1 else [(2, hidden)])
    return Sample(tuple(randn(*shape, seed=seed + i) for i, shape in enumerate(shapes)), options)


def module_oracles(use_tanh: bool) -> tuple[Oracle, ...]:
    return (
        Oracle("loop over time, by autograd", partial(composed_stack, use_tanh)),
        Oracle("the equations in NumPy, one example at a time", partial(stack_equations, use_tanh), "numpy"),
    )


STEPS = (Oracle("loop over time, by autograd", composed),)
X, WIDE = randn(5, 2, 3, seed=1), randn(6, 3, 4, seed=2)
A = torch.ones(4, 3)
Z = torch.zeros

BAD_SCAN = (
    Bad(lambda: linear_scan(Z(()), Z(())), r"b must be floating point \(T, ...\), got torch.float32 of shape \(\)"),
    Bad(lambda: linear_scan(A.long(), A.long()), r"b must be floating point \(T, ...\), got torch.int64 of shape \(4, 3\)"),
    Bad(lambda: linear_scan(A[:3], A), r"a must be torch.float32 of shape \(4, 3\) like b, got torch.float32 of shape \(3, 3\)"),
    Bad(lambda: linear_scan(A.double(), A), r"a must be torch.float32 of shape \(4, 3\) like b, got torch.float64"),
    Bad(lambda: linear_scan(A, A, A), r"initial must be torch.float32 of shape \(3,\), got torch.float32 of shape \(4, 3\)"),
    Bad(lambda: linear_scan(A, A, A[0].double()), r"initial must be torch.float32 of shape \(3,\), got torch.float64 of shape \(3,\)"),
)


def broken(position: int, *shape: int):
    """A call whose argument at ``position`` has the given shape."""
    arguments = list(recurrence_sample(4, 2, 3, 0).args)
    arguments[position] = Z(shape)
    return lambda: sru_layer(*arguments)


BAD = (
    Bad(lambda: SRULayer(0, 3), r"SRULayer: input_size must be positive, got 0"),
    Bad(lambda: SRULayer(3, 0), r"SRULayer: hidden_size must be positive, got 0"),
    Bad(lambda: SRU(3, 3, 0), r"SRU: num_layers must be positive, got 0"),
    Bad(lambda: SRULayer(3, 4)(Z(5, 2, 4)), r"SRULayer: input must be \(T, B, 3\) with T > 0, got shape \(5, 2, 4\)"),
    Bad(lambda: SRULayer(3, 4)(Z(5, 3)), r"input must be \(T, B, 3\) with T > 0, got shape \(5, 3\)"),
    Bad(lambda: SRULayer(3, 4)(Z(0, 2, 3)), r"input must be \(T, B, 3\) with T > 0, got shape \(0, 2, 3\)"),
    Bad(lambda: SRULayer(3, 4)(Z(5, 2, 3).double()), r"the parameters' dtype torch.float32, got torch.float64"),
    Bad(lambda: SRULayer(3, 4)(Z(5, 2, 3), Z(1, 4)), r"c0 must have shape \(2, 4\) for u \(5, 2, 4\), got \(1, 4\)"),
    Bad(lambda: SRU(3, 4)(Z(5, 2, 3), Z(1, 2, 4)), r"SRU: c0 must hold the cells of 2 layers, got shape \(1, 2, 4\)"),
    Bad(broken(0, 4, 3), r"u must have shape \(T, B, H\) with T > 0, got \(4, 3\)"),
    Bad(broken(0, 0, 2, 3), r"u must have shape \(T, B, H\) with T > 0, got \(0, 2, 3\)"),
    Bad(broken(1, 4, 2, 1), r"forget must have shape \(4, 2, 3\) for u \(4, 2, 3\), got \(4, 2, 1\)"),
    Bad(broken(2, 4, 1, 3), r"reset must have shape \(4, 2, 3\) for u \(4, 2, 3\), got \(4, 1, 3\)"),
    Bad(broken(3, 1, 2, 3), r"skip must have shape \(4, 2, 3\) for u \(4, 2, 3\), got \(1, 2, 3\)"),
    Bad(broken(4, 3), r"c0 must have shape \(2, 3\) for u \(4, 2, 3\), got \(3,\)"),
    Bad(broken(5, 2, 1), r"weight_c must have shape \(2, 3\) for u \(4, 2, 3\), got \(2, 1\)"),
)


def case(name: str, make, *samples: Sample, use_tanh: bool = False, **more) -> Case:
    return Case(METHOD, name, lambda: randomize(make()), lambda: samples, module_oracles(use_tanh), dtypes=ALL, **more)


CASES = [
    case(
        "layer, input as wide as the cells",
        lambda: SRULayer(4, 4),
        Sample((WIDE, randn(3, 4, seed=3))),
        Sample((WIDE[:1],)),
        bad=BAD,
    ),
    case(
        "layer, projected highway, tanh",
        lambda: SRULayer(3, 4, use_tanh=True),
        Sample((X,)),
        Sample((randn(21, 3, 3, seed=4), randn(3, 4, seed=5))),
        use_tanh=True,
        gradcheck=2,
        degenerate=lambda: [Sample((X[:1],), name="one step"), Sample((X[:, :1],), name="one example")],
        hard=lambda: [
            Sample((X * 0,), name="all zero"),
            Sample((X * 10,), name="nearly saturated gates"),
            Sample((X, randn(2, 4, seed=6) * 1e4), name="cells of 1e4"),
        ],
        hard_tolerance=1e-3,  # at cells of 1e4 float32 holds the argument of a gate to 1e-3
    ),
    case("two layers", lambda: SRU(3, 4), Sample((X, randn(2, 2, 4, seed=7))), Sample((X,))),
    case(
        "version 1, three layers, tanh",
        lambda: SRU(3, 4, 3, v1=True, use_tanh=True),
        Sample((X, randn(3, 2, 4, seed=8))),
        Sample((randn(21, 3, 3, seed=9),)),
        use_tanh=True,
    ),
    case("version 1, one layer", lambda: SRULayer(4, 3, v1=True), Sample((WIDE,)), gradcheck=2),
    Case(
        METHOD,
        "all outputs and cells",
        function(sru_layer),
        lambda: [recurrence_sample(4, 2, 3, 20), recurrence_sample(9, 2, 3, 30, use_tanh=True)],
        STEPS,
        gradcheck=2,
        degenerate=lambda: [recurrence_sample(3, 0, 2, 40), recurrence_sample(1, 1, 1, 50)],
    ),
    Case(
        METHOD,
        "all outputs and cells, version 1",
        function(sru_layer),
        lambda: [recurrence_sample(4, 2, 3, 60, v1=True), recurrence_sample(9, 2, 3, 70, v1=True, use_tanh=True)],
        STEPS,
        gradcheck=2,
    ),
    Case(
        METHOD,
        "linear scan",
        function(linear_scan),
        lambda: [scan_sample(n, 2, 3, seed=n) for n in (5, 2, 3, 4, 6, 7, 8, 13, 64, 100)],
        SCANS,
        gradcheck=2,
        degenerate=lambda: [
            scan_sample(1, 3),
            scan_sample(0, 3, seed=1),
            scan_sample(1, 3, initial=False),
            scan_sample(0, 3, initial=False),
            scan_sample(4, 0),
            scan_sample(5, initial=False),
        ],
        hard=lambda: [
            Sample((torch.ones(300, 2).double(), rand(300, 2, seed=1, low=0.0)), name="a = 1, a sum"),
            Sample((torch.zeros(300, 2).double(), randn(300, 2, seed=1)), name="a = 0"),
            Sample((torch.full((300, 2), 1e-30).double(), randn(300, 2, seed=1) + 1e4), name="products far below the smallest number"),
            Sample((-torch.ones(300, 2).double(), randn(300, 2, seed=1) + 1e4), name="alternating signs, mean 1e4"),
        ],
        bad=BAD_SCAN,
        dtypes=ALL,
    ),
    Case(
        METHOD,
        "linear scan in reverse",
        function(linear_scan),
        lambda: [scan_sample(n, 2, 3, seed=n, reverse=True) for n in (5, 2, 3, 4, 6, 7, 8, 13, 64, 100)],
        SCANS,
        gradcheck=2,
        degenerate=lambda: [scan_sample(1, 3, reverse=True), scan_sample(0, 3, initial=False, reverse=True)],
        dtypes=ALL,
    ),
    Case(
        METHOD,
        "linear scan from zero",
        function(linear_scan),
        lambda: [scan_sample(n, 3, seed=n, initial=False, reverse=back) for n in (5, 2, 6, 11) for back in (False, True)],
        SCANS,
        gradcheck=2,
    ),
]
