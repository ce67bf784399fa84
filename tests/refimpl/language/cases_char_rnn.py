"""Cases of the character model: PyTorch's networks on one-hot characters, and the step in NumPy."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.language.char_rnn import Alphabet, CharRNN, perplexity, sample, streams, write
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn, randomize

METHOD = "char-rnn"
KINDS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def in_torch(cell, p, characters, state=None):
    layers = sum("weight_hh" in name for name in p)
    flat = [p[f"rnn.{kind}_l{k}"] for k in range(layers) for kind in KINDS]
    hidden = p["read.weight"].shape[1]
    x = F.one_hot(characters, len(p["read.bias"])).to(p["read.weight"].dtype)
    if state is None:
        state = x.new_zeros(layers, x.shape[1], hidden)
        state = (state, state) if cell is torch.lstm else state
    y, *last = cell(x, state, flat, True, layers, 0.0, False, False, False)
    return F.linear(y, p["read.weight"], p["read.bias"]), *last


def step_by_step(p, characters, state=None):
    """One layer of the equations; the column of W_xh is looked up."""
    batch, hidden = characters.shape[1], p["read.weight"].shape[1]
    scores, last = np.zeros((*characters.shape, len(p["read.bias"]))), np.zeros((1, batch, hidden))
    for b in range(batch):
        h = np.zeros(hidden) if state is None else state[0, b]
        for t, k in enumerate(characters[:, b]):
            h = np.tanh(p["rnn.weight_hh_l0"] @ h + p["rnn.weight_ih_l0"][:, k] + p["rnn.bias_ih_l0"] + p["rnn.bias_hh_l0"])
            scores[t, b] = p["read.weight"] @ h + p["read.bias"]
        last[0, b] = h
    return scores, last


def product(p, scores, targets):
    """The inverse of the geometric mean of the probabilities."""
    flat, right = scores.reshape(-1, scores.shape[-1]), targets.reshape(-1)
    shares = np.exp(flat - flat.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    return np.prod([shares[i, k] ** (-1 / len(right)) for i, k in enumerate(right)])


X = torch.tensor([[0, 3], [2, 2], [1, 0], [4, 4]])
SCORES, TARGETS = randn(4, 2, 5, seed=1), torch.tensor([[1, 0], [4, 4], [2, 3], [0, 1]])
PARTS = "its network is compiled in its own cases"
Z = torch.zeros
BAD = (
    Bad(lambda: CharRNN(5, 3, cell="elman"), r"^CharRNN: cell must be one of rnn, gru, lstm, got 'elman'$"),
    Bad(lambda: CharRNN(5, 3)(X[0]), r"^CharRNN: characters must have shape \(T, B\), got \(2,\)$"),
    Bad(lambda: Alphabet("abc").encode("abzd"), r"^Alphabet: expected characters of 'abc', got 'd'$"),
    Bad(
        lambda: perplexity(Z(3, 2), Z(2).long()),
        r"^perplexity: expected scores \(..., A\) and targets \(...\), not empty, got \(3, 2\) and \(2,\)$",
    ),
    Bad(lambda: perplexity(Z(0, 2), Z(0).long()), r"not empty, got \(0, 2\) and \(0,\)$"),
    Bad(lambda: sample(Z(1, 2), -1.0), r"^sample: temperature must be non-negative, got -1.0$"),
    Bad(lambda: sample(Z(1, 2), float("nan")), r"^sample: temperature must be non-negative, got nan$"),
    Bad(lambda: write(CharRNN(5, 3), X, 3), r"^write: prefix must have shape \(T,\) with T > 0, got \(4, 2\)$"),
    Bad(lambda: write(CharRNN(5, 3), X[:0, 0], 3), r"^write: prefix must have shape \(T,\) with T > 0, got \(0,\)$"),
    Bad(lambda: streams(X[0], 0, 3), r"^streams: batch must be positive, got 0$"),
    Bad(lambda: streams(X[0], 1, 0), r"^streams: length must be positive, got 0$"),
    Bad(lambda: streams(X[0], 2, 3), r"^streams: expected a text of more than 2 characters for 2 readers, got 2$"),
)


def model(name, cell, oracle, sample, numpy=False, **options):
    oracles = [Oracle(f"{oracle} on one-hot characters", partial(in_torch, getattr(torch, name)))]
    if numpy:
        oracles.append(Oracle("the equations in NumPy, one text at a time", step_by_step, "numpy"))
    return Case(
        METHOD,
        f"model, {cell}",
        lambda: randomize(CharRNN(5, 3, cell=cell, **options)),
        lambda: [sample, Sample((X[:1],), name="one character")],
        tuple(oracles),
        tolerance={torch.bfloat16: 5e-2},  # the states are rounded before they are read
        compiles=PARTS,
        exports=PARTS,
    )


CASES = [
    model("rnn_tanh", "rnn", "torch.rnn_tanh", Sample((X, randn(1, 2, 3, seed=2))), numpy=True),
    model("gru", "gru", "torch.gru", Sample((X, randn(2, 2, 3, seed=3))), num_layers=2),
    model("lstm", "lstm", "torch.lstm", Sample((X, (randn(1, 2, 3, seed=4), randn(1, 2, 3, seed=5))))),
    Case(
        METHOD,
        "perplexity",
        function(perplexity),
        lambda: [Sample((SCORES, TARGETS)), Sample((SCORES[0], TARGETS[0]), name="one step")],
        (
            Oracle("log_softmax and gather", lambda p, s, y: (-s.log_softmax(-1).gather(-1, y.unsqueeze(-1)).mean()).exp()),
            Oracle("product of probabilities in NumPy", product, "numpy"),
        ),
        gradcheck=2,
        hard=lambda: [Sample((SCORES + 1e4, TARGETS), name="mean 1e4")],
        hard_tolerance=1e-3,  # scores of 1e4 are known to 1e-3
        bad=BAD,
    ),
]
