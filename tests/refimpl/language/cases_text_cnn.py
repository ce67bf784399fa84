"""Cases of the text CNN: windows by unfold and einsum, and the sums in NumPy, window by window."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.language.text_cnn import TextCNN, clip_rows_, features
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn, randomize

METHOD = "text-cnn"


def unfolded(_, vectors, weight, bias=None):
    windows = vectors.unfold(1, weight.shape[2], 1)  # (B, n - h + 1, D, h)
    c = torch.einsum("btdh,fdh->btf", windows, weight)
    c = c if bias is None else c + bias
    return torch.where(c > 0, c, 0 * c).max(1).values


def window_by_window(_, vectors, weight, bias=None):
    y = np.zeros((len(vectors), len(weight)))
    for b, k in np.ndindex(y.shape):
        width = weight.shape[2]
        answers = [
            sum(weight[k, :, j] @ vectors[b, i + j] for j in range(width)) + (0 if bias is None else bias[k])
            for i in range(vectors.shape[1] - width + 1)
        ]
        y[b, k] = max(max(c, 0.0) for c in answers)
    return y


def network(pooled, cat, drop, p, words):
    tables = [p[f"tables.{k}.weight"] for k in range(sum(name.startswith("tables") for name in p))]
    vectors = cat([table[words] for table in tables], 2)
    count = sum(name.startswith("filters") for name in p) // 2
    z = cat([pooled(None, vectors, p[f"filters.{k}.weight"], p[f"filters.{k}.bias"]) for k in range(count)], 1)
    return drop(z) @ p["output.weight"].T + p["output.bias"]


def case(name, dropout=0.0, numpy=True, **options):
    more = {k: options.pop(k) for k in ("seeded",) if k in options}
    oracles = [Oracle("unfold and einsum, by autograd", partial(network, unfolded, torch.cat, lambda z: F.dropout(z, dropout)))]
    if numpy:
        oracles.append(
            Oracle("the sums in NumPy, window by window", partial(network, window_by_window, np.concatenate, lambda z: z), "numpy")
        )
    return Case(
        METHOD,
        name,
        lambda: trained(randomize(TextCNN(6, 3, 2, (2, 3), 4, dropout, **options))),
        lambda: [Sample((WORDS,)), Sample((WORDS[:1, :3],), name="as long as the widest filter")],
        tuple(oracles),
        degenerate=lambda: [Sample((WORDS[:0],), name="empty batch")] if numpy else [],
        tolerance={torch.bfloat16: 4e-2},  # features are rounded before they are summed
        **more,
    )


def trained(model):
    """All parameters with gradients, so that they can be compared; which are trained stands in the tests."""
    return model.requires_grad_()


WORDS = torch.tensor([[0, 3, 5, 1, 1], [2, 2, 4, 0, 5]])
VECTORS, WEIGHT, BIAS = randn(2, 5, 3, seed=1), randn(4, 3, 2, seed=2), randn(4, seed=3)
Z = torch.zeros
WRONG = r"^features: expected vectors \(B, n, D\) and weight \(F, D, h\) with h <= n, got "
BAD = (
    Bad(lambda: features(VECTORS, WEIGHT[0]), WRONG + r"\(2, 5, 3\) and \(3, 2\)$"),
    Bad(lambda: features(VECTORS, WEIGHT[..., None]), WRONG + r"\(2, 5, 3\) and \(4, 3, 2, 1\)$"),
    Bad(lambda: features(VECTORS[0], WEIGHT), WRONG + r"\(5, 3\) and \(4, 3, 2\)$"),
    Bad(lambda: features(VECTORS, Z(4, 2, 2)), WRONG + r"\(2, 5, 3\) and \(4, 2, 2\)$"),
    Bad(lambda: features(VECTORS[:, :1], WEIGHT), WRONG + r"\(2, 1, 3\) and \(4, 3, 2\)$"),
    Bad(lambda: clip_rows_(Z(2, 2), 0.0), r"^clip_rows_: max_norm must be positive, got 0.0$"),
    Bad(lambda: TextCNN(6, 2, widths=()), r"^TextCNN: widths must be positive, at least one, got \(\)$"),
    Bad(lambda: TextCNN(6, 2, widths=(2, 0)), r"^TextCNN: widths must be positive, at least one, got \(2, 0\)$"),
    Bad(lambda: TextCNN(6, 2, dropout=1.5), r"^TextCNN: dropout must lie in \[0, 1\], got 1.5$"),
    Bad(lambda: TextCNN(6, 2, dropout=-0.5), r"^TextCNN: dropout must lie in \[0, 1\], got -0.5$"),
    Bad(lambda: TextCNN(6, 2, mode="both"), r"^TextCNN: mode must be one of static, non-static, multichannel, got 'both'$"),
    Bad(lambda: TextCNN(6, 2, 3, vectors=Z(6, 2)), r"^TextCNN: vectors must have shape \(6, 3\), got \(6, 2\)$"),
    Bad(lambda: TextCNN(6, 2, 3)(WORDS[0]), r"^TextCNN: words must have shape \(B, n\), got \(5,\)$"),
)

CASES = [
    Case(
        METHOD,
        "features of one width",
        function(features),
        lambda: [
            Sample((VECTORS, WEIGHT, BIAS)),
            Sample((VECTORS, WEIGHT), name="no bias"),
            Sample((VECTORS, randn(2, 3, 5, seed=4), BIAS[:2])),
        ],
        (Oracle("unfold and einsum, by autograd", unfolded), Oracle("the sums in NumPy, window by window", window_by_window, "numpy")),
        hard=lambda: [Sample((VECTORS + 1e4, WEIGHT, BIAS), name="mean 1e4")],
        bad=BAD,
        tolerance={torch.bfloat16: 4e-2},
    ),
    case("trained vectors"),
    case("two channels", mode="multichannel"),
    case("dropout", 0.4, numpy=False, seeded=True),
]
