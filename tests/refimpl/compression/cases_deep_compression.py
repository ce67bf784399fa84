"""Cases of deep compression: shared values and the starts of k-means, against loops over all distances."""

from __future__ import annotations

import numpy as np
import torch

from refimpl.compression.deep_compression import (
    Shared,
    compress,
    compression_rate,
    huffman_encode,
    initial_values,
    kmeans,
    share_,
)
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn

METHOD = "quantization"
WEIGHTS = randn(40, seed=1)
CODES = torch.tensor([[0, 3, 1, 4], [4, 3, 3, 0], [1, 4, 2, 3]])


def distances(_, weights, values, steps=50):
    """Lloyd's iteration by the distances between all weights and all values."""
    values = values.sort().values
    for _ in range(steps):
        codes = (weights[:, None] - values).abs().argmin(1)
        values = torch.stack([weights[codes == j].mean() if (codes == j).any() else v for j, v in enumerate(values)])
    return values


def loops(_, weights, values, steps=50):
    values = sorted(values)
    for _ in range(steps):
        cells = [[] for _ in values]
        for w in weights:
            cells[min(range(len(values)), key=lambda j: (abs(w - values[j]), j))].append(w)
        values = [sum(cell) / len(cell) if cell else v for cell, v in zip(cells, values, strict=True)]
    return np.array(values)


def numpy_shared(values):
    out = np.zeros(CODES.shape)
    for at in np.ndindex(out.shape):
        if CODES[at] < len(values):
            out[at] = values[CODES[at]]
    return out


def numpy_start(_, weights, size, how):
    if how == "linear":
        return np.linspace(weights.min(), weights.max(), size)
    ordered = sorted(weights)
    return np.array([ordered[int((j + 0.5) / size * len(ordered))] for j in range(size)])


def torch_start(_, weights, size, how):
    if how == "linear":
        step = (weights.max() - weights.min()) / max(size - 1, 1)
        return torch.stack([weights.min() + j * step for j in range(size)])
    kth = [weights.kthvalue((2 * j + 1) * len(weights) // (2 * size) + 1).values for j in range(size)]
    return torch.stack(kth)


LAYER = torch.nn.Linear(2, 2)

BAD = (
    Bad(lambda: compression_rate(0, 4, 32), r"^compression_rate: count must be positive, got 0$"),
    Bad(lambda: compression_rate(9, 0, 32), r"^compression_rate: size must be positive, got 0$"),
    Bad(lambda: compression_rate(9, 4, 0), r"^compression_rate: bits must be positive, got 0$"),
    Bad(
        lambda: initial_values(CODES, 2), r"^initial_values: weights must be floating point and one-dimensional, got torch.int64 of .*3, 4"
    ),
    Bad(lambda: initial_values(WEIGHTS.long(), 2), r"^initial_values: weights must be .*, got torch.int64 of shape \(40,\)"),
    Bad(lambda: initial_values(WEIGHTS, 0), r"^initial_values: size must lie between 1 and the number of weights, 40, got 0$"),
    Bad(lambda: initial_values(WEIGHTS, 41), r"^initial_values: size must lie between 1 and the number of weights, 40, got 41$"),
    Bad(lambda: initial_values(WEIGHTS, 2, "even"), r"^initial_values: how must be 'linear', 'density' or 'random', got 'even'$"),
    Bad(lambda: kmeans(WEIGHTS[None], WEIGHTS[:2]), r"^kmeans: weights must be floating point and one-dimensional, got .* \(1, 40\)"),
    Bad(lambda: kmeans(WEIGHTS, WEIGHTS[:2].long()), r"^kmeans: values must be floating point and one-dimensional, got torch.int64"),
    Bad(lambda: kmeans(WEIGHTS, WEIGHTS[:2].float()), r"^kmeans: values must be torch.float64 like the weights, got torch.float32$"),
    Bad(lambda: kmeans(WEIGHTS, WEIGHTS[:2], -1), r"^kmeans: steps must be non-negative, got -1$"),
    Bad(lambda: share_(LAYER, 2, "kernel"), r"^share_: expected the name of a parameter of Linear, got 'kernel'$"),
    Bad(lambda: share_(LAYER, 5), r"^initial_values: size must lie between 1 and the number of weights, 4, got 5$"),
    Bad(lambda: huffman_encode(CODES), r"^huffman_encode: symbols must be int64 \(N,\), got torch.int64 of shape \(3, 4\)$"),
    Bad(lambda: huffman_encode(CODES[0].int()), r"^huffman_encode: symbols must be int64 \(N,\), got torch.int32 of shape \(4,\)$"),
    Bad(lambda: huffman_encode(CODES[0] - 1), r"^huffman_encode: symbols must be non-negative, got -1$"),
    Bad(lambda: compress(CODES, 3, 2), r"^compress: codes must be int64 from 0 to 3, got torch.int64: \[0, 1, 2, 3, 4\]$"),
    Bad(lambda: compress(CODES - 1, 4, 2), r"^compress: codes must be int64 from 0 to 4, got torch.int64: \[-1, 0, 1, 2, 3\]$"),
    Bad(lambda: compress(CODES.int(), 4, 2), r"^compress: codes must be int64 from 0 to 4, got torch.int32"),
    Bad(lambda: compress(CODES, 4, -1), r"^compress: gap_bits must be non-negative, got -1$"),
)

KMEANS = (Oracle("all distances in torch", distances), Oracle("the equations in NumPy, weight by weight", loops, "numpy"))
STARTS = (Oracle("kthvalue and even steps", torch_start), Oracle("sorted weights and numpy.linspace", numpy_start, "numpy"))
TIES = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0], dtype=torch.float64)

