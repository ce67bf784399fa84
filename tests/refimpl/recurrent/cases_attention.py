"""Cases of the attention scores; the NumPy oracle takes one query and one key at a time."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.recurrent.attention import (
    AdditiveAttention,
    BilinearAttention,
    additive_scores,
    attend,
    bilinear_scores,
    dot_scores,
    scaled_dot_product_attention,
)
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn, randomize

METHOD = "attention"
LOOPS = "the equations in NumPy, one query and key at a time"


def numpy_attend(score, query, key, value, mask=None):
    """Output and weights where ``score(q, k)`` is one number; a query that sees no key gets zeros."""
    lead = query.shape[:-2]
    queries, keys = query.shape[-2], key.shape[-2]
    mask = np.ones((queries, keys), bool) if mask is None else mask
    mask = np.broadcast_to(mask, (*lead, queries, keys))
    weights, output = np.zeros((*lead, queries, keys)), np.zeros((*lead, queries, value.shape[-1]))
    for at in np.ndindex(*lead, queries):
        place, bias = at[:-1], mask[at]
        seen = [j for j in range(keys) if (bias[j] if mask.dtype == bool else bias[j] > -math.inf)]
        scores = [score(query[at], key[place][j]) + (0.0 if mask.dtype == bool else bias[j]) for j in seen]
        powers = [math.exp(s - max(scores)) for s in scores]
        for j, power in zip(seen, powers, strict=True):
            weights[at][j] = power / sum(powers)
            output[at] += weights[at][j] * value[place][j]
    return output, weights


def numpy_scaled(_, query, key, value, attn_mask=None, is_causal=False, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    if is_causal:
        attn_mask = np.array([[j <= i for j in range(key.shape[-2])] for i in range(query.shape[-2])])
    return numpy_attend(lambda q, k: scale * sum(q * k), query, key, value, attn_mask)[0]


def numpy_additive(p, query, key, value=None, mask=None):
    def score(q, k):
        return sum(p["v"] * np.tanh(p["query_proj.weight"] @ q + p["key_proj.weight"] @ k))

    return numpy_attend(score, query, key, key if value is None else value, mask)


def numpy_bilinear(p, query, key, value=None, mask=None):
    return numpy_attend(lambda q, k: q @ p["weight"] @ k, query, key, key if value is None else value, mask)


def torch_attend(scores, value, mask=None):
    """Softmax by its definition, the seen keys alone."""
    bias = torch.zeros((), dtype=scores.dtype) if mask is None else torch.log(mask.to(scores.dtype)) if mask.dtype == torch.bool else mask
    top = scores.detach().amax(-1, keepdim=True) if scores.shape[-1] else 0.0
    powers = torch.exp(bias) * torch.exp(scores - top)
    weights = powers / powers.sum(-1, keepdim=True).clamp_min(1e-300)
    return torch.einsum("...ls,...sv->...lv", weights, value), weights


def torch_additive(p, query, key, value=None, mask=None):
    hidden = torch.einsum("hq,...lq->...lh", p["query_proj.weight"], query)[..., :, None, :]
    hidden = hidden + torch.einsum("hk,...sk->...sh", p["key_proj.weight"], key)[..., None, :, :]
    return torch_attend(torch.einsum("...lsh,h->...ls", torch.tanh(hidden), p["v"]), key if value is None else value, mask)


def torch_bilinear(p, query, key, value=None, mask=None):
    shape = (*key.shape[:-2], query.shape[-2], key.shape[-2])
    left, right = query[..., :, None, :].expand(*shape, -1), key[..., None, :, :].expand(*shape, -1)
    return torch_attend(F.bilinear(left.contiguous(), right.contiguous(), p["weight"][None])[..., 0], key if value is None else value, mask)


Q, K, V = randn(2, 3, 5, seed=1), randn(2, 4, 5, seed=2), randn(2, 4, 3, seed=3)
HEADS = randn(2, 3, 4, 5, seed=4), randn(2, 3, 6, 5, seed=5), randn(2, 3, 6, 2, seed=6)
SEEN = torch.tensor([[True, False, True, True], [False, True, False, False], [True, True, True, False]])
NONE_SEEN = SEEN & torch.tensor([[True], [False], [True]])
PADDED = torch.tensor([[[True, True, False, False]], [[True, True, True, True]]])
BIAS = randn(3, 4, seed=7).masked_fill(~SEEN, -math.inf)
NO_KEY = randn(3, 4, seed=8).masked_fill(~NONE_SEEN, -math.inf)
ATTEND = Oracle("softmax by its definition in torch", lambda _, *a, **k: torch_attend(*a, **k))
NUMPY_ATTEND = Oracle(
    LOOPS,
    lambda _, s, v, mask=None: numpy_attend(
        lambda q, k: q @ k, s, np.broadcast_to(np.eye(s.shape[-1]), (*s.shape[:-2], *s.shape[-1:] * 2)), v, mask
    ),
    "numpy",
)
BUILT_IN = Oracle("torch.nn.functional.scaled_dot_product_attention", lambda _, *a, **k: F.scaled_dot_product_attention(*a, **k))
ALL = (torch.float64, torch.float32, torch.bfloat16, torch.float16)

BAD = (
    Bad(lambda: dot_scores(Q, K[..., :4]), r"dot_scores: query and key must have one size, at least 1, got \(2, 3, 5\) and \(2, 4, 4\)"),
    Bad(lambda: dot_scores(Q[..., :0], K[..., :0]), r"one size, at least 1, got \(2, 3, 0\) and \(2, 4, 0\)"),
    Bad(
        lambda: dot_scores(Q[0, 0], K), r"dot_scores: query must be floating point \(..., length, size\), got torch.float64 of shape \(5,\)"
    ),
    Bad(
        lambda: dot_scores(Q, K.long()),
        r"dot_scores: key must be floating point \(..., length, size\), got torch.int64 of shape \(2, 4, 5\)",
    ),
    Bad(lambda: bilinear_scores(Q, K, torch.ones(5, 4)), r"bilinear_scores: weight must have shape \(5, 5\), got \(5, 4\)"),
    Bad(lambda: additive_scores(Q, K, torch.ones(4)), r"additive_scores: v must have shape \(5,\) for key \(2, 4, 5\), got \(4,\)"),
    Bad(lambda: additive_scores(Q, K[0, 0], torch.ones(5)), r"additive_scores: key must be floating point"),
    Bad(lambda: attend(Q @ K.mT, V[:, :3]), r"attend: value must be \(..., 4, Dv\) for scores \(2, 3, 4\), got \(2, 3, 3\)"),
    Bad(lambda: attend(Q @ K.mT, V[0, 0]), r"attend: value must be \(..., 4, Dv\).*got \(3,\)"),
    Bad(lambda: attend(Q @ K.mT, V, dropout_p=1.5), r"attend: dropout_p must lie in \[0, 1\], got 1.5"),
    Bad(lambda: attend(Q @ K.mT, V, dropout_p=-0.5), r"attend: dropout_p must lie in \[0, 1\], got -0.5"),
    Bad(lambda: scaled_dot_product_attention(Q, K, V, SEEN, is_causal=True), r"attn_mask must be None when is_causal is True"),
)

CASES = [
    Case(
        METHOD,
        "scaled dot product",
        function(scaled_dot_product_attention),
        lambda: [
            Sample((Q, K, V)),
            Sample((Q, K, V), {"attn_mask": SEEN}, "boolean mask"),
            Sample((Q, K, V), {"attn_mask": PADDED, "scale": 0.7}, "padding, scale 0.7"),
            Sample((Q, K, V), {"attn_mask": BIAS}, "mask of numbers"),
            Sample((Q, K, V), {"is_causal": True}, "causal, more keys than queries"),
            Sample((K, Q, V[:, :3]), {"is_causal": True}, "causal, more queries than keys"),
            Sample(HEADS, {"scale": -1.3}, "heads, negative scale"),
            Sample((Q[0], K[0], V[0]), {}, "no batch"),
        ],
        (BUILT_IN, Oracle(LOOPS, numpy_scaled, "numpy")),
        hard=lambda: [
            Sample((Q * 0, K * 0, V), {}, "all zero"),
            Sample((Q, K, V + 1e4), {}, "values of mean 1e4"),
            Sample((Q.sign() * 512, K.sign() * 64, V), {}, "extreme scores"),
        ],
        degenerate=lambda: [
            Sample((Q[:0], K[:0], V[:0]), {}, "empty batch"),
            Sample((Q[:, :0], K, V), {}, "no query"),
            Sample((Q[:, :1], K[:, :1], V[:, :1]), {}, "length one"),
            Sample((Q[..., :1], K[..., :1], V), {}, "size one"),
            Sample((Q, K, V), {"attn_mask": NONE_SEEN}, "one query sees no key"),
            Sample((Q, K, V), {"attn_mask": NO_KEY}, "one query sees no key, by numbers"),
            Sample((Q, K, V), {"attn_mask": torch.zeros(1, 4, dtype=torch.bool)}, "no query sees a key"),
        ],
        hard_tolerance=1e-2,  # values of 1e4 reach the scores' gradient as differences of order one
        bad=BAD,
        gradcheck=2,
        dtypes=ALL,
    ),
    Case(
        METHOD,
        "weights and output",
        function(attend),
        lambda: [
            Sample((randn(2, 3, 4, seed=9) * 2, V)),
            Sample((randn(2, 3, 4, seed=9) * 2, V), {"mask": SEEN}, "boolean mask"),
            Sample((randn(2, 3, 4, seed=9) * 2, V), {"mask": BIAS}, "mask of numbers"),
        ],
        (ATTEND, NUMPY_ATTEND),
        hard=lambda: [
            Sample((randn(2, 3, 4, seed=9) + 1e4, V), {}, "scores of mean 1e4"),
            Sample((randn(2, 3, 4, seed=9) * 1e4, V), {}, "extreme scores"),
        ],
        degenerate=lambda: [
            Sample((torch.zeros(2, 3, 0, dtype=torch.float64), V[:, :0]), {}, "no key"),
            Sample((randn(2, 3, 4, seed=9), V), {"mask": NONE_SEEN}, "one query sees no key"),
            Sample((randn(2, 3, 4, seed=9), V), {"mask": NO_KEY}, "one query sees no key, by numbers"),
            Sample((randn(2, 3, 4, seed=9), V), {"mask": PADDED & False}, "no query sees a key"),
        ],
        hard_tolerance=2e-3,  # float32 holds a score of 1e4 to 5e-4, which its exponential keeps as a relative error
        gradcheck=2,
        dtypes=ALL,
    ),
    Case(
        METHOD,
        "additive",
        lambda: randomize(AdditiveAttention(5, 4, 3)),
        lambda: [
            Sample((Q, K[..., :4], V)),
            Sample((Q, K[..., :4]), {}, "keys as values"),
            Sample((Q, K[..., :4], V), {"mask": SEEN}, "boolean mask"),
            Sample((HEADS[0], HEADS[1][..., :4], HEADS[2]), {}, "heads"),
        ],
        (Oracle("einsum in torch", torch_additive), Oracle(LOOPS, numpy_additive, "numpy")),
        hard=lambda: [
            Sample((Q * 5, K[..., :4] * 3, V), {}, "hidden units near saturation"),
            Sample((Q * 0, K[..., :4], V), {}, "queries zero"),
        ],
        degenerate=lambda: [
            Sample((Q[:0], K[:0, :, :4], V[:0]), {}, "empty batch"),
            Sample((Q[:, :1], K[:, :1, :4], V[:, :1]), {}, "length one"),
            Sample((Q, K[..., :4], V), {"mask": NONE_SEEN}, "one query sees no key"),
        ],
        gradcheck=2,
        dtypes=ALL,
    ),
    Case(
        METHOD,
        "bilinear",
        lambda: randomize(BilinearAttention(5, 4)),
        lambda: [
            Sample((Q, K[..., :4], V)),
            Sample((Q, K[..., :4]), {}, "keys as values"),
            Sample((Q, K[..., :4], V), {"mask": BIAS}, "mask of numbers"),
            Sample((HEADS[0], HEADS[1][..., :4], HEADS[2]), {}, "heads"),
        ],
        (Oracle("torch.nn.functional.bilinear", torch_bilinear), Oracle(LOOPS, numpy_bilinear, "numpy")),
        hard=lambda: [Sample((Q * 0, K[..., :4] * 0, V), {}, "all zero"), Sample((Q, K[..., :4] + 100, V), {}, "keys of mean 100")],
        degenerate=lambda: [
            Sample((Q[:0], K[:0, :, :4], V[:0]), {}, "empty batch"),
            Sample((Q[:, :1], K[:, :1, :4], V[:, :1]), {}, "length one"),
        ],
        hard_tolerance=1e-3,  # the softmax forgets the mean of the scores, float32 does not
        gradcheck=2,
        dtypes=ALL,
    ),
]
