r"""Chebyshev graph convolution (ChebNet): a filter on the graph's spectrum that reaches K - 1 steps, without eigenvectors.

Paper
    Defferrard, Bresson and Vandergheynst, "Convolutional Neural Networks on Graphs with Fast Localized Spectral
    Filtering", NeurIPS 2016, arXiv:1606.09375. Section 2.1, equation 4 and the recursion after it.

Equations (N nodes; A symmetric weights >= 0, D degrees; X node features, (N, F); W_k (F, F'), k = 0 ... K - 1)
    chebnet-laplacian   L = I - D^(-1/2) A D^(-1/2),   L~ = 2 L / lambda_max - I       (N, N)
    chebnet-recurrence  T_0 = X,   T_1 = L~ X,   T_k = 2 L~ T_(k-1) - T_(k-2)          (N, F)
    chebnet-layer       Z = sum_k T_k W_k + b                                          (N, F')
    chebnet-spectrum    Z = sum_k U cos(k arccos(Lambda~)) U^T X W_k + b,   L~ = U Lambda~ U^T

Deviations from the paper
    1. lambda_max is 2 by default, the largest eigenvalue that a normalized Laplacian can have, instead of the graph's own.
    2. The graph's coarsening and pooling, section 2.2 and 2.3, are left out.
    3. ``cheb_conv`` never forms L; the cost is that of K - 1 sums over the edges. ``dense_cheb_conv`` is the matrix formula.
    4. A node without edges has a row of zeros in D^(-1/2) A D^(-1/2), so that its L is 1.
    5. A loop at a node counts as an edge; ``torch_geometric.nn.ChebConv`` removes loops.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.graphs.edges import check_edges, check_features, degree_scale, propagate
from refimpl.graphs.gcn import propagation_matrix

__all__ = ["ChebConv", "cheb_conv", "dense_cheb_conv", "scaled_laplacian"]


def scaled_laplacian(adjacency: Tensor, lambda_max: float = 2.0) -> Tensor:
    """L~ of dense graphs, ``(..., N, N)``.

    Raises:
        ValueError: the shape is not square, the dtype not floating, or ``lambda_max`` not positive.
    """
    _check_lambda("scaled_laplacian", lambda_max)
    identity = torch.eye(*adjacency.shape[-2:], dtype=adjacency.dtype, device=adjacency.device)
    return (2.0 / lambda_max - 1.0) * identity - 2.0 / lambda_max * propagation_matrix(adjacency, add_self_loops=False)


def dense_cheb_conv(x: Tensor, adjacency: Tensor, weight: Tensor, bias: Tensor | None = None, lambda_max: float = 2.0) -> Tensor:
    """The layer by its matrix formula, for small or dense graphs.

    Args:
        x: node features, ``(..., N, F)``.
        adjacency: symmetric, ``(N, N)`` or ``(..., N, N)``.
        weight, bias: the transposes of W_k, ``(K, F', F)``, and b, ``(F',)``.
        lambda_max: the eigenvalue of L that is mapped to 1.
    """
    _check("dense_cheb_conv", x, weight, bias)
    if adjacency.shape[-2:] != (x.shape[-2], x.shape[-2]):
        nodes = x.shape[-2]
        raise ValueError(f"dense_cheb_conv: adjacency must be (..., {nodes}, {nodes}) for x {tuple(x.shape)}, got {tuple(adjacency.shape)}")
    laplacian = scaled_laplacian(adjacency, lambda_max)
    return _filter(x, weight, bias, lambda t: laplacian @ t)


def cheb_conv(
    x: Tensor, edge_index: Tensor, weight: Tensor, bias: Tensor | None = None, edge_weight: Tensor | None = None, lambda_max: float = 2.0
) -> Tensor:
    """The layer on a list of edges.

    Args:
        x: node features, ``(..., N, F)``.
        edge_index: sources and targets, ``(2, E)``, integer; an undirected edge stands in both directions.
        weight, bias: the transposes of W_k, ``(K, F', F)``, and b, ``(F',)``.
        edge_weight: the edges' entries of A, non-negative, ``(E,)``; one where None.
        lambda_max: the eigenvalue of L that is mapped to 1.

    Returns:
        Z, ``(..., N, F')``.

    Raises:
        ValueError: a shape, dtype or number does not fit; the message names it.
    """
    _check("cheb_conv", x, weight, bias)
    check_edges("cheb_conv", edge_index, edge_weight)
    _check_lambda("cheb_conv", lambda_max)
    scale = degree_scale(x, edge_index, edge_weight, False)  # (N, 1)

    def laplacian(t: Tensor) -> Tensor:
        around = propagate(t, edge_index, edge_weight, scale, False)
        return (2.0 / lambda_max - 1.0) * t - 2.0 / lambda_max * around if lambda_max != 2.0 else -around

    return _filter(x, weight, bias, laplacian)


def _filter(x: Tensor, weight: Tensor, bias: Tensor | None, laplacian) -> Tensor:
    """The recurrence, then one product with all K matrices."""
    terms = [x]
    for k in range(1, len(weight)):
        term = laplacian(terms[-1])
        terms.append(term if k == 1 else 2.0 * term - terms[-2])
    return F.linear(torch.cat(terms, -1), weight.movedim(0, 1).flatten(1), bias)  # (..., N, K F) to (..., N, F')


def _check(function: str, x: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    check_features(function, x)
    if weight.dim() != 3 or len(weight) < 1 or weight.shape[2] != x.shape[-1]:
        raise ValueError(f"{function}: weight must be (K, F', {x.shape[-1]}) for x {tuple(x.shape)}, got {tuple(weight.shape)}")
    if bias is not None and bias.shape != weight.shape[1:2]:
        raise ValueError(f"{function}: bias must have shape ({weight.shape[1]},), got {tuple(bias.shape)}")


def _check_lambda(function: str, lambda_max: float) -> None:
    if not lambda_max > 0.0:
        raise ValueError(f"{function}: lambda_max must be positive, got {lambda_max}")


class ChebConv(nn.Module):
    """Chebyshev graph convolution as a layer; parameters and state dict are those of ``torch_geometric.nn.ChebConv``.

    Args:
        in_channels, out_channels: F and F'.
        K: number of terms; the filter reaches K - 1 steps.
        bias: learn b.

    Shape: x ``(..., N, F)``, ``edge_index`` ``(2, E)``, ``edge_weight`` ``(E,)`` to ``(..., N, F')``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        K: int,
        bias: bool = True,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, number in (("in_channels", in_channels), ("out_channels", out_channels), ("K", K)):
            if number < 1:
                raise ValueError(f"ChebConv: {name} must be positive, got {number}")
        self.in_channels, self.out_channels = in_channels, out_channels
        self.lins = nn.ModuleList(nn.Linear(in_channels, out_channels, bias=False, device=device, dtype=dtype) for _ in range(K))
        self.bias = nn.Parameter(torch.empty(out_channels, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Xavier's uniform numbers for each W_k, as torch_geometric takes them, zero for b."""
        for lin in self.lins:
            nn.init.xavier_uniform_(lin.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None = None, lambda_max: float = 2.0) -> Tensor:
        return cheb_conv(x, edge_index, torch.stack([lin.weight for lin in self.lins]), self.bias, edge_weight, lambda_max)

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}, K={len(self.lins)}, bias={self.bias is not None}"


if __name__ == "__main__":
    from refimpl.demo import arguments
    from refimpl.graphs.karate import karate_club

    device = arguments(__doc__)
    edges, _ = karate_club(device)
    impulse = torch.zeros(34, 1)
    impulse[16] = 1.0  # a member with two friends
    for terms in range(1, 6):
        weight = torch.zeros(terms, 1, 1)
        weight[-1] = 1.0
        answer = cheb_conv(impulse, edges, weight)
        print(f"K = {terms}: an impulse at one of 34 members reaches {int((answer.abs() > 1e-6).sum()):2} of them")
    x, weight = torch.randn(34, 3), torch.randn(5, 2, 3)
    adjacency = torch.zeros(34, 34).index_put((edges[1], edges[0]), torch.ones(()))
    values, vectors = torch.linalg.eigh(scaled_laplacian(adjacency))
    angles = torch.arccos(values.clamp(-1, 1))
    exact = sum(vectors @ (torch.cos(k * angles).unsqueeze(1) * (vectors.T @ x)) @ w.T for k, w in enumerate(weight))
    gap = (cheb_conv(x, edges, weight) - exact).abs().max()
    print(f"largest difference between the recurrence and cos(k arccos) on the eigenvalues: {gap:.1e}")
