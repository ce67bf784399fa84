"""Cases of the ON-LSTM: the cell in another arrangement by autograd, and the equations in NumPy."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from refimpl.recurrent.on_lstm import ONLSTM, cumax, on_lstm_layer, parse
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn, randomize

METHOD = "on-lstm"
ALL = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def rearranged(_, projected, h, c, weight, chunks):
    """f' = F (1 - I (1 - f)) and i' = I (1 - F (1 - i)), with master gates written out unit by unit."""
    hidden, steps = h.shape[1], []
    for a in projected:
        a = a + torch.einsum("bk,jk->bj", h, weight)
        z = torch.exp(a[:, : 2 * chunks].reshape(-1, 2, chunks))
        z = torch.tril(torch.ones(chunks, chunks, dtype=z.dtype)) @ (z / z.sum(2, keepdim=True)).unsqueeze(3)
        master_i, master_f = ((v.squeeze(2)).repeat_interleave(hidden // chunks, 1) for v in (1 - z[:, 0], z[:, 1]))
        i, f, g, o = a[:, 2 * chunks :].split(hidden, 1)
        keep = master_f * (1 - master_i * (1 - torch.sigmoid(f)))
        write = master_i * (1 - master_f * (1 - torch.sigmoid(i)))
        c = keep * c + write * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        steps.append((h, c, sum((k + 1) * p for k, p in enumerate(torch.diff(z[:, 1, :, 0], dim=1, prepend=z[:, 1, :1, 0] * 0).unbind(1)))))
    return tuple(torch.stack(v) for v in zip(*steps, strict=True))


def composed(options, p, x, hx=None):
    """The stack out of :func:`rearranged`."""
    x = x.transpose(0, 1) if options.get("batch_first") else x
    ways, last = ("", "_reverse") if options.get("bidirectional") else ("",), []
    hidden = p["weight_hh_l0"].shape[1]
    for layer in range(options.get("num_layers", 1)):
        both = []
        for way in ways:
            own = [p.get(f"{kind}_l{layer}{way}", 0.0) for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            h, c = (x.new_zeros(x.shape[1], hidden),) * 2 if hx is None else (hx[0][len(last)], hx[1][len(last)])
            read = x.flip(0) if way else x
            h, c, _ = rearranged(None, read @ own[0].t() + own[2] + own[3], h, c, own[1], hidden // options.get("chunk_size", 1))
            both.append(h.flip(0) if way else h)
            last.append((h[-1], c[-1]))
        x = torch.cat(both, 2)
    return x.transpose(0, 1) if options.get("batch_first") else x, tuple(torch.stack(v) for v in zip(*last, strict=True))


def logistic(x):
    return (1 + np.tanh(x / 2)) / 2


def equations(_, projected, h0, c0, weight, chunks):
    """One example at a time, unit by unit."""
    steps, batch = projected.shape[:2]
    hidden = h0.shape[1]
    y, cells, distance = np.zeros((steps, batch, hidden)), np.zeros((steps, batch, hidden)), np.zeros((steps, batch))
    for b in range(batch):
        h, c = h0[b], c0[b].copy()
        for t in range(steps):
            a = projected[t, b] + weight @ h
            shares = [np.exp(v) / np.exp(v).sum() for v in (a[:chunks], a[chunks : 2 * chunks])]
            for u in range(hidden):
                chunk = u * chunks // hidden
                i, f, g, o = (a[2 * chunks + k * hidden + u] for k in range(4))
                master_i, master_f = 1 - shares[0][: chunk + 1].sum(), shares[1][: chunk + 1].sum()
                w = master_i * master_f
                c[u] = (logistic(f) * w + master_f - w) * c[u] + (logistic(i) * w + master_i - w) * np.tanh(g)
                y[t, b, u] = logistic(o) * np.tanh(c[u])
            h, cells[t, b] = y[t, b], c
            distance[t, b] = sum((k + 1) * share for k, share in enumerate(shares[1]))
    return y, cells, distance


def stack(name, sizes, *samples, more=None, **options):
    oracle = Oracle("the cell rearranged, by autograd", partial(composed, options))
    return Case(
        METHOD,
        name,
        lambda: randomize(ONLSTM(*sizes, **options)),
        lambda: samples,
        (oracle,),
        dtypes=ALL,
        tolerance=ROUNDED,
        **(more or {}),
    )


def layer(seed, steps, batch, hidden, chunks):
    height = 2 * chunks + 4 * hidden
    shapes = ((steps, batch, height), (batch, hidden), (batch, hidden), (height, hidden))
    return Sample((*(randn(*shape, seed=seed + j) for j, shape in enumerate(shapes)), chunks), name=f"{chunks} chunks of {hidden} units")


X = randn(4, 2, 3, seed=1)
LAYERS = "its recurrence is compiled and exported in its own case"
ROUNDED = {torch.bfloat16: 5e-2, torch.float16: 6e-3}  # the projections of each layer are rounded
Z = torch.zeros


def broken(position, *shape):
    arguments = list(layer(0, 4, 2, 4, 2).args)
    arguments[position] = Z(shape) if shape else 0
    return lambda: on_lstm_layer(*arguments)


HEIGHT = r"^on_lstm_layer: weight_hh must have shape \(2 M \+ 4 H, H\) with M = {} > 0 dividing H, got {}$"
BAD = (
    Bad(lambda: ONLSTM(3, 4, chunk_size=3), r"^ONLSTM: chunk_size must be a positive divisor of hidden_size 4, got 3$"),
    Bad(lambda: ONLSTM(3, 4, chunk_size=0), r"^ONLSTM: chunk_size must be a positive divisor of hidden_size 4, got 0$"),
    Bad(lambda: ONLSTM(0, 4), r"^ONLSTM: input_size must be positive, got 0$"),
    Bad(broken(3, 20), HEIGHT.format(2, r"\(20,\)")),
    Bad(broken(3, 19, 4), HEIGHT.format(2, r"\(19, 4\)")),
    Bad(broken(3, 16, 3), HEIGHT.format(2, r"\(16, 3\)")),
    Bad(broken(4), HEIGHT.format(0, r"\(20, 4\)")),
    Bad(broken(0, 4, 20), r"^on_lstm_layer: projected must have shape \(T, B, 20\) with T > 0, got \(4, 20\)$"),
    Bad(broken(0, 0, 2, 20), r"projected must have shape \(T, B, 20\) with T > 0, got \(0, 2, 20\)$"),
    Bad(broken(0, 4, 2, 19), r"projected must have shape \(T, B, 20\) with T > 0, got \(4, 2, 19\)$"),
    Bad(broken(1, 4), r"^on_lstm_layer: h0 must have shape \(2, 4\), got \(4,\)$"),
    Bad(broken(2, 1, 4), r"^on_lstm_layer: c0 must have shape \(2, 4\), got \(1, 4\)$"),
    Bad(lambda: parse([1, 2], ["a"]), r"^parse: expected as many distances as words, at least one, got 2 and 1$"),
    Bad(lambda: parse([], []), r"^parse: expected as many distances as words, at least one, got 0 and 0$"),
)

CASES = [
    Case(
        METHOD,
        "recurrence",
        function(on_lstm_layer),
        lambda: [layer(10, 2, 1, 4, 2), layer(20, 7, 2, 3, 3), layer(30, 5, 3, 4, 1)],
        (Oracle("the cell rearranged, by autograd", rearranged), Oracle("the equations in NumPy, unit by unit", equations, "numpy")),
        gradcheck=2,
        degenerate=lambda: [layer(40, 3, 0, 4, 2), layer(50, 1, 1, 1, 1)],
        bad=BAD,
    ),
    stack(
        "one layer, two chunks",
        (3, 4),
        Sample((X, (randn(1, 2, 4, seed=2), randn(1, 2, 4, seed=3)))),
        Sample((randn(9, 2, 3, seed=4),)),
        chunk_size=2,
        more={
            "compiles": LAYERS,
            "exports": LAYERS,
            "hard": lambda: [Sample((X * 0,), name="all zero"), Sample((X * 20,), name="nearly saturated")],
            "hard_tolerance": 5e-4,  # arguments near 60 are known to 4e-6, and four steps multiply the slopes of the gates
        },
    ),
    stack(
        "two layers, both directions, batch first",
        (3, 2),
        Sample((X,)),
        num_layers=2,
        batch_first=True,
        bidirectional=True,
        bias=False,
        more={"compiles": LAYERS, "exports": LAYERS, "gradcheck": 0},  # checked in one direction above
    ),
    Case(
        METHOD,
        "cumax",
        function(cumax),
        lambda: [Sample((randn(3, 5, seed=6),)), Sample((randn(2, 3, 4, seed=7),), {"dim": 1})],
        (
            Oracle("partial sums of exponentials", lambda p, x, dim=-1: x.exp().cumsum(dim) / x.exp().sum(dim, keepdim=True)),
            Oracle("cumsum in NumPy", lambda p, x, dim=-1: np.cumsum(np.exp(x), dim) / np.exp(x).sum(dim, keepdims=True), "numpy"),
        ),
        gradcheck=2,
    ),
]
