r"""Attention: a mean of values, weighted by how well each key fits a query.

Papers
    Bahdanau, Cho and Bengio, "Neural Machine Translation by Jointly Learning to Align and Translate",
    ICLR 2015, arXiv:1409.0473, section 3.1 and appendix A.1.2: the additive score.
    Luong, Pham and Manning, "Effective Approaches to Attention-based Neural Machine Translation",
    EMNLP 2015, arXiv:1508.04025, section 3.1: the dot and the bilinear ("general") score.
    Vaswani et al., "Attention Is All You Need", NIPS 2017, arXiv:1706.03762, section 3.2.1: the
    scaled dot product, and masks.

Equations (query q, keys k_1 ... k_S, values v_1 ... v_S; q and k of dimension d where they meet in a product)
    additive     s_i = v . tanh(W q + U k_i)
    dot          s_i = q . k_i
    scaled       s_i = q . k_i / sqrt(d)
    bilinear     s_i = q . W k_i
    weights      a_i = exp(s_i + m_i) / sum_j exp(s_j + m_j),   mask m_i 0 or -inf, or any bias
    output       o = sum_i a_i v_i

Deviations from the papers
    1. A query that may see no key gets weights and output zero, with zero gradient; the formula is 0 / 0.
       ``torch.nn.functional.scaled_dot_product_attention`` does so too.
    2. The query is divided by sqrt(d) before the product with the keys: the same value, fewer divisions.
    3. Only the attention is here: Bahdanau's encoder and decoder, Luong's local windows and input feeding
       are not. Several heads are in :mod:`refimpl.recurrent.multi_head_attention`.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "AdditiveAttention",
    "BilinearAttention",
    "additive_mask",
    "additive_scores",
    "attend",
    "bilinear_scores",
    "causal_mask",
    "dot_scores",
    "scaled_dot_product_attention",
]


def additive_scores(query: Tensor, key: Tensor, v: Tensor) -> Tensor:
    """Scores of the additive model, for queries and keys that are projected already.

    Args:
        query: W q, ``(..., L, H)``.
        key: U k, ``(..., S, H)``; a decoder computes it once for all its steps.
        v: ``(H,)``.

    Returns:
        Scores, ``(..., L, S)``.
    """
    _check("additive_scores", query, key)
    if v.shape != key.shape[-1:]:
        raise ValueError(f"additive_scores: v must have shape ({key.shape[-1]},) for key {tuple(key.shape)}, got {tuple(v.shape)}")
    return torch.tanh(query.unsqueeze(-2) + key.unsqueeze(-3)) @ v  # (..., L, S, H) @ (H,)


def dot_scores(query: Tensor, key: Tensor, scale: float = 1.0) -> Tensor:
    """Dot products of queries ``(..., L, d)`` and keys ``(..., S, d)``, times ``scale``: ``(..., L, S)``."""
    _check("dot_scores", query, key)
    return (query * scale) @ key.transpose(-2, -1)


def bilinear_scores(query: Tensor, key: Tensor, weight: Tensor) -> Tensor:
    """Scores q . W k of queries ``(..., L, Dq)`` and keys ``(..., S, Dk)`` with a weight ``(Dq, Dk)``: ``(..., L, S)``."""
    if weight.shape != (query.shape[-1], key.shape[-1]):
        raise ValueError(f"bilinear_scores: weight must have shape ({query.shape[-1]}, {key.shape[-1]}), got {tuple(weight.shape)}")
    return dot_scores(query @ weight, key)


def attend(scores: Tensor, value: Tensor, mask: Tensor | None = None, dropout_p: float = 0.0) -> tuple[Tensor, Tensor]:
    """Softmax over the keys, then the weighted mean of the values.

    Args:
        scores: ``(..., L, S)``.
        value: ``(..., S, Dv)``.
        mask: broadcasts to the scores; boolean with True where a query may see a key, or numbers that are added.
        dropout_p: probability with which a weight is dropped; the others grow by 1 / (1 - p).

    Returns:
        The output ``(..., L, Dv)`` and the weights ``(..., L, S)``, zero for a query that may see no key.

    Raises:
        ValueError: a shape or the probability does not fit; the message names it.
    """
    if value.dim() < 2 or value.shape[-2] != scores.shape[-1]:
        raise ValueError(f"attend: value must be (..., {scores.shape[-1]}, Dv) for scores {tuple(scores.shape)}, got {tuple(value.shape)}")
    if not 0.0 <= dropout_p <= 1.0:
        raise ValueError(f"attend: dropout_p must lie in [0, 1], got {dropout_p}")
    if mask is None:
        weights = scores.softmax(-1)
    else:
        bias = additive_mask(~mask, scores.dtype) if mask.dtype == torch.bool else mask.to(scores.dtype)
        sees_none = bias.isneginf().all(-1, keepdim=True)
        weights = (scores + bias.masked_fill(sees_none, 0.0)).softmax(-1).masked_fill(sees_none, 0.0)
    weights = F.dropout(weights, dropout_p)
    return weights @ value, weights


def causal_mask(queries: int, keys: int, device: torch.device | str | None = None) -> Tensor:
    """True where query i may see key j, that is j <= i: ``(queries, keys)``."""
    return torch.ones(queries, keys, dtype=torch.bool, device=device).tril()


def additive_mask(blocked: Tensor, dtype: torch.dtype) -> Tensor:
    """A mask of numbers from a boolean one, True where blocked: -inf there and 0 elsewhere. Numbers only change their dtype."""
    if blocked.dtype != torch.bool:
        return blocked.to(dtype)
    return torch.zeros(blocked.shape, dtype=dtype, device=blocked.device).masked_fill(blocked, -math.inf)


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Attention with scaled dot products; drops in for ``torch.nn.functional.scaled_dot_product_attention``.

    Args:
        query, key, value: ``(..., L, d)``, ``(..., S, d)``, ``(..., S, Dv)``.
        attn_mask: as ``mask`` in :func:`attend`.
        dropout_p: as in :func:`attend`.
        is_causal: a query sees the keys up to its own position; then there may be no ``attn_mask``.
        scale: factor of the dot products, 1 / sqrt(d) where None.

    Returns:
        The output, ``(..., L, Dv)``.
    """
    if is_causal and attn_mask is not None:
        raise ValueError("scaled_dot_product_attention: attn_mask must be None when is_causal is True")
    mask = causal_mask(query.shape[-2], key.shape[-2], query.device) if is_causal else attn_mask
    scores = dot_scores(query, key, 1.0 / math.sqrt(query.shape[-1]) if scale is None else scale)
    return attend(scores, value, mask, dropout_p)[0]


