"""The Tree-LSTM of all nodes of a height at once beside the same, node by node."""

from __future__ import annotations

import torch
from torch import nn

from refimpl.recurrent.tree_lstm import ChildSumTreeLSTM
from refimpl.recurrent.trees import forest
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.recurrent.cases_tree_lstm import METHOD


def full(depth: int) -> torch.Tensor:
    """A full binary tree, nodes in the order of their heights."""
    rows, first, width = [[-1, -1]] * 2**depth, 0, 2**depth
    while width > 1:
        rows = rows + [[first + 2 * k, first + 2 * k + 1] for k in range(width // 2)]
        first, width = first + width, width // 2
    return torch.tensor(rows)


class NodeByNode(nn.Module):
    """The same parameters; each node waits for its children."""

    def __init__(self, model: ChildSumTreeLSTM) -> None:
        super().__init__()
        self.model = model

    def forward(self, x, children):
        m, hs, cs = self.model, [], []
        w, u, bias = m.weight_ih, m.weight_hh.chunk(4), m.bias_ih + m.bias_hh
        for x_j, row in zip(x, children.tolist(), strict=True):
            i, f, g, o = nn.functional.linear(x_j, w, bias).chunk(4)
            below = [k for k in row if k >= 0]
            total = sum((hs[k] for k in below), torch.zeros_like(i))
            i, g, o = i + u[0] @ total, g + u[2] @ total, o + u[3] @ total
            c = i.sigmoid() * g.tanh() + sum((f + u[1] @ hs[k]).sigmoid() * cs[k] for k in below)
            hs.append(o.sigmoid() * c.tanh())
            cs.append(c)
        return torch.stack(hs), torch.stack(cs)


def ours():
    torch.manual_seed(0)
    return ChildSumTreeLSTM(32, 64)


BENCHES = [
    Bench(
        METHOD,
        "child-sum, 8 full trees of 31 nodes, 64 units",
        ours,
        {"node by node": lambda: NodeByNode(ours())},
        lambda: (randn(8 * 31, 32, seed=0), forest([full(4)] * 8)),
        compiled=False,  # the shape of the trees is read as numbers
    )
]
