"""Cases of multi-head attention; the NumPy oracle takes one example, head, query and key at a time."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.recurrent.multi_head_attention import MultiheadAttention
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, randn, randomize

METHOD = "multi-head-attention"


def built_in(
    options,
    p,
    query,
    key,
    value,
    key_padding_mask=None,
    need_weights=True,
    attn_mask=None,
    average_attn_weights=True,
    is_causal=False,
):
    """PyTorch's function on the same parameters; it takes (L, N, E) only, and wants the causal mask spelled out."""
    swap = options["batch_first"] and query.dim() == 3
    query, key, value = (x.transpose(0, 1) if swap else x for x in (query, key, value))
    if is_causal:
        later = torch.ones(query.shape[0], key.shape[0], dtype=torch.bool).triu(1)
        attn_mask = (
            later if attn_mask is None else later | attn_mask if attn_mask.dtype == torch.bool else attn_mask.masked_fill(later, -math.inf)
        )
    output, weights = F.multi_head_attention_forward(
        query,
        key,
        value,
        query.shape[-1],
        options["num_heads"],
        p.get("in_proj_weight"),
        p.get("in_proj_bias"),
        None,
        None,
        False,
        options["dropout"],
        p["out_proj.weight"],
        p.get("out_proj.bias"),
        training=options["training"],
        key_padding_mask=key_padding_mask,
        need_weights=need_weights,
        attn_mask=attn_mask,
        use_separate_proj_weight="in_proj_weight" not in p,
        q_proj_weight=p.get("q_proj_weight"),
        k_proj_weight=p.get("k_proj_weight"),
        v_proj_weight=p.get("v_proj_weight"),
        average_attn_weights=average_attn_weights,
    )
    output = output.transpose(0, 1) if swap else output
    return output if weights is None else (output, weights)


def equations(
    options, p, query, key, value, key_padding_mask=None, need_weights=True, attn_mask=None, average_attn_weights=True, is_causal=False
):
    """Section 3.2.2 written out."""
    batched, h, e = query.ndim == 3, options["num_heads"], query.shape[-1]
    if not batched:
        query, key, value = (x[None] for x in (query, key, value))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask[None]
    elif not options["batch_first"]:
        query, key, value = (x.swapaxes(0, 1) for x in (query, key, value))
    wq, wk, wv = np.split(p["in_proj_weight"], 3) if "in_proj_weight" in p else (p[f"{name}_proj_weight"] for name in "qkv")
    bq, bk, bv = np.split(p.get("in_proj_bias", np.zeros(3 * e)), 3)
    d, (n, queries, _), keys = e // h, query.shape, key.shape[1]

    def bias(mask, *at):
        if mask is None:
            return 0.0
        return (-math.inf if mask[at] else 0.0) if mask.dtype == bool else mask[at]

    weights, heads = np.zeros((n, h, queries, keys)), np.zeros((n, queries, e))
    for example, head, i in np.ndindex(n, h, queries):
        rows = slice(head * d, (head + 1) * d)
        q = wq[rows] @ query[example, i] + bq[rows]
        scores = np.full(keys, -math.inf)
        for j in range(keys):
            if is_causal and j > i:
                continue
            own = attn_mask if attn_mask is None or attn_mask.ndim == 2 else attn_mask[example * h + head]
            scores[j] = q @ (wk[rows] @ key[example, j] + bk[rows]) / math.sqrt(d) + bias(own, i, j) + bias(key_padding_mask, example, j)
        if keys and scores.max() > -math.inf:
            weights[example, head, i] = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
        for j in range(keys):
            heads[example, i, rows] += weights[example, head, i, j] * (wv[rows] @ value[example, j] + bv[rows])
    output = heads @ p["out_proj.weight"].T + p.get("out_proj.bias", np.zeros(e))
    weights = weights.mean(1) if average_attn_weights else weights
    if not batched:
        output, weights = output[0], weights[0]
    elif not options["batch_first"]:
        output = output.swapaxes(0, 1)
    return (output, weights) if need_weights else output


