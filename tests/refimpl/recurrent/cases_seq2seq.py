"""Cases of the encoder-decoder: PyTorch's cells and softmax by autograd, and the equations in NumPy, one example at a time."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.recurrent.seq2seq import Seq2Seq, sequence_loss
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn, randomize

METHOD = "seq2seq"
KINDS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


def in_torch(p, source, target, lengths=None):
    """Each source cut to its length, alone; cells by ``torch.gru_cell``."""
    logits, looked = [], []
    encoder, decoder = ([p[f"{name}.{kind}"] for kind in KINDS] for name in ("encoder", "decoder"))
    for b, row in enumerate(source):
        own = row if lengths is None else row[: lengths[b]]
        h, states = p["bridge.weight"].new_zeros(1, p["bridge.weight"].shape[1]), []
        for symbol in own:
            h = torch.gru_cell(p["source_embedding.weight"][symbol].unsqueeze(0), h, *encoder)
            states.append(h)
        states = torch.cat(states)
        s, steps, weights = torch.tanh(h @ p["bridge.weight"].t()), [], []
        for symbol in target[b]:
            hidden = torch.tanh(F.linear(s, p["attention.query_proj.weight"]) + F.linear(states, p["attention.key_proj.weight"]))
            a = torch.softmax(hidden @ p["attention.v"], 0)
            context = (a.unsqueeze(1) * states).sum(0, keepdim=True)
            s = torch.gru_cell(torch.cat((p["target_embedding.weight"][symbol].unsqueeze(0), context), 1), s, *decoder)
            steps.append(torch.cat((s, context), 1))
            weights.append(F.pad(a, (0, len(row) - len(own))))
        logits.append(F.linear(torch.cat(steps), p["output.weight"], p["output.bias"]))
        looked.append(torch.stack(weights))
    return torch.stack(logits), torch.stack(looked)


def logistic(x):
    return (1 + np.tanh(x / 2)) / 2


def cell(p, name, x, h):
    n = len(h)
    w, u, b, d = (p[f"{name}.{kind}"].reshape(3, n, -1) if "weight" in kind else p[f"{name}.{kind}"].reshape(3, n) for kind in KINDS)
    r, z = (logistic(w[k] @ x + b[k] + u[k] @ h + d[k]) for k in (0, 1))
    return (1 - z) * np.tanh(w[2] @ x + b[2] + r * (u[2] @ h + d[2])) + z * h


def in_numpy(p, source, target, lengths=None):
    logits = np.zeros((*target.shape, len(p["output.bias"])))
    looked = np.zeros((*target.shape, source.shape[1]))
    for b in range(len(source)):
        h, states = np.zeros(len(p["bridge.weight"])), []
        for symbol in source[b] if lengths is None else source[b][: lengths[b]]:
            h = cell(p, "encoder", p["source_embedding.weight"][symbol], h)
            states.append(h)
        s = np.tanh(p["bridge.weight"] @ h)
        for t, symbol in enumerate(target[b]):
            scores = [p["attention.v"] @ np.tanh(p["attention.query_proj.weight"] @ s + p["attention.key_proj.weight"] @ v) for v in states]
            a = np.exp(scores) / np.exp(scores).sum()
            context = sum(weight * v for weight, v in zip(a, states, strict=True))
            s = cell(p, "decoder", np.concatenate((p["target_embedding.weight"][symbol], context)), s)
            logits[b, t] = p["output.weight"] @ np.concatenate((s, context)) + p["output.bias"]
            looked[b, t, : len(a)] = a
    return logits, looked


SOURCE = torch.tensor([[0, 3, 1, 2], [4, 4, 0, 1]])
TARGET = torch.tensor([[5, 0, 2], [5, 3, 3]])
LENGTHS = torch.tensor([4, 2])
LOGITS = randn(3, 4, 5, seed=1)
RIGHT = torch.tensor([[0, 4, 2, 1], [3, 3, 0, 0], [1, 2, 0, 4]])
Z = torch.zeros


def summed(p, logits, target, lengths=None):
    rows = [F.nll_loss(row.log_softmax(1), y, reduction="none") for row, y in zip(logits, target, strict=True)]
    return torch.stack([row[: len(row) if lengths is None else lengths[b]].sum() for b, row in enumerate(rows)])


def products(p, logits, target, lengths=None):
    """-ln of the product of the probabilities of the correct symbols."""
    powers = np.exp(logits - logits.max(2, keepdims=True))
    shares = powers / powers.sum(2, keepdims=True)
    ends = [target.shape[1]] * len(target) if lengths is None else lengths
    return np.array([-np.log(np.prod([shares[b, t, target[b, t]] for t in range(end)])) for b, end in enumerate(ends)])


def small():
    return Seq2Seq(5, 6, 2, 3)


BAD = (
    *(
        Bad(lambda a=arguments: Seq2Seq(*a), rf"^Seq2Seq: {name} must be positive, got 0$")
        for name, arguments in {
            "source_symbols": (0, 2, 2, 2),
            "target_symbols": (2, 0, 2, 2),
            "embedding_dim": (2, 2, 0, 2),
            "hidden_size": (2, 2, 2, 0),
        }.items()
    ),
    Bad(lambda: small()(SOURCE[0], TARGET[:1]), r"^Seq2Seq: target must have shape \(4, T\) with T > 0, got \(1, 3\)$"),
    Bad(lambda: small()(SOURCE, TARGET[:, :0]), r"^Seq2Seq: target must have shape \(2, T\) with T > 0, got \(2, 0\)$"),
    Bad(lambda: small()(SOURCE, TARGET[:, 0]), r"^Seq2Seq: target must have shape \(2, T\) with T > 0, got \(2,\)$"),
    Bad(lambda: small()(SOURCE[:, 0], TARGET), r"^Seq2Seq: source must have shape \(B, S\) with S > 0, got \(2,\)$"),
    Bad(lambda: small()(SOURCE[:, :0], TARGET), r"^Seq2Seq: source must have shape \(B, S\) with S > 0, got \(2, 0\)$"),
    Bad(lambda: small()(SOURCE, TARGET, LENGTHS[:1]), r"^seq2seq: lengths must have shape \(2,\), got \(1,\)$"),
    Bad(
        lambda: sequence_loss(Z(2, 3), Z(2, 3).long()),
        r"^sequence_loss: expected logits \(B, T, V\) and target \(B, T\), got \(2, 3\) and \(2, 3\)$",
    ),
    Bad(lambda: sequence_loss(Z(2, 3, 4), Z(2, 2).long()), r"got \(2, 3, 4\) and \(2, 2\)$"),
)

CASES = [
    Case(
        METHOD,
        "model",
        lambda: randomize(small()),
        lambda: [Sample((SOURCE, TARGET, LENGTHS), name="two lengths"), Sample((SOURCE, TARGET))],
        (
            Oracle("torch.gru_cell, one example at a time, by autograd", in_torch),
            Oracle("the equations in NumPy, one example at a time", in_numpy, "numpy"),
        ),
        degenerate=lambda: [Sample((SOURCE[:1, :1], TARGET[:1, :1]), name="one symbol to read and to write")],
        bad=BAD,
        tolerance={torch.bfloat16: 6e-2},  # the states of encoder and decoder are rounded at each step
        compiles="its recurrence and its attention are compiled in their own cases",
        exports="its recurrence and its attention are exported in their own cases",
    ),
    Case(
        METHOD,
        "loss",
        function(sequence_loss),
        lambda: [Sample((LOGITS, RIGHT, torch.tensor([4, 2, 0]))), Sample((LOGITS, RIGHT))],
        (Oracle("torch.nn.functional.nll_loss, summed by hand", summed), Oracle("product of probabilities in NumPy", products, "numpy")),
        gradcheck=2,
        hard=lambda: [Sample((LOGITS + 1e4, RIGHT), name="mean 1e4")],
        hard_tolerance=1e-3,  # logits of 1e4 are known to 1e-3
    ),
]
