"""Cases of segmentation: the CRF against every tag sequence one by one, and the whole tagger."""

from __future__ import annotations

import math
from itertools import pairwise, product

import numpy as np
import torch

from refimpl.language.chinese_segmentation import (
    CRF,
    BiLSTMCRF,
    crf_decode,
    crf_log_partition,
    crf_score,
    segmentation_f1,
    tags_of,
    words_of,
)
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn, randomize

METHOD = "chinese-segmentation"


def path_score(f, y, start, steps, end):
    total = start[y[0]] + end[y[-1]] + sum(f[t, k] for t, k in enumerate(y))
    return total + sum(steps[a, b] for a, b in pairwise(y))


def sizes(f, lengths):
    return [f.shape[1]] * len(f) if lengths is None else [int(n) for n in lengths]


def join(values):
    return torch.stack(values) if isinstance(values[0], torch.Tensor) else np.array(values)


def brute_score(_, f, tags, start, steps, end, lengths=None):
    rows = zip(f, tags.tolist(), sizes(f, lengths), strict=True)
    return join([path_score(x, y[:n], start, steps, end) for x, y, n in rows])


def all_scores(x, n, start, steps, end):
    return [path_score(x, y, start, steps, end) for y in product(range(len(start)), repeat=n)]


def numpy_partition(_, f, start, steps, end, lengths=None):
    found = [np.array(all_scores(x, n, start, steps, end)) for x, n in zip(f, sizes(f, lengths), strict=True)]
    return np.array([s.max() + math.log(np.exp(s - s.max()).sum()) for s in found])


def torch_partition(_, f, start, steps, end, lengths=None):
    return torch.stack([torch.stack(all_scores(x, n, start, steps, end)).logsumexp(0) for x, n in zip(f, sizes(f, lengths), strict=True)])


def tables(p, prefix="", bmes=False):
    start, steps, end = (p[f"{prefix}{n}"] for n in ("start_transitions", "transitions", "end_transitions"))
    if not bmes:
        return start, steps, end
    lowest = -1e3  # instead of minus infinity, which an oracle made of differences cannot take
    after = {0: (1, 2), 1: (1, 2), 2: (0, 3), 3: (0, 3)}
    add = np.array([[0.0 if j in after[i] else lowest for j in range(4)] for i in range(4)])
    ends = np.array([0.0, lowest, lowest, 0.0]), np.array([lowest, lowest, 0.0, 0.0])
    if isinstance(start, torch.Tensor):
        add, ends = torch.from_numpy(add), [torch.from_numpy(e) for e in ends]
    return start + ends[0], steps + add, end + ends[1]


def crf_oracle(partition):
    def call(p, f, tags, lengths=None):
        found = tables(p)
        return brute_score(None, f, tags, *found, lengths) - partition(None, f, *found, lengths)

    return call


def numpy_lstm(p, name, x):
    h = c = np.zeros(p[f"{name}.weight_hh_l0"].shape[1])
    states = []
    for v in x:
        s = p[f"{name}.weight_ih_l0"] @ v + p[f"{name}.bias_ih_l0"] + p[f"{name}.weight_hh_l0"] @ h + p[f"{name}.bias_hh_l0"]
        i, f, g, o = np.split(s, 4)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
        states.append(h)
    return states


def numpy_tagger(p, characters, tags, lengths=None):
    found, total = tables(p, "crf.", True), []
    for row, y, n in zip(characters, tags, sizes(characters, lengths), strict=True):
        x = p["embedding.weight"][row[:n]]
        left, right = numpy_lstm(p, "forward_lstm", x), numpy_lstm(p, "backward_lstm", x[::-1])[::-1]
        f = np.array([p["scores.weight"] @ np.concatenate(pair) + p["scores.bias"] for pair in zip(left, right, strict=True)])[None]
        total.append((brute_score(None, f, y[None, :n], *found) - numpy_partition(None, f, *found))[0])
    return np.array(total)


def torch_tagger(p, characters, tags, lengths=None):
    both = torch.nn.LSTM(2, 3, bidirectional=True, batch_first=True).double()
    weights = {k.removeprefix("forward_lstm."): v for k, v in p.items() if k.startswith("forward_lstm.")}
    weights |= {f"{k.removeprefix('backward_lstm.')}_reverse": v for k, v in p.items() if k.startswith("backward_lstm.")}
    found, total = tables(p, "crf.", True), []
    for row, y, n in zip(characters, tags, sizes(characters, lengths), strict=True):
        h, _ = torch.func.functional_call(both, weights, (p["embedding.weight"][row[:n]][None],))
        f = h @ p["scores.weight"].T + p["scores.bias"]
        total.append(brute_score(None, f, y[None, :n], *found) - torch_partition(None, f, *found))
    return torch.cat(total)