def case(name, embed_dim, num_heads, samples, *, dropout=0.0, batch_first=False, training=True, numpy=True, **more) -> Case:
    settings = {key: more.pop(key) for key in ("bias", "kdim", "vdim") if key in more}
    options = {"num_heads": num_heads, "dropout": dropout, "batch_first": batch_first, "training": training}
    oracles = [Oracle("torch.nn.functional.multi_head_attention_forward", partial(built_in, options))]
    if numpy:
        oracles.append(Oracle("the equations in NumPy, one head, query and key at a time", partial(equations, options), "numpy"))
    return Case(
        METHOD,
        name,
        lambda: randomize(MultiheadAttention(embed_dim, num_heads, dropout, batch_first=batch_first, **settings)),
        samples,
        tuple(oracles),
        training=training,
        gradcheck=2,
        tolerance={torch.bfloat16: 4e-2, torch.float16: 6e-3},  # four products in a row, each rounded
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
        **more,
    )


Q, K, V = randn(3, 2, 4, seed=1), randn(5, 2, 4, seed=2), randn(5, 2, 4, seed=3)  # (L, N, E), (S, N, E)
KEY, VALUE = randn(5, 2, 3, seed=4), randn(5, 2, 5, seed=5)
BLOCKED = torch.tensor([[False, True, False, False, True], [True, False, False, True, False], [False, False, False, False, False]])
PADDED = torch.tensor([[False, False, False, False, True], [False, False, True, True, False]])
EACH = randn(4, 3, 5, seed=6).masked_fill(randn(4, 3, 5, seed=7) > 0.9, -math.inf)  # (N h, L, S)
NUMBERS = randn(2, 5, seed=8)
NONE_SEEN = torch.tensor([[True], [False], [False]]).expand(3, 5)


def first(x):
    return x.transpose(0, 1)


def layer(**options):
    return MultiheadAttention(4, 2, **options)


X = torch.zeros(3, 2, 4)
BAD = (
    Bad(lambda: MultiheadAttention(4, 3), r"embed_dim must be a positive multiple of num_heads, got 4 and 3"),
    Bad(lambda: MultiheadAttention(0, 1), r"embed_dim must be a positive multiple of num_heads, got 0 and 1"),
    Bad(lambda: MultiheadAttention(4, 0), r"embed_dim must be a positive multiple of num_heads, got 4 and 0"),
    Bad(lambda: layer(dropout=1.5), r"dropout must lie in \[0, 1\], got 1.5"),
    Bad(lambda: layer(dropout=-0.5), r"dropout must lie in \[0, 1\], got -0.5"),
    Bad(lambda: layer()(X[..., :3], X, X), r"query must be floating point.*last size 4, got torch.float32 of shape \(3, 2, 3\)"),
    Bad(lambda: layer(kdim=3)(X, X, X), r"key must be floating point.*last size 3, got torch.float32 of shape \(3, 2, 4\)"),
    Bad(lambda: layer(vdim=5)(X, X, X), r"value must be floating point.*last size 5, got torch.float32 of shape \(3, 2, 4\)"),
    Bad(lambda: layer()(X, X.long(), X), r"key must be floating point.*got torch.int64"),
    Bad(lambda: layer()(X, X[0], X[0]), r"key must be floating point, 2- or 3-dimensional as the query is"),
    Bad(lambda: layer()(X[0, 0], X[0, 0], X[0, 0]), r"query must be floating point, 2- or 3-dimensional"),
    Bad(lambda: layer()(X, X, X[:2]), r"key and value must have one length.*key \(3, 2, 4\), value \(2, 2, 4\)"),
    Bad(lambda: layer()(X[0], X[0], X[0, :1]), r"key and value must have one length"),
    Bad(lambda: layer()(X, X[:, :1], X[:, :1]), r"and the query's batch size; got query \(3, 2, 4\), key \(3, 1, 4\)"),
    Bad(lambda: layer(batch_first=True)(X, X[:1], X[:1]), r"and the query's batch size; got query \(3, 2, 4\), key \(1, 2, 4\)"),
    Bad(lambda: layer()(X, X, X, PADDED), r"key_padding_mask must have shape \(2, 3\), got \(2, 5\)"),
    Bad(lambda: layer()(X[:, 0], X[:, 0], X[:, 0], PADDED), r"key_padding_mask must have shape \(3,\), got \(2, 5\)"),
    Bad(lambda: layer()(X, X, X, attn_mask=BLOCKED), r"attn_mask must have shape \(3, 3\) or \(4, 3, 3\), got \(3, 5\)"),
    Bad(lambda: layer()(X[:, 0], X[:, 0], X[:, 0], attn_mask=EACH), r"attn_mask must have shape \(3, 3\) or \(2, 3, 3\), got \(4, 3, 5\)"),
)

