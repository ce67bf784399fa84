r"""Multi-head attention: several scaled dot-product attentions side by side, each in its own projection.

Paper
    Vaswani et al., "Attention Is All You Need", NIPS 2017, arXiv:1706.03762, section 3.2.2.

Equations (Q of shape (N, L, E), K (N, S, Ek), V (N, S, Ev); h heads of size d = E / h)
    head         head_i = softmax(Q Wq_i (K Wk_i)^T / sqrt(d) + mask) V Wv_i        (N, L, d)
    multi-head   O = concat(head_1 ... head_h) Wo                                   (N, L, E)

Deviations from the paper
    1. All projections have biases unless ``bias=False``; the paper has none.
    2. Keys and values have the size of the query in each head, d = E / h, as in the paper's models; the paper
       allows others.
    3. A query that may see no key gets weights zero and as output the bias of Wo; ``torch.nn.MultiheadAttention``
       returns NaN when it returns weights.
    4. PyTorch's ``add_bias_kv`` and ``add_zero_attn``, which the paper lacks, are left out, and what follows
       ``bias`` is keyword-only. ``is_causal=True`` alone masks the future; PyTorch wants the mask as well.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.recurrent.attention import additive_mask, attend, causal_mask, dot_scores

__all__ = ["MultiheadAttention"]


class MultiheadAttention(nn.Module):
    """Several heads of scaled dot-product attention; parameters and state dict are those of ``torch.nn.MultiheadAttention``.

    Args:
        embed_dim: size of a query and of an output, divided evenly among the heads.
        num_heads: h.
        dropout: probability with which a weight is dropped in training.
        bias: learn biases of all projections.
        kdim, vdim: sizes of a key and of a value, ``embed_dim`` where None.
        batch_first: inputs and output are ``(N, L, E)`` rather than ``(L, N, E)``.

    Shape: query ``(L, N, embed_dim)``, key ``(S, N, kdim)``, value ``(S, N, vdim)``, all without N for one sequence.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        *,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if embed_dim < 1 or num_heads < 1 or embed_dim % num_heads:
            raise ValueError(f"MultiheadAttention: embed_dim must be a positive multiple of num_heads, got {embed_dim} and {num_heads}")
        if not 0.0 <= dropout <= 1.0:
            raise ValueError(f"MultiheadAttention: dropout must lie in [0, 1], got {dropout}")
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.kdim, self.vdim = embed_dim if kdim is None else kdim, embed_dim if vdim is None else vdim
        new = {"device": device, "dtype": dtype}
        sizes = {"q": embed_dim, "k": self.kdim, "v": self.vdim}
        packed = len(set(sizes.values())) == 1
        self.in_proj_weight = nn.Parameter(torch.empty(3 * embed_dim, embed_dim, **new)) if packed else None
        for name, size in sizes.items():
            self.register_parameter(f"{name}_proj_weight", None if packed else nn.Parameter(torch.empty(embed_dim, size, **new)))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * embed_dim, **new)) if bias else None
        self.out_proj = nn.Linear(embed_dim, embed_dim, bias=bias, **new)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Xavier's uniform numbers for the projections of the input (the packed ones as one matrix), biases zero, as in PyTorch."""
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                nn.init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            nn.init.zeros_(self.in_proj_bias)
            nn.init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend with every head; masks as in PyTorch: True where a key may *not* be seen, or numbers that are added.

        Args:
            query, key, value: see the class.
            key_padding_mask: ``(N, S)``, for all queries of an example.
            need_weights: return the weights too.
            attn_mask: ``(L, S)`` for all, or ``(N h, L, S)``.
            average_attn_weights: return the mean over the heads, ``(N, L, S)``, else ``(N, h, L, S)``.
            is_causal: a query sees the keys up to its own position, beside what the masks say.

        Returns:
            The output, like ``query``, and the weights or None.
        """
        self._check(query, key, value, key_padding_mask, attn_mask)
        batched = query.dim() == 3
        n = (query.shape[0] if self.batch_first else query.shape[1]) if batched else 1

        def heads(x: Tensor) -> Tensor:
            x = x if self.batch_first or not batched else x.transpose(0, 1)
            return x.reshape(n, x.shape[-2], self.num_heads, self.embed_dim // self.num_heads).transpose(1, 2)  # (N, h, L, d)

        q, k, v = (heads(x) for x in self._project(query, key, value))
        mask = self._mask(q, k, key_padding_mask, attn_mask, is_causal)
        scores = dot_scores(q, k, 1.0 / math.sqrt(q.shape[-1]))  # (N, h, L, S)
        output, weights = attend(scores, v, mask, self.dropout if self.training else 0.0)
        output = output.transpose(1, 2).flatten(2)  # (N, L, E)
        output = self.out_proj(output if self.batch_first else output.transpose(0, 1)).reshape(query.shape)
        if not need_weights:
            return output, None
        weights = weights.mean(1) if average_attn_weights else weights
        return output, weights if batched else weights[0]

    def _project(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, ...]:
        """Projected queries, keys and values; those that share their input take one matrix product."""
        biases = (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        if self.in_proj_weight is None:
            weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        elif query is key and key is value:
            return F.linear(query, self.in_proj_weight, self.in_proj_bias).chunk(3, -1)
        elif key is value:
            e = self.embed_dim
            both = F.linear(key, self.in_proj_weight[e:], None if self.in_proj_bias is None else self.in_proj_bias[e:])
            return F.linear(query, self.in_proj_weight[:e], biases[0]), *both.chunk(2, -1)
        else:
            weights = self.in_proj_weight.chunk(3)
        return tuple(F.linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True))

    def _mask(self, q: Tensor, k: Tensor, key_padding_mask: Tensor | None, attn_mask: Tensor | None, is_causal: bool) -> Tensor | None:
        """All masks in one that is added to the scores ``(N, h, L, S)``."""
        n, h, queries, _ = q.shape
        keys = k.shape[2]
        parts = []
        if key_padding_mask is not None:
            parts.append(additive_mask(key_padding_mask, q.dtype).view(n, 1, 1, keys))
        if attn_mask is not None:
            mask = additive_mask(attn_mask, q.dtype)
            parts.append(mask if mask.dim() == 2 else mask.view(n, h, queries, keys))
        if is_causal:
            parts.append(additive_mask(~causal_mask(queries, keys, q.device), q.dtype))
        return sum(parts) if parts else None

    def _check(self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None, attn_mask: Tensor | None) -> None:
        given = (("query", query, self.embed_dim), ("key", key, self.kdim), ("value", value, self.vdim))
        for name, x, size in given:
            if x.dim() not in (2, 3) or x.dim() != query.dim() or x.shape[-1] != size or not x.is_floating_point():
                raise ValueError(
                    f"MultiheadAttention: {name} must be floating point, 2- or 3-dimensional as the query is, "
                    f"with last size {size}, got {x.dtype} of shape {tuple(x.shape)}"
                )
        batch, length = (0, 1) if self.batch_first else (1, 0)
        if query.dim() == 2:
            n, queries, keys = None, query.shape[0], key.shape[0]
        else:
            n, queries, keys = query.shape[batch], query.shape[length], key.shape[length]
        if key.shape[:-1] != value.shape[:-1] or (n is not None and key.shape[batch] != n):
            raise ValueError(
                "MultiheadAttention: key and value must have one length, and the query's batch size; "
                f"got query {tuple(query.shape)}, key {tuple(key.shape)}, value {tuple(value.shape)}"
            )
        if key_padding_mask is not None and key_padding_mask.shape != ((keys,) if n is None else (n, keys)):
            expected = (keys,) if n is None else (n, keys)
            raise ValueError(f"MultiheadAttention: key_padding_mask must have shape {expected}, got {tuple(key_padding_mask.shape)}")
        every = ((1 if n is None else n) * self.num_heads, queries, keys)
        if attn_mask is not None and attn_mask.shape not in (every[1:], every):
            raise ValueError(f"MultiheadAttention: attn_mask must have shape {every[1:]} or {every}, got {tuple(attn_mask.shape)}")

    def extra_repr(self) -> str:
        return (
            f"{self.embed_dim}, {self.num_heads}, dropout={self.dropout}, bias={self.in_proj_bias is not None}, "
            f"kdim={self.kdim}, vdim={self.vdim}, batch_first={self.batch_first}"
        )


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    layer, theirs, x = MultiheadAttention(16, 4), nn.MultiheadAttention(16, 4), torch.randn(5, 2, 16)
    theirs.load_state_dict(layer.state_dict())
    print(f"4 heads, largest difference from torch.nn.MultiheadAttention: {(layer(x, x, x)[0] - theirs(x, x, x)[0]).abs().max():.1e}")
    output, weights = layer(x, x, x, is_causal=True)
    print("weights of the first example under a causal mask, mean of the heads:")
    for row in weights[0].tolist():
        print("   ", "  ".join(f"{w:.3f}" for w in row))
    later = x.clone()
    later[-1] += 1.0
    change = (layer(later, later, later, is_causal=True)[0] - output).abs().amax((1, 2))
    print("change of the output at each position when the last input changes:", [round(c, 4) for c in change.tolist()])