F, TAGS = randn(3, 4, 3, seed=1), torch.tensor([[0, 2, 1, 1], [2, 2, 0, 1], [1, 0, 0, 2]])
START, STEPS, END, LENGTHS = randn(3, seed=2), randn(3, 3, seed=3), randn(3, seed=4), torch.tensor([4, 1, 3])
SCORED, SUMMED = (F, TAGS, START, STEPS, END), (F, START, STEPS, END)
TEXT, BMES = torch.tensor([[0, 3, 1, 1], [2, 4, 4, 0]]), torch.tensor([[0, 1, 2, 3], [3, 0, 2, 0]])
SHAPES = r"start, transitions and end must have shapes \(3,\), \(3, 3\) and \(3,\), got "
BAD = (
    Bad(
        lambda: crf_score(F[0], *SCORED[1:]),
        r"crf_score: emissions must be floating point \(B, T, K\) with T > 0, got torch.float64 of shape \(4, 3\)",
    ),
    Bad(lambda: crf_decode(F.long(), *SUMMED[1:]), r"crf_decode: emissions must be .*, got torch.int64 of shape \(3, 4, 3\)"),
    Bad(
        lambda: crf_log_partition(F[:, :0], *SUMMED[1:]), r"crf_log_partition: emissions must be .*, got torch.float64 of shape \(3, 0, 3\)"
    ),
    Bad(lambda: crf_log_partition(F, START[1:], STEPS, END), "crf_log_partition: " + SHAPES + r"\(2,\), \(3, 3\) and \(3,\)"),
    Bad(lambda: crf_log_partition(F, START, STEPS[1:], END), "crf_log_partition: " + SHAPES + r"\(3,\), \(2, 3\) and \(3,\)"),
    Bad(lambda: crf_log_partition(F, START, STEPS, END[1:]), "crf_log_partition: " + SHAPES + r"\(3,\), \(3, 3\) and \(2,\)"),
    Bad(lambda: crf_score(*SCORED, LENGTHS[1:]), r"crf_score: lengths must have shape \(3,\), got \(2,\)"),
    Bad(
        lambda: crf_score(F, TAGS[1:], START, STEPS, END),
        r"crf_score: tags must be whole numbers \(3, 4\), got torch.int64 of shape \(2, 4\)",
    ),
    Bad(lambda: crf_score(F, TAGS.double(), START, STEPS, END), r"crf_score: tags must be whole numbers \(3, 4\), got torch.float64"),
    Bad(lambda: CRF(0), r"CRF: num_tags must be positive, got 0"),
    Bad(
        lambda: CRF(2, (torch.ones(2, 2), torch.ones(3), torch.ones(2))),
        r"CRF: allowed must have shapes \(\(2, 2\), \(2,\), \(2,\)\), got \(\(2, 2\), \(3,\), \(2,\)\)",
    ),
    Bad(
        lambda: BiLSTMCRF(5, 2, 3).decode(TEXT[0]),
        r"BiLSTMCRF: characters must be whole numbers \(B, T\) with T > 0, got torch.int64 of shape \(4,\)",
    ),
    Bad(lambda: BiLSTMCRF(5, 2, 3).decode(TEXT[:, :0]), r"BiLSTMCRF: characters must be .*, got torch.int64 of shape \(2, 0\)"),
    Bad(lambda: BiLSTMCRF(5, 2, 3).decode(TEXT.double()), r"BiLSTMCRF: characters must be .*, got torch.float64"),
    Bad(lambda: tags_of(["大", ""]), r"tags_of: expected words of one character or more, got an empty one"),
    Bad(lambda: words_of("大学", "B"), r"words_of: expected a tag among BMES for each of 2 characters, got 'B'"),
    Bad(lambda: words_of("大学", "BX"), r"words_of: expected a tag among BMES for each of 2 characters, got 'BX'"),
    Bad(lambda: segmentation_f1([["大", "学"]], [["大人"]]), r"segmentation_f1: expected the same sentences, got 1 and 1 that differ"),
)


def case(name, make, samples, torch_call, numpy_call, **more):
    oracles = (Oracle("every tag sequence in torch", torch_call), Oracle("every tag sequence in NumPy", numpy_call, "numpy"))
    return Case(METHOD, name, make, lambda: samples, oracles, layouts=False, **more)


def both(args):
    return [Sample(args, name="one length"), Sample(args, {"lengths": LENGTHS}, "lengths")]


LARGE = (F * 300 + 1e4, START, STEPS * 100, END)
CASES = [
    case(
        "score",
        function(crf_score),
        both(SCORED),
        brute_score,
        brute_score,
        degenerate=lambda: [Sample((F[..., :1], TAGS * 0, START[:1], STEPS[:1, :1], END[:1]), {"lengths": LENGTHS}, "one tag, lengths")],
        bad=BAD,
        compiles="sums of gathered numbers",
    ),
    case(
        "sum over all sequences",
        function(crf_log_partition),
        both(SUMMED),
        torch_partition,
        numpy_partition,
        hard=lambda: [Sample(LARGE, name="large scores"), Sample(tuple(a * 0 for a in SUMMED), name="zeros")],
        degenerate=lambda: [
            Sample((F[:, :1], *SUMMED[1:]), name="one place"),
            Sample((F[..., :1], START[:1], STEPS[:1, :1], END[:1]), name="one tag"),
        ],
        gradcheck=2,
    ),
    case(
        "likelihood",
        lambda: randomize(CRF(3)),
        both((F, TAGS)),
        crf_oracle(torch_partition),
        crf_oracle(numpy_partition),
        tolerance={torch.bfloat16: 6e-2},  # a difference of two large scores
        compiles="made of functions that compile",
    ),
    case(
        "tagger",
        lambda: randomize(BiLSTMCRF(5, 2, 3)),
        [Sample((TEXT, BMES, torch.tensor([4, 3])), name="lengths"), Sample((TEXT[:1], BMES[:1]), name="one length")],
        torch_tagger,
        numpy_tagger,
        degenerate=lambda: [Sample((TEXT[:1, :1], BMES[:1, 3:]), name="one character")],
        dtypes=(torch.float64, torch.float32),  # in two bytes differences of scores keep one digit
        compiles="the LSTM is compiled in its own cases",
    ),
]
