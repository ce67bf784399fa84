"""What convolutions on a list of edges share: checks, degrees, and the sum over neighbors."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["check_edges", "check_features", "degree_scale", "inverse_root", "propagate"]


def check_features(function: str, x: Tensor) -> None:
    """Raise a ``ValueError`` unless ``x`` is floating point ``(..., N, F)``."""
    if x.dim() < 2 or not x.is_floating_point():
        raise ValueError(f"{function}: x must be floating point (..., N, F), got {x.dtype} of shape {tuple(x.shape)}")


def check_edges(function: str, edge_index: Tensor, edge_weight: Tensor | None) -> None:
    """Raise a ``ValueError`` unless the edges are integers ``(2, E)`` with one weight each."""
    if edge_index.dim() != 2 or edge_index.shape[0] != 2 or edge_index.is_floating_point() or edge_index.dtype == torch.bool:
        raise ValueError(f"{function}: edge_index must be integer (2, E), got {edge_index.dtype} of shape {tuple(edge_index.shape)}")
    if edge_weight is not None and edge_weight.shape != edge_index.shape[1:]:
        raise ValueError(f"{function}: edge_weight must have shape ({edge_index.shape[1]},), got {tuple(edge_weight.shape)}")


def inverse_root(degree: Tensor) -> Tensor:
    """1 / sqrt(degree), and 0 for a node of degree 0, with zero gradient there."""
    isolated = degree == 0
    return degree.masked_fill(isolated, 1.0).rsqrt().masked_fill(isolated, 0.0)


def degree_scale(x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, add_self_loops: bool) -> Tensor:
    """D^(-1/2) of the nodes of ``x``, ``(N, 1)``; the degree sums the weights of the edges that enter a node."""
    target = edge_index[1]
    entries = x.new_ones(target.shape) if edge_weight is None else edge_weight.to(x.dtype)
    return inverse_root(x.new_full((x.shape[-2],), float(add_self_loops)).index_add(0, target, entries)).unsqueeze(-1)


def propagate(x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, scale: Tensor, add_self_loops: bool) -> Tensor:
    """D^(-1/2) A D^(-1/2) x for the adjacency of the edges, with I added where wanted, ``(..., N, F)``, at the cost of the edges."""
    source, target = edge_index
    h = scale * x
    messages = h.index_select(-2, source)  # (..., E, F)
    if edge_weight is not None:
        messages = messages * edge_weight.to(x.dtype).unsqueeze(-1)
    return scale * (h if add_self_loops else torch.zeros_like(h)).index_add(-2, target, messages)
