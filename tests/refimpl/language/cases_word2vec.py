"""Cases of word2vec: the loss, and both models with both outputs, against the equations pair by pair."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.language.alias import alias_table
from refimpl.language.word2vec import Word2Vec, keep_probability, negative_sampling_loss, neighbors
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn, randomize

METHOD = "word2vec"
COUNTS = torch.tensor([7, 1, 4, 2, 9])


def log_sigmoid(z):
    return -math.log1p(math.exp(-z)) if z > -30 else z


def numpy_loss(_, hidden, positive, negative):
    rows = zip(hidden, positive, negative, strict=True)
    return np.array([-log_sigmoid(h @ p) - sum(log_sigmoid(-(h @ n)) for n in noise) for h, p, noise in rows])


def torch_loss(_, hidden, positive, negative):
    true = F.logsigmoid(torch.einsum("bd,bd->b", hidden, positive))
    return -true - F.logsigmoid(-torch.einsum("bd,bkd->bk", hidden, negative)).sum(1)


def hidden(table, words):
    return [table[w] if words.ndim == 1 else table[[i for i in w if i >= 0]].sum(0) / max(1, sum(i >= 0 for i in w)) for w in words]


def numpy_model(p, words, target, noise):
    out = p["output.weight"]
    h = hidden(p["input.weight"], words)
    return numpy_loss(None, h, out[target], out[noise])


def torch_model(p, words, target, noise):
    if words.dim() == 1:
        h = p["input.weight"][words]
    else:
        there = words >= 0
        flat, ends = words[there], there.sum(1).cumsum(0) - there.sum(1)
        h = F.embedding_bag(flat, p["input.weight"], ends, mode="mean")
    return torch_loss(None, h, F.embedding(target, p["output.weight"]), F.embedding(noise, p["output.weight"]))


def codes(counts):
    """Huffman's tree by merging lists of leaves: for each leaf its inner nodes, counted from the last merge, and turns."""
    groups = [(int(c), i, [i]) for i, c in enumerate(counts)]
    ways, order = {i: [] for i in range(len(counts))}, len(counts)
    while len(groups) > 1:
        groups.sort(key=lambda g: g[:2])
        (a, _, left), (b, _, right), *groups = groups
        for leaves, turn in ((left, 1), (right, -1)):
            for leaf in leaves:
                ways[leaf].append((order, turn))
        groups.append((a + b, order, left + right))
        order += 1
    return {leaf: [(order - 1 - node, turn) for node, turn in way] for leaf, way in ways.items()}


def numpy_tree(p, words, target):
    table = codes(COUNTS.tolist())
    h = hidden(p["input.weight"], words)
    return np.array(
        [-sum(log_sigmoid(turn * (p["output.weight"][n] @ v)) for n, turn in table[int(t)]) for v, t in zip(h, target, strict=True)]
    )


def torch_tree(p, words, target):
    table = codes(COUNTS.tolist())
    rows = [p["input.weight"][w[w >= 0] if words.dim() > 1 else w].reshape(-1, 3).mean(0) for w in words]
    return torch.stack(
        [
            -sum(F.logsigmoid(turn * (p["output.weight"][n] * v).sum()) for n, turn in table[int(t)])
            for v, t in zip(rows, target, strict=True)
        ]
    )


