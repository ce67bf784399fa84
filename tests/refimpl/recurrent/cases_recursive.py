"""Cases of recursive networks: recursion over nodes in torch and in NumPy."""

from __future__ import annotations

import numpy as np
import torch

from refimpl.recurrent.recursive import RecursiveNetwork, compose
from refimpl.recurrent.trees import forest, levels
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn, randomize

METHOD = "recursive"
LEAF = [-1, -1]
TREE = torch.tensor([LEAF, LEAF, [0, 1], LEAF, [2, 3], LEAF, LEAF, [5, 6], [7, 4]])
SHAPES = "the heights of the nodes are read from the table of children"


def composed(p, a, b, weight, bias=None, tensor=None):
    both = torch.cat((a, b), -1)
    z = both @ weight.t() + (0 if bias is None else bias)
    return torch.tanh(z if tensor is None else z + torch.einsum("...i,kij,...j->...k", both, tensor, both))


def summed(p, a, b, weight, bias=None, tensor=None):
    """Number by number."""
    both = np.concatenate((a, b), -1)
    y = np.zeros(a.shape)
    for place in np.ndindex(a.shape):
        x, k = both[place[:-1]], place[-1]
        z = weight[k] @ x + (0 if bias is None else bias[k])
        y[place] = np.tanh(z if tensor is None else z + x @ tensor[k] @ x)
    return y


def recursive(one_node, stack):
    """All nodes by recursion from each of them; ``one_node`` as above."""

    def run(p, leaves, children):
        def vector(node):
            a, b = children[node]
            if a < 0:
                return leaves[node]
            return one_node(None, vector(int(a)), vector(int(b)), p["weight"], p["bias"], p.get("tensor"))

        return stack([vector(node) for node in range(len(children))])

    return run


ORACLES = (
    Oracle("recursion over nodes, einsum, by autograd", recursive(composed, torch.stack)),
    Oracle("recursion over nodes in NumPy, number by number", recursive(summed, np.stack), "numpy"),
)
A, B = randn(2, 3, seed=1), randn(2, 3, seed=2)
W, BETA, V = randn(3, 6, seed=3), randn(3, seed=4), 0.4 * randn(3, 6, 6, seed=5)
Z = torch.zeros
BAD = (
    Bad(lambda: compose(Z(2, 3), Z(3), W), r"^compose: left and right must have one shape \(..., d\), got \(2, 3\) and \(3,\)$"),
    Bad(lambda: compose(Z(()), Z(()), W), r"^compose: left and right must have one shape \(..., d\), got \(\) and \(\)$"),
    Bad(lambda: compose(A, B, Z(3, 3)), r"^compose: weight must have shape \(3, 6\), got \(3, 3\)$"),
    Bad(lambda: compose(A, B, W, Z(6)), r"^compose: bias must have shape \(3,\), got \(6,\)$"),
    Bad(lambda: compose(A, B, W, None, Z(3, 6, 3)), r"^compose: tensor must have shape \(3, 6, 6\), got \(3, 6, 3\)$"),
    Bad(lambda: RecursiveNetwork(0), r"^RecursiveNetwork: size must be positive, got 0$"),
    Bad(
        lambda: RecursiveNetwork(3)(Z(9, 2), TREE),
        r"^RecursiveNetwork: expected leaves \(n, 3\) and children \(n, 2\), got \(9, 2\) and \(9, 2\)$",
    ),
    Bad(lambda: RecursiveNetwork(3)(Z(9, 3), TREE[:, :1]), r"got \(9, 3\) and \(9, 1\)$"),
    Bad(lambda: RecursiveNetwork(3)(Z(2, 3), TREE[0]), r"got \(2, 3\) and \(2,\)$"),
    Bad(
        lambda: RecursiveNetwork(3)(Z(3, 3), torch.tensor([LEAF, LEAF, [0, -1]])),
        r"^RecursiveNetwork: each node must have two children or none, got one at node 2$",
    ),
    Bad(lambda: levels(TREE.int()), r"^levels: children must be torch.int64 \(n, K\), got torch.int32 of shape \(9, 2\)$"),
    Bad(lambda: levels(TREE[0]), r"^levels: children must be torch.int64 \(n, K\), got torch.int64 of shape \(2,\)$"),
    Bad(lambda: levels(torch.tensor([LEAF, [0, 1]])), r"^levels: children of node 1 must lie in \[-1, 1\), got 1$"),
    Bad(lambda: levels(torch.tensor([LEAF, [0, -2]])), r"^levels: children of node 1 must lie in \[-1, 1\), got -2$"),
)


def network(name, tensor, more=None):
    return Case(
        METHOD,
        name,
        lambda: randomize(RecursiveNetwork(3, tensor), scale=0.6),
        lambda: [Sample((randn(9, 3, seed=6), TREE)), Sample((randn(14, 3, seed=7), forest([TREE, TREE[:5]])), name="two trees")],
        ORACLES,
        degenerate=lambda: [Sample((A[:1], TREE[:1]), name="a single leaf")],
        tolerance={torch.bfloat16: 6e-2},  # four compositions above each other, each rounded
        compiles=SHAPES,
        exports=SHAPES,
        **(more or {}),
    )


CASES = [
    Case(
        METHOD,
        "composition of two vectors",
        function(compose),
        lambda: [Sample((A, B, W, BETA, V), name="tensor"), Sample((A, B, W, BETA)), Sample((A[0], B[0], W), name="no bias")],
        (Oracle("einsum, by autograd", composed), Oracle("NumPy, number by number", summed, "numpy")),
        gradcheck=2,
        hard=lambda: [Sample((A * 0, B * 0, W, BETA, V), name="all zero"), Sample((A * 1e4, B, W, BETA, V), name="saturated")],
        bad=BAD,
        tolerance={torch.bfloat16: 4e-2},  # the arguments of tanh reach 5 and are rounded
    ),
    network("network", False),
    network("tensor network", True, {"hard": lambda: [Sample((randn(9, 3, seed=8) * 0, TREE), name="all zero")]}),
]
