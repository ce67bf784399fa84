"""Cases of the LSTM; the NumPy oracle steps through time one example at a time, gate by gate."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from refimpl.recurrent.lstm import LSTM, lstm_layer
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn, randomize

METHOD = "lstm"
ALL = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def built_in(options, p, x, hx=None):
    """``torch.lstm``; a missing forget gate is one with weights 0 and bias 100, whose sigmoid is 1 in float64."""
    layers, ways = options.get("num_layers", 1), 2 if options.get("bidirectional") else 1
    hidden = p["weight_hh_l0"].shape[1]
    first = options.get("batch_first", False)
    alone = x.dim() == 2
    if alone:
        x = x.unsqueeze(0 if first else 1)
        hx = hx and tuple(s.unsqueeze(1) for s in hx)
    if hx is None:
        hx = (x.new_zeros(layers * ways, x.shape[0 if first else 1], hidden),) * 2
    flat = []
    for layer in range(layers):
        for way in ("", "_reverse")[:ways]:
            for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")[: 4 if options.get("bias", True) else 2]:
                value = p[f"{kind}_l{layer}{way}"]
                if not options.get("forget_gate", True):
                    open_gate = torch.full_like(value[:hidden], 100.0 if kind == "bias_ih" else 0.0)
                    value = torch.cat((value[:hidden], open_gate, value[hidden:]))
                flat.append(value)
    training = options.get("dropout", 0.0) > 0
    y, h, c = torch.lstm(x, hx, flat, options.get("bias", True), layers, options.get("dropout", 0.0), training, ways == 2, first)
    return (y.squeeze(0 if first else 1), h.squeeze(1), c.squeeze(1)) if alone else (y, h, c)


def sigmoid(x):
    return (1 + np.tanh(x / 2)) / 2


def one_sequence(a, h, c, recurrent, peephole):
    """The equations for one example: ``a`` is W x_t plus biases, (T, rows)."""
    n = len(h)
    names = "ifgo" if len(recurrent) == 4 * n else "igo"
    matrix = {name: recurrent[j * n : (j + 1) * n] for j, name in enumerate(names)}
    eyes = [name for name in names if name != "g"]
    eye = {name: peephole[j] if peephole is not None else np.zeros(n) for j, name in enumerate(eyes)}
    outputs, cells = [], []
    for row in a:
        pre = {name: row[j * n : (j + 1) * n] + matrix[name] @ h for j, name in enumerate(names)}
        f = sigmoid(pre["f"] + eye["f"] * c) if "f" in names else 1.0
        c = f * c + sigmoid(pre["i"] + eye["i"] * c) * np.tanh(pre["g"])
        h = sigmoid(pre["o"] + eye["o"] * c) * np.tanh(c)
        outputs.append(h)
        cells.append(c)
    return np.array(outputs), np.array(cells)


def layer_equations(p, projected, h0, c0, recurrent, peephole=None):
    runs = [one_sequence(projected[:, b], h0[b], c0[b], recurrent, peephole) for b in range(projected.shape[1])]
    return tuple(np.stack(r, 1) for r in zip(*runs, strict=True))


def equations(options, p, x, hx=None):
    hidden = p["weight_hh_l0"].shape[1]
    if x.ndim == 2:
        y, h, c = equations(options | {"batch_first": True}, p, x[None], hx and tuple(s[:, None] for s in hx))
        return y[0], h[:, 0], c[:, 0]
    examples = x if options.get("batch_first") else x.swapaxes(0, 1)
    ways = ("", "_reverse") if options.get("bidirectional") else ("",)
    states = options.get("num_layers", 1) * len(ways)
    h_last, c_last = np.zeros((2, states, len(examples), hidden))
    results = []
    for b, sequence in enumerate(examples):
        for layer in range(options.get("num_layers", 1)):
            found = []
            for j, way in enumerate(ways):
                key, k = f"l{layer}{way}", layer * len(ways) + j
                bias = p[f"bias_ih_{key}"] + p[f"bias_hh_{key}"] if options.get("bias", True) else 0.0
                order = slice(None, None, -1 if way else 1)
                h0, c0 = (hx[0][k, b], hx[1][k, b]) if hx else (np.zeros(hidden), np.zeros(hidden))
                a = sequence[order] @ p[f"weight_ih_{key}"].T + bias
                h, c = one_sequence(a, h0, c0, p[f"weight_hh_{key}"], p.get(f"peephole_{key}"))
                found.append(h[order])
                h_last[k][b], c_last[k][b] = h[-1], c[-1]
            sequence = np.concatenate(found, 1)
        results.append(sequence)
    y = np.array(results)
    return y if options.get("batch_first") else y.swapaxes(0, 1), h_last, c_last


def composed_layer(p, projected, h, c, recurrent, peephole):
    """One layer with peepholes out of single products, to be differentiated by autograd."""
    n = h.shape[1]
    w = recurrent.split(n)
    outputs, cells = [], []
    for a in projected:
        pre = [a[:, j * n : (j + 1) * n] + torch.einsum("bk,jk->bj", h, m) for j, m in enumerate(w)]
        kept = c / (1 + torch.exp(-pre[1] - peephole[1] * c)) if len(w) == 4 else c
        c = kept + torch.tanh(pre[-2]) / (1 + torch.exp(-pre[0] - peephole[0] * c))
        h = torch.tanh(c) / (1 + torch.exp(-pre[-1] - peephole[-1] * c))
        outputs.append(h)
        cells.append(c)
    return torch.stack(outputs), torch.stack(cells)


def composed(options, p, x, hx=None):
    """Bidirectional layers with peepholes, from :func:`composed_layer`."""
    hidden = p["weight_hh_l0"].shape[1]
    if hx is None:
        hx = (x.new_zeros(2 * options["num_layers"], x.shape[1], hidden),) * 2
    last = []
    for layer in range(options["num_layers"]):
        both = []
        for k, way in ((2 * layer, ""), (2 * layer + 1, "_reverse")):
            key = f"l{layer}{way}"
            a = x @ p[f"weight_ih_{key}"].T + p[f"bias_ih_{key}"] + p[f"bias_hh_{key}"]
            h, c = composed_layer(p, a.flip(0) if way else a, hx[0][k], hx[1][k], p[f"weight_hh_{key}"], p[f"peephole_{key}"])
            both.append(h.flip(0) if way else h)
            last.append((h[-1], c[-1]))
        x = torch.cat(both, 2)
    return x, torch.stack([h for h, _ in last]), torch.stack([c for _, c in last])


def with_peepholes(layers: int) -> tuple[Oracle, ...]:
    options = {"num_layers": layers, "bidirectional": True}
    return (
        Oracle("composition of single products, by autograd", partial(composed, options)),
        Oracle("the equations in NumPy, one example at a time", partial(equations, options), "numpy"),
    )


def case(name: str, *samples: Sample, sizes: tuple[int, int] = (3, 4), oracles: tuple[Oracle, ...] = (), more=None, **options) -> Case:
    return Case(
        METHOD,
        name,
        lambda: randomize(LSTM(*sizes, **options)),
        lambda: samples,
        oracles
        or (
            Oracle("torch.lstm", partial(built_in, options)),
            Oracle("the equations in NumPy, one example at a time", partial(equations, options), "numpy"),
        ),
        dtypes=ALL,
        **(more or {}),
    )


def state(layers: int, batch: int, hidden: int, seed: int):
    return randn(layers, batch, hidden, seed=seed), randn(layers, batch, hidden, seed=seed + 1)


X = randn(4, 2, 3, seed=1)
LONG = randn(17, 5, 3, seed=2)
LAYER = (
    Oracle("composition of single products, by autograd", lambda p, *a: composed_layer(p, *a)),
    Oracle("the equations in NumPy, one example at a time", layer_equations, "numpy"),
)


def layer_sample(rows: int, steps: int, batch: int, hidden: int, seed: int) -> Sample:
    shapes = ((steps, batch, rows * hidden), (batch, hidden), (batch, hidden), (rows * hidden, hidden), (rows - 1, hidden))
    return Sample(tuple(randn(*shape, seed=seed + i) for i, shape in enumerate(shapes)))


def given(*shapes: tuple[int, ...]):
    return [torch.zeros(shape) for shape in shapes]


P, H0, R, EYE = (5, 2, 12), (2, 3), (12, 3), (3, 3)
SMALL = LSTM(3, 4)

BAD = (
    Bad(lambda: LSTM(0, 4), r"LSTM: input_size must be positive, got 0"),
    Bad(lambda: LSTM(3, 0), r"LSTM: hidden_size must be positive, got 0"),
    Bad(lambda: LSTM(3, 4, 0), r"LSTM: num_layers must be positive, got 0"),
    Bad(lambda: LSTM(3, 4, dropout=1.5), r"LSTM: dropout must lie in \[0, 1\], got 1.5"),
    Bad(lambda: LSTM(3, 4, dropout=-0.5), r"LSTM: dropout must lie in \[0, 1\], got -0.5"),
    Bad(lambda: SMALL(torch.zeros(5, 2, 4)), r"input must be \(T, B, D\) or \(T, D\) with D = 3, got shape \(5, 2, 4\)"),
    Bad(lambda: SMALL(torch.zeros(5, 2, 2, 3)), r"input must be \(T, B, D\) or \(T, D\) with D = 3, got shape \(5, 2, 2, 3\)"),
    Bad(lambda: SMALL(torch.zeros(3)), r"got shape \(3,\)"),
    Bad(lambda: LSTM(3, 4, batch_first=True)(torch.zeros(5, 2, 4)), r"input must be \(B, T, D\) or \(T, D\)"),
    Bad(lambda: SMALL(torch.zeros(5, 2, 3).double()), r"the parameters' dtype torch.float32, got torch.float64"),
    Bad(lambda: SMALL(torch.zeros(0, 2, 3)), r"at least one time step, got shape \(0, 2, 3\)"),
    Bad(lambda: SMALL(torch.zeros(0, 3)), r"at least one time step, got shape \(0, 3\)"),
    Bad(lambda: LSTM(3, 4, batch_first=True)(torch.zeros(2, 0, 3)), r"at least one time step, got shape \(2, 0, 3\)"),
    Bad(lambda: LSTM(3, 4, batch_first=True)(torch.zeros(0, 3)), r"at least one time step, got shape \(0, 3\)"),
    Bad(lambda: SMALL(torch.zeros(5, 2, 3), given((1, 2, 4))), r"LSTM: expected 2 initial states, got 1"),
    Bad(lambda: SMALL(torch.zeros(5, 2, 3), given((1, 2, 4), (1, 1, 4))), r"torch.float32 of shape \(1, 2, 4\), got .* \(1, 1, 4\)"),
    Bad(lambda: SMALL(torch.zeros(5, 2, 3), given((2, 2, 4), (1, 2, 4))), r"of shape \(1, 2, 4\), got torch.float32 of shape \(2, 2, 4\)"),
    Bad(lambda: SMALL(torch.zeros(5, 3), given((1, 2, 4), (1, 2, 4))), r"of shape \(1, 4\), got torch.float32 of shape \(1, 2, 4\)"),
    Bad(lambda: LSTM(3, 4, batch_first=True)(torch.zeros(5, 2, 3), given((1, 2, 4), (1, 2, 4))), r"of shape \(1, 5, 4\)"),
    Bad(lambda: LSTM(3, 4, 3, bidirectional=True)(torch.zeros(5, 2, 3), given((3, 2, 4), (3, 2, 4))), r"of shape \(6, 2, 4\)"),
    Bad(lambda: SMALL(torch.zeros(5, 2, 3), [s.double() for s in given((1, 2, 4), (1, 2, 4))]), r"got torch.float64 of shape \(1, 2, 4\)"),
    Bad(lambda: lstm_layer(*given(P, H0, H0, (6, 3))), r"weight_hh must have shape \(4 H, H\) or \(3 H, H\), got \(6, 3\)"),
    Bad(lambda: lstm_layer(*given(P, H0, H0, (15, 3))), r"weight_hh must have shape \(4 H, H\) or \(3 H, H\), got \(15, 3\)"),
    Bad(lambda: lstm_layer(*given(P, H0, H0, (12,))), r"weight_hh must have shape .*, got \(12,\)"),
    Bad(lambda: lstm_layer(*given((5, 2, 9), H0, H0, R)), r"projected must have shape \(T, B, 12\) with T > 0, got \(5, 2, 9\)"),
    Bad(lambda: lstm_layer(*given((5, 12), H0, H0, R)), r"projected must have shape \(T, B, 12\) with T > 0, got \(5, 12\)"),
    Bad(lambda: lstm_layer(*given((0, 2, 12), H0, H0, R)), r"projected must have shape \(T, B, 12\) with T > 0, got \(0, 2, 12\)"),
    Bad(lambda: lstm_layer(*given(P, (1, 3), H0, R)), r"h0 must have shape \(2, 3\), got \(1, 3\)"),
    Bad(lambda: lstm_layer(*given(P, H0, (2, 4), R)), r"c0 must have shape \(2, 3\), got \(2, 4\)"),
    Bad(lambda: lstm_layer(*given(P, H0, H0, R, (2, 3))), r"peephole must have shape \(3, 3\), got \(2, 3\)"),
    Bad(lambda: lstm_layer(*given((5, 2, 9), H0, H0, (9, 3), EYE)), r"peephole must have shape \(2, 3\), got \(3, 3\)"),
)

CASES = [
    case(
        "one layer",
        Sample((X, state(1, 2, 4, 10)), name="initial state"),
        Sample((LONG,)),
        Sample((X[:, 0], tuple(s[:, 0] for s in state(1, 2, 4, 10))), name="no batch, initial state"),
        Sample((X[:, 0],), name="no batch"),
        more={
            "gradcheck": 2,
            "bad": BAD,
            "degenerate": lambda: [
                Sample((X[:1],), name="one step"),
                Sample((X[:, :1], state(1, 1, 4, 12)), name="one example"),
                Sample((X[:1, 0],), name="one step, no batch"),
            ],
            "hard": lambda: [
                Sample((X * 0,), name="all zero"),
                Sample((X * 10,), name="nearly saturated gates"),
                Sample((X, (state(1, 2, 4, 14)[0], state(1, 2, 4, 14)[1] * 100)), name="cells of 100"),
            ],
        },
    ),
    case(
        "two layers, both directions, batch first",
        Sample((randn(2, 3, 3, seed=20), state(4, 2, 2, 21)), name="initial state"),
        Sample((randn(5, 7, 3, seed=23),)),
        Sample((X[:, 0], tuple(s[:, 0] for s in state(4, 1, 2, 25))), name="no batch, initial state"),
        sizes=(3, 2),
        num_layers=2,
        batch_first=True,
        bidirectional=True,
    ),
    case("no bias", Sample((X,)), sizes=(3, 5), bias=False),
    case(
        "three layers with dropout",
        Sample((X,)),
        sizes=(3, 5),
        num_layers=3,
        dropout=0.4,
        oracles=(Oracle("torch.lstm from the same seed", partial(built_in, {"num_layers": 3, "dropout": 0.4})),),
        more={"seeded": True},
    ),
    case(
        "no forget gate",
        Sample((X, state(2, 2, 4, 30)), name="initial state"),
        Sample((LONG,)),
        more={"tolerance": {torch.float16: 2e-2}},  # cells reach 17: gates rounded to float16 add up over 17 steps
        forget_gate=False,
        bidirectional=True,
    ),
    case(
        "peepholes",
        Sample((X, state(4, 2, 4, 40)), name="initial state"),
        Sample((LONG,)),
        oracles=with_peepholes(2),
        num_layers=2,
        bidirectional=True,
        peepholes=True,
    ),
    case(
        "peepholes, no forget gate",
        Sample((X, state(2, 2, 4, 50)), name="initial state"),
        oracles=with_peepholes(1),
        bidirectional=True,
        forget_gate=False,
        peepholes=True,
    ),
    Case(
        METHOD,
        "all outputs and cells",
        function(lstm_layer),
        lambda: [layer_sample(4, 4, 2, 3, 60), layer_sample(4, 9, 3, 2, 70)],
        LAYER,
        gradcheck=2,
    ),
    Case(METHOD, "all outputs and cells, no forget gate", function(lstm_layer), lambda: [layer_sample(3, 4, 2, 3, 80)], LAYER, gradcheck=2),
    Case(
        METHOD,
        "empty batch",
        function(lstm_layer),
        lambda: [layer_sample(4, 3, 1, 2, 90)],
        LAYER[:1],
        degenerate=lambda: [layer_sample(4, 3, 0, 2, 90)],
    ),
]
