r"""Recursive networks: the vector of a phrase from those of its two parts, by one function at every node of a tree.

Papers
    Goller and Kuchler, "Learning Task-Dependent Distributed Representations by Backpropagation Through Structure",
    ICNN 1996: the network and its gradient.
    Socher, Perelygin, Wu, Chuang, Manning, Ng and Potts, "Recursive Deep Models for Semantic Compositionality Over a
    Sentiment Treebank", EMNLP 2013, section 4: the recursive network and the tensor network.

Equations (a, b vectors of d numbers of the two children, p of the node; f = tanh)
    composition  p = f(W [a; b] + beta)
    tensor       p_k = f([a; b]^T V[k] [a; b] + (W [a; b])_k + beta_k):   d slices V[k], each 2 d by 2 d

Deviations from the papers
    1. All nodes of one height are computed at once.
    2. The tensor network has a bias, which the paper's equation leaves out.
    3. Parameters are uniform in +-1 / sqrt(2 d), the tensor in +-1 / (2 d).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.recurrent.trees import fold, levels

__all__ = ["RecursiveNetwork", "compose"]


def compose(left: Tensor, right: Tensor, weight: Tensor, bias: Tensor | None = None, tensor: Tensor | None = None) -> Tensor:
    """The vector of a node from those of its children.

    Args:
        left, right: a and b, ``(..., d)``.
        weight: W, ``(d, 2 d)``.
        bias: beta, ``(d,)``.
        tensor: V, ``(d, 2 d, 2 d)``; None for the network without it.

    Returns:
        p, ``(..., d)``.

    Raises:
        ValueError: a shape does not fit; the message names it.
    """
    d = left.shape[-1] if left.dim() else 0
    if right.shape != left.shape or not d:
        raise ValueError(f"compose: left and right must have one shape (..., d), got {tuple(left.shape)} and {tuple(right.shape)}")
    for name, value, shape in (("weight", weight, (d, 2 * d)), ("bias", bias, (d,)), ("tensor", tensor, (d, 2 * d, 2 * d))):
        if value is not None and value.shape != shape:
            raise ValueError(f"compose: {name} must have shape {shape}, got {tuple(value.shape)}")
    both = torch.cat((left, right), -1)  # (..., 2 d)
    p = F.linear(both, weight, bias)
    return (p if tensor is None else p + F.bilinear(both, both, tensor)).tanh()


class RecursiveNetwork(nn.Module):
    """Vectors of all nodes of a forest of binary trees.

    Args:
        size: numbers in a vector, d.
        tensor: use the tensor network.

    Shape: vectors of the leaves ``(n, d)``, whose rows at inner nodes are not read, and children ``(n, 2)`` as in
    :mod:`refimpl.recurrent.trees`, each node having two or none, to the vectors of all nodes ``(n, d)``.

    Raises:
        ValueError: the size is not positive; in a call, a shape does not fit or a node has one child.
    """

    def __init__(self, size: int, tensor: bool = False, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        if size < 1:
            raise ValueError(f"RecursiveNetwork: size must be positive, got {size}")
        new = {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.empty(size, 2 * size, **new))
        self.bias = nn.Parameter(torch.empty(size, **new))
        self.tensor = nn.Parameter(torch.empty(size, 2 * size, 2 * size, **new)) if tensor else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform in +-1 / sqrt(2 d), the tensor in +-1 / (2 d)."""
        fan_in = self.weight.shape[1]
        for value in (self.weight, self.bias):
            nn.init.uniform_(value, -1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in))
        if self.tensor is not None:
            nn.init.uniform_(self.tensor, -1 / fan_in, 1 / fan_in)

    def forward(self, leaves: Tensor, children: Tensor) -> Tensor:
        if children.dim() != 2 or children.shape[1] != 2 or leaves.shape != (len(children), len(self.bias)):
            wanted = f"leaves (n, {len(self.bias)}) and children (n, 2)"
            raise ValueError(f"RecursiveNetwork: expected {wanted}, got {tuple(leaves.shape)} and {tuple(children.shape)}")
        alone = ((children < 0).sum(1) == 1).nonzero().flatten().tolist()
        if alone:
            raise ValueError(f"RecursiveNetwork: each node must have two children or none, got one at node {alone[0]}")
        order = levels(children)[1:]

        def combine(nodes: Tensor, below: Tensor) -> tuple[Tensor]:
            return (compose(below[:, 0], below[:, 1], self.weight, self.bias, self.tensor),)

        return fold(children, order, (leaves,), combine)[0]

    def extra_repr(self) -> str:
        return f"{len(self.bias)}, tensor={self.tensor is not None}"


if __name__ == "__main__":
    from refimpl.demo import arguments
    from refimpl.recurrent.trees import forest

    arguments(__doc__)
    pairs = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
    symbols = F.pad(pairs, (0, 1)).flatten()  # two leaves and a root for each pair
    children = forest([torch.tensor([[-1, -1], [-1, -1], [0, 1]])] * 4)
    print("two bits combined by one node of two numbers and read by a threshold: correct answers after 100 steps")
    for name, answers in (("and", pairs.prod(1)), ("xor", pairs.sum(1) % 2)):
        for tensor in (False, True):
            torch.manual_seed(3)
            model, words, read = RecursiveNetwork(2, tensor), nn.Embedding(2, 2), nn.Linear(2, 1)
            optimizer = torch.optim.Adam([*model.parameters(), *words.parameters(), *read.parameters()], lr=0.1)
            for _ in range(100):
                logits = read(model(words(symbols), children)[2::3]).squeeze(1)
                loss = F.binary_cross_entropy_with_logits(logits, answers.float())
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            right = ((logits > 0) == answers).sum().item()
            print(f"  {name}, {'tensor' if tensor else 'plain '} network: {right} of 4, loss {loss.item():.3f}")