CASES = [
    Case(
        METHOD,
        "k-means",
        function(kmeans),
        lambda: [
            Sample((WEIGHTS[:9], WEIGHTS[[3, 0, 7]]), {"steps": 2}, "values in disorder"),
            Sample((WEIGHTS, torch.linspace(-4, 3, 7).double()), {"steps": 5}, "values without weights"),
            Sample((WEIGHTS, WEIGHTS[:5]), {}, "defaults"),
        ],
        KMEANS,
        hard=lambda: [
            Sample((WEIGHTS + 1e4, WEIGHTS[:5] + 1e4), {"steps": 4}, "mean 1e4"),
            Sample((WEIGHTS * 0, WEIGHTS[:3] * 0), {"steps": 4}, "all zero"),
            Sample((WEIGHTS * 1e30, WEIGHTS[:5] * 1e30), {"steps": 4}, "extreme"),
        ],
        degenerate=lambda: [
            Sample((WEIGHTS[:0], WEIGHTS[:3]), {"steps": 2}, "no weight"),
            Sample((WEIGHTS[:1], WEIGHTS[1:2]), {"steps": 2}, "one weight"),
            Sample((WEIGHTS, WEIGHTS[[4, 1, 2]]), {"steps": 0}, "no step"),
            Sample((TIES, TIES[[1, 3, 5]]), {"steps": 1}, "weights between two values"),
        ],
        bad=BAD,
    ),
    Case(
        METHOD,
        "where k-means begins",
        function(initial_values),
        lambda: [Sample((WEIGHTS, 7, how), {}, how) for how in ("linear", "density")],
        STARTS,
        hard=lambda: [Sample((WEIGHTS + 1e4, 5, how), {}, f"{how}, mean 1e4") for how in ("linear", "density")],
        degenerate=lambda: [Sample((WEIGHTS[:n], n, how), {}, f"{how}, {n}") for how in ("linear", "density") for n in (1, 3)],
    ),
    Case(
        METHOD,
        "shared weights",
        lambda: Shared(CODES, 4),
        lambda: [Sample((randn(4, seed=2),))],
        (
            Oracle("one-hot codes times the values", lambda p, v: torch.eye(5, dtype=v.dtype)[p["codes"]][..., :4] @ v),
            Oracle("weight by weight in NumPy", lambda _, v: numpy_shared(v), "numpy"),
        ),
        gradcheck=2,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
    ),
]
