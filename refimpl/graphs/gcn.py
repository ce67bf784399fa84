r"""Graph convolution (GCN): each node takes a weighted mean of itself and its neighbors, then one linear map.

Paper
    Kipf and Welling, "Semi-Supervised Classification with Graph Convolutional Networks", ICLR 2017,
    arXiv:1609.02907, equations 2 and 8; appendix A for the karate club.

Equations (N nodes; A_ij >= 0 the weight of the edge from j to i; X node features, (N, F); W (F, F'))
    self-loops   A' = A + I
    degree       D_ii = sum_j A'_ij
    propagation  P = D^(-1/2) A' D^(-1/2)                                     (N, N)
    layer        Z = P X W + b                                                (N, F')
    node-wise    z_i = sum_j A'_ij / sqrt(D_ii D_jj) W^T x_j + b

Deviations from the paper
    1. The paper has no bias; ``bias=False`` leaves it out.
    2. ``gcn_conv`` never forms P: it scales each node by D^(-1/2), adds each edge's source to its target, and
       scales again. The self-loop is the node itself, to which the neighbors are added. The cost is that of
       the edges; ``dense_gcn_conv`` is the matrix formula.
    3. Where self-loops are left out, a node without edges has D_ii = 0; its row and column of P are zero.
    4. The paper's graphs are undirected. Given a directed one, D counts the edges that enter a node.
    5. A node that has an edge to itself gets one more, as the equation says; ``torch_geometric.nn.GCNConv``
       adds a self-loop only where none is.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.graphs.edges import check_edges, check_features, degree_scale, inverse_root, propagate

__all__ = ["GCNConv", "dense_gcn_conv", "gcn_conv", "propagation_matrix"]


def propagation_matrix(adjacency: Tensor, add_self_loops: bool = True) -> Tensor:
    """P of a dense graph.

    Args:
        adjacency: A, non-negative, ``(N, N)`` or a batch of graphs ``(..., N, N)``.
        add_self_loops: add I to A.

    Returns:
        P, like A.
    """
    if adjacency.dim() < 2 or adjacency.shape[-2] != adjacency.shape[-1] or not adjacency.is_floating_point():
        raise ValueError(
            f"propagation_matrix: adjacency must be floating point (..., N, N), got {adjacency.dtype} of shape {tuple(adjacency.shape)}"
        )
    if add_self_loops:
        adjacency = adjacency + torch.eye(*adjacency.shape[-2:], dtype=adjacency.dtype, device=adjacency.device)
    scale = inverse_root(adjacency.sum(-1))  # (..., N)
    return scale.unsqueeze(-1) * adjacency * scale.unsqueeze(-2)


def dense_gcn_conv(x: Tensor, adjacency: Tensor, weight: Tensor, bias: Tensor | None = None, add_self_loops: bool = True) -> Tensor:
    """The layer by its matrix formula, for small or dense graphs.

    Args:
        x: node features, ``(..., N, F)``.
        adjacency: as in :func:`propagation_matrix`, of as many nodes.
        weight, bias: the transpose of W, ``(F', F)``, and b, ``(F',)``, as in :func:`torch.nn.functional.linear`.
        add_self_loops: add I to A.

    Returns:
        Z, ``(..., N, F')``.
    """
    _check("dense_gcn_conv", x, weight, bias)
    if adjacency.shape[-2:] != (x.shape[-2], x.shape[-2]):
        nodes = x.shape[-2]
        raise ValueError(f"dense_gcn_conv: adjacency must be (..., {nodes}, {nodes}) for x {tuple(x.shape)}, got {tuple(adjacency.shape)}")
    z = propagation_matrix(adjacency, add_self_loops) @ F.linear(x, weight)
    return z if bias is None else z + bias


def gcn_conv(
    x: Tensor,
    edge_index: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    edge_weight: Tensor | None = None,
    add_self_loops: bool = True,
) -> Tensor:
    """The layer on a list of edges.

    Args:
        x: node features, ``(..., N, F)``.
        edge_index: sources and targets, ``(2, E)``, integer; an undirected edge stands in both directions.
        weight, bias: the transpose of W, ``(F', F)``, and b, ``(F',)``.
        edge_weight: the edges' entries of A, non-negative, ``(E,)``; one where None.
        add_self_loops: add I to A.

    Returns:
        Z, ``(..., N, F')``.

    Raises:
        ValueError: a shape or dtype does not fit; the message names it.
    """
    _check("gcn_conv", x, weight, bias)
    check_edges("gcn_conv", edge_index, edge_weight)
    scale = degree_scale(x, edge_index, edge_weight, add_self_loops)  # (N, 1)
    narrows = weight.shape[0] <= weight.shape[1]  # propagate whichever is smaller, X W or X
    h = propagate(F.linear(x, weight) if narrows else x, edge_index, edge_weight, scale, add_self_loops)
    if not narrows:
        return F.linear(h, weight, bias)
    return h if bias is None else h + bias


def _check(function: str, x: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    check_features(function, x)
    if weight.dim() != 2 or weight.shape[1] != x.shape[-1]:
        raise ValueError(f"{function}: weight must be (F', {x.shape[-1]}) for x {tuple(x.shape)}, got {tuple(weight.shape)}")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"{function}: bias must have shape ({weight.shape[0]},), got {tuple(bias.shape)}")


class GCNConv(nn.Module):
    """Graph convolution as a layer; parameters and state dict are those of ``torch_geometric.nn.GCNConv``.

    Args:
        in_channels, out_channels: F and F'.
        add_self_loops: add I to A.
        bias: learn b.

    Shape: x ``(..., N, F)``, ``edge_index`` ``(2, E)``, ``edge_weight`` ``(E,)`` to ``(..., N, F')``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        add_self_loops: bool = True,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if in_channels < 1 or out_channels < 1:
            raise ValueError(f"GCNConv: in_channels and out_channels must be positive, got {in_channels} and {out_channels}")
        self.in_channels, self.out_channels, self.add_self_loops = in_channels, out_channels, add_self_loops
        self.lin = nn.Linear(in_channels, out_channels, bias=False, device=device, dtype=dtype)
        self.bias = nn.Parameter(torch.empty(out_channels, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Xavier's uniform numbers for W (the paper's choice, section 5.2), zero for b."""
        nn.init.xavier_uniform_(self.lin.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        return gcn_conv(x, edge_index, self.lin.weight, self.bias, edge_weight, self.add_self_loops)

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}, add_self_loops={self.add_self_loops}, bias={self.bias is not None}"


if __name__ == "__main__":
    from refimpl.demo import arguments
    from refimpl.graphs.karate import karate_club

    device = arguments(__doc__)
    edges, community = karate_club(device)
    labeled = torch.tensor([0, 5, 33, 31])  # one member of each community
    others = torch.ones(34, dtype=torch.bool).index_fill(0, labeled, False)
    x = torch.eye(34)  # no features but who one is
    first, second = GCNConv(34, 16), GCNConv(16, 4)
    optimizer = torch.optim.Adam([*first.parameters(), *second.parameters()], lr=0.02)
    for step in range(61):
        logits = second(torch.relu(first(x, edges)), edges)  # equation 9
        loss = F.cross_entropy(logits[labeled], community[labeled])
        if step % 20 == 0:
            right = (logits.argmax(1) == community)[others].float().mean()
            print(f"step {step:>2}  loss {loss:.3f}  community right for {right:.0%} of the 30 members without a label")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print("true communities ", "".join(map(str, community.tolist())))
    print("found communities", "".join(map(str, logits.argmax(1).tolist())))
    dense = torch.zeros(34, 34).index_put((edges[1], edges[0]), torch.ones(()))
    gap = (first(x, edges) - dense_gcn_conv(x, dense, first.lin.weight, first.bias)).abs().max()
    print(f"largest difference between the list of edges and the matrix formula: {gap:.1e}")
