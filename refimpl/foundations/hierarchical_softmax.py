r"""Hierarchical softmax: the probability of a class is a product of binary decisions on the way to its leaf.

Papers
    Morin and Bengio, "Hierarchical Probabilistic Neural Network Language Model", AISTATS 2005.
    Mikolov, Sutskever, Chen, Corrado and Dean, "Distributed Representations of Words and Phrases and their
    Compositionality", NeurIPS 2013, arXiv:1310.4546: equation 3, and the Huffman tree.

Equations (h an input, w a leaf, n_1 ... n_L the inner nodes on its path, s_j = 1 or -1 the turn taken there)
    leaf         log p(w | h) = sum_j log sigma(s_j (v_{n_j}'h + b_{n_j}))
    total        sum over w of p(w | h) = 1,   since sigma(x) + sigma(-x) = 1
    length       sum over w of f_w L_w lies between H(f) and H(f) + 1 for Huffman's tree and frequencies f

Deviations from the papers
    1. Morin and Bengio take the tree from WordNet and share a network over its nodes, each with an embedding; here each
       node has a vector of its own, and the tree is Huffman's, as in the second paper.
    2. A bias for each node is possible; the second paper has none.
    3. All paths are as long as the longest; the steps beyond a leaf count 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, logsigmoid

from refimpl.foundations.huffman import huffman_tree
from refimpl.foundations.reduction import reduce

__all__ = ["HierarchicalSoftmax", "Output", "hierarchical_softmax", "leaf_log_probabilities"]


class Output(NamedTuple):
    """Log-probability of each target, ``(...)``, and the mean of their negatives."""

    output: Tensor
    loss: Tensor


def hierarchical_softmax(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    paths: Tensor,
    signs: Tensor,
    bias: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-probability of the targets, at a cost that grows with the depth of the tree.

    Args:
        input: ``(..., D)``.
        target: numbers of leaves, ``(...)``.
        weight: a vector for each inner node, ``(V - 1, D)``.
        paths, signs: of each leaf, ``(V, L)``; see :class:`refimpl.foundations.huffman.Tree`.
        bias: a number for each inner node, ``(V - 1,)``.
        reduction: "none", "mean" or "sum".

    Raises:
        ValueError: a shape or dtype does not fit.
    """
    _check("hierarchical_softmax", input, weight, paths, signs, bias)
    if target.is_floating_point() or target.shape != input.shape[:-1]:
        got = f"{target.dtype} {tuple(target.shape)}"
        raise ValueError(f"hierarchical_softmax: target must be whole numbers of shape {tuple(input.shape[:-1])}, got {got}")
    nodes, turns = paths[target], signs[target]  # (..., L)
    scores = (weight[nodes] @ input.unsqueeze(-1)).squeeze(-1)
    if bias is not None:
        scores = scores + bias[nodes]
    loss = -torch.where(turns == 0, 0.0, logsigmoid(scores * turns)).sum(-1)
    return reduce("hierarchical_softmax", loss, reduction)


def leaf_log_probabilities(input: Tensor, weight: Tensor, paths: Tensor, signs: Tensor, bias: Tensor | None = None) -> Tensor:
    """Log-probabilities of all leaves, ``(..., V)``; arguments as above."""
    _check("leaf_log_probabilities", input, weight, paths, signs, bias)
    scores = linear(input, weight, bias)  # (..., V - 1)
    total = input.new_zeros(*input.shape[:-1], len(paths))
    for nodes, turns in zip(paths.T, signs.T, strict=True):
        total = total + torch.where(turns == 0, 0.0, logsigmoid(scores[..., nodes] * turns))
    return total


class HierarchicalSoftmax(nn.Module):
    """Hierarchical softmax over a Huffman tree, where every turn is even at first; used as ``torch.nn.AdaptiveLogSoftmaxWithLoss``.

    Args:
        in_features: size D of the input.
        counts: how often each class occurs, V numbers; see :func:`refimpl.foundations.huffman.huffman_tree`.
        bias: learn a number for each inner node too.

    Shape: ``(..., D)`` and targets ``(...)`` to log-probabilities ``(...)`` and a loss.
    """

    def __init__(
        self,
        in_features: int,
        counts: Sequence[float] | Tensor,
        bias: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if in_features < 1:
            raise ValueError(f"HierarchicalSoftmax: in_features must be positive, got {in_features}")
        tree = huffman_tree(counts)
        self.in_features, self.n_classes = in_features, len(tree.paths)
        self.register_buffer("paths", tree.paths.to(device))
        self.register_buffer("signs", tree.signs.to(device))
        new = {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.zeros(self.n_classes - 1, in_features, **new))
        self.bias = nn.Parameter(torch.zeros(self.n_classes - 1, **new)) if bias else None

    def forward(self, input: Tensor, target: Tensor) -> Output:
        loss = hierarchical_softmax(input, target, self.weight, self.paths, self.signs, self.bias, "none")
        return Output(-loss, loss.mean())

    def log_prob(self, input: Tensor) -> Tensor:
        """Log-probabilities of all classes, ``(..., V)``."""
        return leaf_log_probabilities(input, self.weight, self.paths, self.signs, self.bias)

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class of each row, ``(...)``."""
        return self.log_prob(input).argmax(-1)

    def extra_repr(self) -> str:
        return f"{self.in_features}, n_classes={self.n_classes}, depth={self.paths.shape[1]}, bias={self.bias is not None}"


def _check(function: str, input: Tensor, weight: Tensor, paths: Tensor, signs: Tensor, bias: Tensor | None) -> None:
    if not input.is_floating_point():
        raise ValueError(f"{function}: input must be floating point, got {input.dtype}")
    if paths.dim() != 2 or signs.shape != paths.shape:
        raise ValueError(f"{function}: expected paths and signs (V, L), got {tuple(paths.shape)} and {tuple(signs.shape)}")
    expected = (len(paths) - 1, input.shape[-1])
    if weight.shape != expected:
        raise ValueError(f"{function}: weight must have shape {expected}, a row for each inner node, got {tuple(weight.shape)}")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"{function}: bias must have shape ({len(weight)},), got {tuple(bias.shape)}")


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    counts = 1000 / torch.arange(1.0, 1001.0)
    layer = HierarchicalSoftmax(16, counts)
    frequencies, lengths = counts / counts.sum(), layer.signs.ne(0).sum(1)
    entropy = -(frequencies * frequencies.log2()).sum()
    print(f"1000 classes: longest path {int(lengths.max())}, mean path {(frequencies * lengths).sum():.3f}, entropy {entropy:.3f} bits")
    nn.init.normal_(layer.weight)
    h = torch.randn(4, 16)
    print("probabilities sum to", [round(v, 6) for v in layer.log_prob(h).exp().sum(1).tolist()])
    target = torch.multinomial(frequencies, 512, replacement=True)
    h, optimizer = torch.randn(512, 16), torch.optim.Adam(layer.parameters(), lr=0.05)
    for step in range(101):
        loss = layer(h, target).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 0:
            print(f"step {step:3d}: {loss.item():.3f} nats for each of 512 words learned by heart")
