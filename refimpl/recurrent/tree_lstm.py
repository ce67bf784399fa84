r"""Tree-LSTM: an LSTM whose memory comes from the children of a node, with a forget gate for each of them.

Paper
    Tai, Socher and Manning, "Improved Semantic Representations From Tree-Structured Long Short-Term Memory Networks",
    ACL 2015, arXiv:1503.00075, section 3.1 (child-sum, equations 2 to 8), section 3.2 (N-ary, equations 9 to 14).

Equations (x_j input of node j with children k in C(j), h_k, c_k their states, * elementwise; sigmoid for i, f, o, tanh for u)
    child-sum    h~_j = sum_k h_k,   i_j, o_j, u_j = gate(W x_j + U h~_j + b),   f_jk = sigmoid(W_f x_j + U_f h_k + b_f)
    n-ary        i_j, o_j, u_j = gate(W x_j + sum_l U_l h_jl + b),   f_jk = sigmoid(W_f x_j + sum_l U_f,kl h_jl + b_f)
    cell         c_j = i_j * u_j + sum_k f_jk * c_k,   h_j = o_j * tanh(c_j)
    chain        with one child a node both are the LSTM

Deviations from the paper
    1. Weights lie in the order i, f, u, o of ``torch.nn.LSTMCell``, with two biases whose sum alone matters, and all
       parameters are uniform in +-1 / sqrt(H): with one child a node the state dict is that cell's.
    2. All nodes of one height are computed at once; the projections of all inputs are one product.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.recurrent.trees import fold, levels

__all__ = ["ChildSumTreeLSTM", "NaryTreeLSTM"]


class _TreeLSTM(nn.Module):
    """What both kinds share: parameters, the walk from the leaves up, the cell. A subclass says how gates see the children."""

    def __init__(
        self, input_size: int, hidden_size: int, height: int, width: int, device: torch.device | str | None, dtype: torch.dtype | None
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        new = {"device": device, "dtype": dtype}
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size, **new))
        self.weight_hh = nn.Parameter(torch.empty(height, width, **new))
        self.bias_ih, self.bias_hh = (nn.Parameter(torch.empty(4 * hidden_size, **new)) for _ in range(2))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter uniformly from plus or minus ``1 / sqrt(hidden_size)``."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def from_children(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """What the children ``(m, K, H)`` add to i, u and o, ``(m, 3, H)``, and to the forget gate of each, ``(m, K, H)``."""
        raise NotImplementedError

    def forward(self, input: Tensor, children: Tensor) -> tuple[Tensor, Tensor]:
        name = type(self).__name__
        if children.dim() != 2 or input.shape != (len(children), self.input_size):
            wanted = f"input (n, {self.input_size}) and children (n, K)"
            raise ValueError(f"{name}: expected {wanted}, got {tuple(input.shape)} and {tuple(children.shape)}")
        projected = F.linear(input, self.weight_ih, self.bias_ih + self.bias_hh).unflatten(1, (4, self.hidden_size))  # (n, 4, H)

        def combine(nodes: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
            own, (rest, forget) = projected[nodes], self.from_children(h)
            i, u, o = (own[:, [0, 2, 3]] + rest).unbind(1)  # (m, H)
            f = (own[:, 1:2] + forget).sigmoid()  # (m, K, H)
            c = torch.addcmul((f * c).sum(1), i.sigmoid(), u.tanh())
            return o.sigmoid() * c.tanh(), c

        start = projected.new_empty(len(children), self.hidden_size)
        return fold(children, levels(children), (start, start), combine)

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}"


class ChildSumTreeLSTM(_TreeLSTM):
    """For trees whose nodes have any number of children in no order.

    Args:
        input_size: number of input features D of a node.
        hidden_size: number of units H.

    Shape: input ``(n, D)`` and children ``(n, K)`` as in :mod:`refimpl.recurrent.trees` to all h and c, each ``(n, H)``.

    Raises:
        ValueError: a size is not positive; in a call, a shape or a child does not fit.
    """

    def __init__(
        self, input_size: int, hidden_size: int, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> None:
        _positive("ChildSumTreeLSTM", input_size=input_size, hidden_size=hidden_size)
        super().__init__(input_size, hidden_size, 4 * hidden_size, hidden_size, device, dtype)

    def from_children(self, h: Tensor) -> tuple[Tensor, Tensor]:
        i, f, u, o = self.weight_hh.split(self.hidden_size)
        rest = F.linear(h.sum(1), torch.cat((i, u, o)))  # (m, 3 H)
        return rest.unflatten(1, (3, self.hidden_size)), F.linear(h, f)


class NaryTreeLSTM(_TreeLSTM):
    """For trees whose nodes have at most N children in a fixed order.

    Args:
        input_size, hidden_size: as in :class:`ChildSumTreeLSTM`.
        arity: N.

    ``weight_hh`` is ``((3 + N) H, N H)``: rows i, f_1 ... f_N, u, o, columns child 1 ... N. Shapes and errors as in
    :class:`ChildSumTreeLSTM`, with K = N.
    """

    def __init__(
        self, input_size: int, hidden_size: int, arity: int = 2, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> None:
        _positive("NaryTreeLSTM", input_size=input_size, hidden_size=hidden_size, arity=arity)
        super().__init__(input_size, hidden_size, (3 + arity) * hidden_size, arity * hidden_size, device, dtype)
        self.arity = arity

    def from_children(self, h: Tensor) -> tuple[Tensor, Tensor]:
        if h.shape[1] != self.arity:
            raise ValueError(f"NaryTreeLSTM: children must have {self.arity} columns, got {h.shape[1]}")
        rows = F.linear(h.flatten(1), self.weight_hh).unflatten(1, (3 + self.arity, self.hidden_size))  # (m, 3 + N, H)
        i, forget, rest = rows.split((1, self.arity, 2), 1)
        return torch.cat((i, rest), 1), forget

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, arity={self.arity}"


def _positive(name: str, **sizes: int) -> None:
    for size, value in sizes.items():
        if value < 1:
            raise ValueError(f"{name}: {size} must be positive, got {value}")


if __name__ == "__main__":
    import random

    from refimpl.demo import arguments
    from refimpl.recurrent.trees import forest

    arguments(__doc__)
    random.seed(torch.initial_seed())

    def expression(depth: int) -> tuple[list[int], list[list[int]], bool]:
        """Symbols 0, 1 (false, true), 2, 3 (and, or), 4 (not), children, value."""
        if depth == 0:
            bit = random.randrange(2)
            return [bit], [[-1, -1]], bool(bit)
        symbol = random.randrange(2, 5)
        symbols, rows, value = expression(depth - 1)
        first, second = len(symbols) - 1, -1
        if symbol < 4:
            more, others, other = expression(depth - 1)
            rows = forest([torch.tensor(rows), torch.tensor(others)]).tolist()
            symbols, second = symbols + more, len(symbols) + len(more) - 1
            value = (value and other) if symbol == 2 else (value or other)
        return [*symbols, symbol], [*rows, [first, second]], value if symbol < 4 else not value

    def batch(count: int, depth: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        drawn = [expression(depth) for _ in range(count)]
        roots = torch.tensor([len(symbols) for symbols, _, _ in drawn]).cumsum(0) - 1
        symbols = torch.tensor([s for each, _, _ in drawn for s in each])
        return symbols, forest([torch.tensor(rows) for _, rows, _ in drawn]), roots, torch.tensor([v for _, _, v in drawn])

    words, model, read = nn.Embedding(5, 8), ChildSumTreeLSTM(8, 16), nn.Linear(16, 1)
    optimizer = torch.optim.Adam([*words.parameters(), *model.parameters(), *read.parameters()], lr=0.02)
    print("value of boolean expressions, trained at depth 2: share of correct answers")
    for _ in range(81):
        symbols, children, roots, values = batch(32, 2)
        logits = read(model(words(symbols), children)[0][roots]).squeeze(1)
        loss = F.binary_cross_entropy_with_logits(logits, values.float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for depth in (2, 5):
        symbols, children, roots, values = batch(100, depth)
        right = (read(model(words(symbols), children)[0][roots]).squeeze(1) > 0) == values
        print(f"  depth {depth}: {right.float().mean().item():.2f}")