class AdditiveAttention(nn.Module):
    """Attention with the additive score, a network of one hidden layer.

    Args:
        query_dim, key_dim: sizes of a query and of a key.
        hidden_dim: H, size of the hidden layer.

    Shape: query ``(..., L, query_dim)``, key ``(..., S, key_dim)``, value ``(..., S, Dv)``, by default the key;
    output ``(..., L, Dv)`` and weights ``(..., L, S)``; ``mask`` as in :func:`attend`.
    """

    def __init__(
        self,
        query_dim: int,
        key_dim: int,
        hidden_dim: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        new = {"device": device, "dtype": dtype}
        self.query_proj = nn.Linear(query_dim, hidden_dim, bias=False, **new)
        self.key_proj = nn.Linear(key_dim, hidden_dim, bias=False, **new)
        self.v = nn.Parameter(torch.empty(hidden_dim, **new).uniform_(-1.0, 1.0) / math.sqrt(hidden_dim))

    def forward(self, query: Tensor, key: Tensor, value: Tensor | None = None, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        scores = additive_scores(self.query_proj(query), self.key_proj(key), self.v)
        return attend(scores, key if value is None else value, mask)


class BilinearAttention(nn.Module):
    """Attention with the bilinear score; arguments and shapes as in :class:`AdditiveAttention`."""

    def __init__(self, query_dim: int, key_dim: int, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(query_dim, key_dim, device=device, dtype=dtype)))

    def forward(self, query: Tensor, key: Tensor, value: Tensor | None = None, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return attend(bilinear_scores(query, key, self.weight), key if value is None else value, mask)

    def extra_repr(self) -> str:
        return f"query_dim={self.weight.shape[0]}, key_dim={self.weight.shape[1]}"


def _check(function: str, query: Tensor, key: Tensor) -> None:
    for name, x in (("query", query), ("key", key)):
        if x.dim() < 2 or not x.is_floating_point():
            raise ValueError(f"{function}: {name} must be floating point (..., length, size), got {x.dtype} of shape {tuple(x.shape)}")
    if query.shape[-1] != key.shape[-1] or not key.shape[-1]:
        raise ValueError(f"{function}: query and key must have one size, at least 1, got {tuple(query.shape)} and {tuple(key.shape)}")


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    keys = torch.eye(4)
    query = 6.0 * keys[2:3] + 3.0 * keys[:1]  # asks for the third key, and a little for the first
    for name, mask in (
        ("all keys", None),
        ("third key masked", torch.tensor([True, True, False, True])),
        ("no key", torch.zeros(4).bool()),
    ):
        output, weights = attend(dot_scores(query, keys), torch.arange(4.0).view(4, 1), mask)
        print(f"{name:<17} weights {[round(w, 3) for w in weights[0].tolist()]}  mean of the values 0 1 2 3: {output.item():.3f}")
    for d in (16, 256, 4096):
        q, k = torch.randn(1000, d), torch.randn(1000, d)
        print(f"d = {d:>4}  variance of q . k {(q * k).sum(1).var():8.1f}   of q . k / sqrt(d) {((q * k).sum(1) / d**0.5).var():.3f}")
