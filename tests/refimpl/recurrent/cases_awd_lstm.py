"""Cases of the AWD-LSTM: PyTorch's layers with the same masks drawn beside them, and the equations in NumPy."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.recurrent.awd_lstm import (
    AWDLSTM,
    WeightDropLSTM,
    activation_penalty,
    embedding_dropout,
    locked_dropout,
    temporal_penalty,
)
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn, randomize

METHOD = "awd-lstm"
KINDS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


def mask(p, *shape):
    return torch.empty(shape, dtype=torch.bool).bernoulli_(1 - p).double() / (1 - p) if p < 1 else torch.zeros(shape)


def locked(_, x, p=0.5):
    return x * mask(p, 1, *x.shape[1:]) if p else x


def embedded(_, words, weight, p=0.1):
    return F.embedding(words, weight * mask(p, len(weight), 1) if p else weight)


def weight_dropped(p, parameters, x, state=None, prefix=""):
    own = {k: parameters[prefix + k] for k in KINDS}
    if p:
        own["weight_hh_l0"] = own["weight_hh_l0"] * mask(p, *own["weight_hh_l0"].shape)
    hidden = own["weight_hh_l0"].shape[1]
    state = [x.new_zeros(1, x.shape[1], hidden)] * 2 if state is None else list(state)
    y, h, c = torch.lstm(x, state, [own[k] for k in KINDS], True, 1, 0.0, False, False, False)
    return y, (h, c)


def model(rates, p, words, states=None):
    """``rates``: dropout, dropouth, dropouti, dropoute, wdrop."""
    out, hidden, first, word, weight = rates
    raw, last = embedded(None, words, p["encoder.weight"], word), []
    for k in range(len({name.split(".")[1] for name in p if name.startswith("rnns")})):
        raw = locked(None, raw, hidden if k else first)
        raw, state = weight_dropped(weight, p, raw, None if states is None else states[k], f"rnns.{k}.")
        last.append(state)
    dropped = locked(None, raw, out)
    return F.linear(dropped, p.get("decoder.weight", p["encoder.weight"]), p["decoder.bias"]), dropped, raw, tuple(last)


def logistic(x):
    return (1 + np.tanh(x / 2)) / 2


def in_numpy(p, words, states=None):
    """Evaluation by the equations, one text at a time."""
    layers = len({name.split(".")[1] for name in p if name.startswith("rnns")})
    x, last = p["encoder.weight"][words], []
    for k in range(layers):
        own = {name: p[f"rnns.{k}.{name}"] for name in KINDS}
        hidden = own["weight_hh_l0"].shape[1]
        y, final = np.zeros((*words.shape, hidden)), np.zeros((2, 1, words.shape[1], hidden))
        for b in range(words.shape[1]):
            h, c = (np.zeros(hidden), np.zeros(hidden)) if states is None else (states[k][0][0, b], states[k][1][0, b])
            for t in range(len(words)):
                a = own["weight_ih_l0"] @ x[t, b] + own["weight_hh_l0"] @ h + own["bias_ih_l0"] + own["bias_hh_l0"]
                i, f, g, o = a.reshape(4, hidden)
                c = logistic(f) * c + logistic(i) * np.tanh(g)
                h = y[t, b] = logistic(o) * np.tanh(c)
            final[0, 0, b], final[1, 0, b] = h, c
        x = y
        last += [*final]
    return x @ p.get("decoder.weight", p["encoder.weight"]).T + p["decoder.bias"], x, x, *last


RATES = (0.3, 0.4, 0.2, 0.25, 0.6)
NONE = (0.0,) * 5
WORDS = torch.tensor([[0, 3], [4, 1], [3, 3], [2, 0]])
STATES = tuple((randn(1, 2, n, seed=n), randn(1, 2, n, seed=n + 9)) for n in (4, 3))
X = randn(5, 2, 3, seed=1)
LAYERS = "its layers are compiled and exported in their own cases"
Z = torch.zeros


def network(name, rates, *samples, numpy=False, **more):
    oracles = [Oracle("torch.lstm with masks drawn beside it", partial(model, rates))]
    if numpy:
        oracles.append(Oracle("the equations in NumPy, one text at a time", in_numpy, "numpy"))
    tie = more.pop("tie", True)
    return Case(
        METHOD,
        name,
        lambda: randomize(AWDLSTM(5, 3, 4, 2, *rates, tie_weights=tie)),
        lambda: samples,
        tuple(oracles),
        compiles=LAYERS,
        exports=LAYERS,
        **more,
    )


BAD = (
    *(
        Bad(partial(AWDLSTM, *arguments), rf"^AWDLSTM: {name} must be positive, got 0$")
        for name, arguments in {"ntoken": (0,), "ninp": (3, 0), "nhid": (3, 3, 0), "nlayers": (3, 3, 3, 0)}.items()
    ),
    *(
        Bad(partial(AWDLSTM, 3, **{name: value}), rf"^AWDLSTM: {name} must lie in \[0, 1\], got {value}$")
        for name in ("dropout", "dropouth", "dropouti", "dropoute", "wdrop")
        for value in (-0.1, 1.1)
    ),
    Bad(lambda: AWDLSTM(5, 3, 4)(WORDS[0]), r"^AWDLSTM: words must have shape \(T, B\), got \(2,\)$"),
    Bad(lambda: AWDLSTM(5, 3, 4, 2)(WORDS, STATES[:1]), r"^AWDLSTM: states must hold the states of 2 layers, got 1$"),
    Bad(lambda: WeightDropLSTM(3, 4, weight_dropout=1.5), r"^WeightDropLSTM: weight_dropout must lie in \[0, 1\], got 1.5$"),
    Bad(lambda: WeightDropLSTM(3, 4, weight_dropout=-0.5), r"^WeightDropLSTM: weight_dropout must lie in \[0, 1\], got -0.5$"),
    Bad(lambda: locked_dropout(Z(3, 2)), r"^locked_dropout: input must have shape \(T, B, D\), got \(3, 2\)$"),
    Bad(lambda: locked_dropout(Z(3, 2, 2), 1.5), r"p must lie in \[0, 1\], got 1.5$"),
    Bad(lambda: embedding_dropout(WORDS, Z(3)), r"^embedding_dropout: weight must have shape \(V, D\), got \(3,\)$"),
)

CASES = [
    network("no dropout", NONE, Sample((WORDS, STATES)), Sample((WORDS[:, :1],)), numpy=True, bad=BAD),
    network("training, weights not tied", RATES, Sample((WORDS,)), seeded=True, tie=False, gradcheck=0),  # checked with tied weights
    network("training, no word dropped", (0.3, 0.4, 0.2, 0.0, 0.6), Sample((WORDS,)), seeded=True, gradcheck=0),  # as above
    network("training, tied weights", RATES, Sample((WORDS, STATES)), seeded=True),
    Case(
        METHOD,
        "weight drop",
        lambda: randomize(WeightDropLSTM(3, 4, weight_dropout=0.3)),
        lambda: [Sample((X, (randn(1, 2, 4, seed=2), randn(1, 2, 4, seed=3)))), Sample((X,))],
        (Oracle("torch.lstm with dropped weights", lambda p, x, state=None: weight_dropped(0.3, p, x, state)),),
        seeded=True,
    ),
    Case(
        METHOD,
        "locked dropout",
        function(locked_dropout, p=0.3),
        lambda: [Sample((X,))],
        (Oracle("product with a mask", partial(locked, p=0.3)),),
        seeded=True,
        degenerate=lambda: [Sample((X[:, :0],), name="empty batch")],
    ),
    Case(
        METHOD,
        "embedding dropout",
        function(embedding_dropout, p=0.3),
        lambda: [Sample((WORDS, randn(5, 3, seed=4)))],
        (Oracle("torch.nn.functional.embedding of a masked matrix", partial(embedded, p=0.3)),),
        seeded=True,
    ),
    *(
        Case(METHOD, name, function(f, **{symbol: 1.7}), lambda: [Sample((X,))], oracles, gradcheck=2, hard=lambda: [Sample((X + 1e4,))])
        for name, f, symbol, oracles in (
            (
                "activation penalty",
                activation_penalty,
                "alpha",
                (
                    Oracle("torch.nn.functional.mse_loss with zero", lambda p, x: 1.7 * F.mse_loss(x, torch.zeros_like(x))),
                    Oracle("a sum in NumPy", lambda p, x: 1.7 * sum(float(v) ** 2 for v in x.ravel()) / x.size, "numpy"),
                ),
            ),
            (
                "temporal penalty",
                temporal_penalty,
                "beta",
                (
                    Oracle("torch.nn.functional.mse_loss of neighbors", lambda p, x: 1.7 * F.mse_loss(x[1:], x[:-1])),
                    Oracle(
                        "a sum in NumPy",
                        lambda p, x: 1.7 * sum(((x[t] - x[t + 1]) ** 2).sum() for t in range(len(x) - 1)) / x[1:].size,
                        "numpy",
                    ),
                ),
            ),
        )
    ),
]