CASES = [
    case(
        "two heads",
        4,
        2,
        lambda: [
            Sample((Q, K, V)),
            Sample((Q, K, V), {"need_weights": False}, "no weights"),
            Sample((Q, K, V), {"average_attn_weights": False}, "weights of each head"),
            Sample((Q, K, V), {"attn_mask": BLOCKED, "key_padding_mask": PADDED}, "boolean masks"),
            Sample((Q, K, V), {"attn_mask": EACH, "key_padding_mask": NUMBERS}, "masks of numbers, one a head"),
            Sample((Q, K, V), {"is_causal": True}, "causal, more keys than queries"),
            Sample((K, Q, V[:3]), {"is_causal": True}, "causal, more queries than keys"),
            Sample((Q, K, V), {"attn_mask": BLOCKED & ~torch.eye(3, 5, dtype=torch.bool), "is_causal": True}, "mask and causal"),
            Sample((Q[:, 0], K[:, 0], V[:, 0]), {"attn_mask": BLOCKED, "key_padding_mask": PADDED[0]}, "one sequence"),
            Sample((Q[:, 0], K[:, 0], V[:, 0]), {"average_attn_weights": False}, "one sequence, weights of each head"),
        ],
        hard=lambda: [
            Sample((Q * 0, K, V), {}, "queries zero"),
            Sample((Q * 100, K, V), {}, "large queries"),
            Sample((Q, K + 100, V), {}, "keys of mean 100"),
        ],
        hard_tolerance=1e-3,  # the softmax forgets the mean of the scores, float32 does not
        degenerate=lambda: [
            Sample((Q[:, :0], K[:, :0], V[:, :0]), {}, "empty batch"),
            Sample((Q[:1], K[:1], V[:1]), {}, "length one"),
        ],
        bad=BAD,
    ),
    case(
        "batch first, one head",
        4,
        1,
        lambda: [
            Sample((first(Q), first(K), first(V))),
            Sample((first(Q), first(K), first(V)), {"attn_mask": BLOCKED, "key_padding_mask": PADDED}, "masks"),
            Sample((Q[:, 0], K[:, 0], V[:, 0]), {}, "one sequence"),
        ],
        batch_first=True,
    ),
    case(
        "no bias, batch first",
        6,
        3,
        lambda: [Sample((randn(2, 3, 6, seed=9), randn(2, 4, 6, seed=10), randn(2, 4, 6, seed=11)))],
        bias=False,
        batch_first=True,
    ),
    case(
        "own sizes of keys and values",
        4,
        2,
        lambda: [Sample((Q, KEY, VALUE)), Sample((Q, KEY, VALUE), {"attn_mask": BLOCKED}, "mask")],
        kdim=3,
        vdim=5,
    ),
    case("own size of keys, no bias", 4, 2, lambda: [Sample((Q, KEY, V))], kdim=3, bias=False),
    case(
        "dropout",
        4,
        2,
        lambda: [Sample((Q, K, V)), Sample((Q, K, V), {"attn_mask": BLOCKED}, "mask")],
        dropout=0.4,
        numpy=False,
        seeded=True,
    ),
    case("dropout in evaluation", 4, 2, lambda: [Sample((Q, K, V))], dropout=0.4, training=False),
]