WORDS, TARGET, NOISE = torch.tensor([4, 0, 2, 4]), torch.tensor([1, 3, 3, 0]), torch.tensor([[0, 2], [4, 4], [3, 1], [0, 0]])
AROUND = torch.tensor([[-1, 0, 2], [1, 3, 3], [4, -1, -1], [2, 0, 1]])
H, P, N = randn(4, 3, seed=1), randn(4, 3, seed=2), randn(4, 2, 3, seed=3)
TEXT = torch.arange(5)
WANTED = r"negative_sampling_loss: expected \(B, D\), \(B, D\) and \(B, K, D\), got "
BAD = (
    Bad(lambda: negative_sampling_loss(H[0], P[0], N), WANTED + r"\(3,\), \(3,\) and \(4, 2, 3\)"),
    Bad(lambda: negative_sampling_loss(H, P[1:], N), WANTED + r"\(4, 3\), \(3, 3\) and \(4, 2, 3\)"),
    Bad(lambda: negative_sampling_loss(H, P, N[:, 0]), WANTED + r"\(4, 3\), \(4, 3\) and \(4, 3\)"),
    Bad(lambda: negative_sampling_loss(H, P, N[..., 1:]), WANTED + r"\(4, 3\), \(4, 3\) and \(4, 2, 2\)"),
    Bad(lambda: negative_sampling_loss(H, P, N[..., None]), WANTED + r"\(4, 3\), \(4, 3\) and \(4, 2, 3, 1\)"),
    Bad(lambda: Word2Vec(COUNTS[:1], 3), r"Word2Vec: expected counts of two or more words, .*, got \(1,\), 3 and 5"),
    Bad(lambda: Word2Vec(COUNTS[None], 3), r"Word2Vec: expected .*, got \(1, 5\), 3 and 5"),
    Bad(lambda: Word2Vec(COUNTS[:, None], 3), r"Word2Vec: expected .*, got \(5, 1\), 3 and 5"),
    Bad(lambda: Word2Vec(COUNTS, 0), r"Word2Vec: expected .*, got \(5,\), 0 and 5"),
    Bad(lambda: Word2Vec(COUNTS, 3, -1), r"Word2Vec: expected .*, got \(5,\), 3 and -1"),
    Bad(
        lambda: Word2Vec(COUNTS, 3)(WORDS, TARGET[1:]),
        r"Word2Vec: expected words \(B,\) or \(B, N\) and target \(B,\), got \(4,\) and \(3,\)",
    ),
    Bad(lambda: Word2Vec(COUNTS, 3)(AROUND[None], TARGET[:1]), r"Word2Vec: expected words .*, got \(1, 4, 3\) and \(1,\)"),
    Bad(
        lambda: neighbors(TEXT[None], 2),
        r"neighbors: expected whole numbers \(T,\), T > 0, and window >= 1, got torch.int64 \(1, 5\) and 2",
    ),
    Bad(lambda: neighbors(TEXT.double(), 2), r"neighbors: expected .*, got torch.float64 \(5,\) and 2"),
    Bad(lambda: neighbors(TEXT, 0), r"neighbors: expected .*, got torch.int64 \(5,\) and 0"),
    Bad(lambda: neighbors(TEXT[:0], 1), r"neighbors: expected .*, got torch.int64 \(0,\) and 1"),
    Bad(lambda: neighbors(TEXT, 2, TEXT[1:]), r"neighbors: reach must have shape \(5,\), got \(4,\)"),
    Bad(
        lambda: keep_probability(COUNTS, 0.0),
        r"keep_probability: expected non-negative counts with a positive sum and threshold > 0, got 0.0",
    ),
    Bad(lambda: keep_probability(COUNTS - 2), r"keep_probability: expected .*, got 1e-05"),
    Bad(lambda: keep_probability(-COUNTS), r"keep_probability: expected .*, got 1e-05"),
    Bad(lambda: keep_probability(COUNTS * 0), r"keep_probability: expected .*, got 1e-05"),
    Bad(lambda: alias_table(-COUNTS), r"alias_table: weights must be \(n,\), finite, non-negative and not all zero, got shape \(5,\)"),
    Bad(lambda: alias_table(COUNTS - 2), r"alias_table: weights must be .*, got shape \(5,\)"),
    Bad(lambda: alias_table(COUNTS * 0), r"alias_table: weights must be .*, got shape \(5,\)"),
    Bad(lambda: alias_table(COUNTS / 0), r"alias_table: weights must be .*, got shape \(5,\)"),
    Bad(lambda: alias_table(COUNTS[None]), r"alias_table: weights must be .*, got shape \(1, 5\)"),
)


def model(name, negative, samples, torch_oracle, numpy_oracle, **more):
    return Case(
        METHOD,
        name,
        lambda: randomize(Word2Vec(COUNTS, 3, negative)),
        lambda: [Sample(args, name=words) for words, args in samples],
        (Oracle("torch.nn.functional", torch_oracle), Oracle("the equations in NumPy, pair by pair", numpy_oracle, "numpy")),
        degenerate=lambda: [Sample(tuple(a[:1] for a in samples[0][1]), name="one pair")],
        layouts=False,
        compiles="the loss, in which all arithmetic is, is compiled",
        **more,
    )


CASES = [
    Case(
        METHOD,
        "negative sampling",
        function(negative_sampling_loss),
        lambda: [Sample((H, P, N))],
        (Oracle("torch.nn.functional.logsigmoid", torch_loss), Oracle("equation 4 in NumPy", numpy_loss, "numpy")),
        hard=lambda: [Sample((H * 100, P, N), name="large products"), Sample((H * 0, P, N), name="zeros")],
        degenerate=lambda: [Sample((H[:0], P[:0], N[:0]), name="no pair"), Sample((H, P, N[:, :0]), name="no noise")],
        bad=BAD,
        gradcheck=2,
    ),
    model("both models", 2, [("skip-gram", (WORDS, TARGET, NOISE)), ("CBOW", (AROUND, TARGET, NOISE))], torch_model, numpy_model),
    model("with the tree", 0, [("skip-gram", (WORDS, TARGET)), ("CBOW", (AROUND, TARGET))], torch_tree, numpy_tree),
]
