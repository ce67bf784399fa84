"""Cases of the Tree-LSTM: recursion over nodes in torch, gate by gate, and in NumPy, unit by unit."""

from __future__ import annotations

import numpy as np
import torch

from refimpl.recurrent.tree_lstm import ChildSumTreeLSTM, NaryTreeLSTM
from refimpl.recurrent.trees import forest
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, randn, randomize

METHOD = "recursive"
NONE = [-1, -1, -1]
TREE = torch.tensor([NONE, NONE, [0, -1, 1], NONE, NONE, [2, 3, 4], [5, -1, -1]])
SHAPES = "the heights of the nodes are read from the table of children"


def walk(cell, zeros, stack):
    """h and c of all nodes by recursion from each; ``cell(p, x, present, h, c)`` gets the children's slots and states."""

    def run(p, input, children):
        hidden = p["weight_hh"].shape[1] // (children.shape[1] if p["weight_hh"].shape[0] != 4 * p["weight_hh"].shape[1] else 1)

        def states(node):
            slots = [(k, int(child)) for k, child in enumerate(children[node]) if child >= 0]
            below = [states(child) for _, child in slots]
            return cell(p, input[node], [k for k, _ in slots], [h for h, _ in below], [c for _, c in below], zeros(hidden))

        found = [states(node) for node in range(len(children))]
        return stack([h for h, _ in found]), stack([c for _, c in found])

    return run


def child_sum(p, x, slots, hs, cs, zero):
    n = len(zero)
    w, u, b = p["weight_ih"].split(n), p["weight_hh"].split(n), (p["bias_ih"] + p["bias_hh"]).split(n)
    total = zero + sum(hs)
    i, g, o = (w[k] @ x + u[k] @ total + b[k] for k in (0, 2, 3))
    kept = sum(torch.sigmoid(w[1] @ x + u[1] @ h + b[1]) * c for h, c in zip(hs, cs, strict=True))
    c = torch.sigmoid(i) * torch.tanh(g) + kept
    return torch.sigmoid(o) * torch.tanh(c), c


def n_ary(p, x, slots, hs, cs, zero):
    n = len(zero)
    w, u, b = p["weight_ih"].split(n), p["weight_hh"].split(n), (p["bias_ih"] + p["bias_hh"]).split(n)
    arity = len(u) - 3

    def seen(row):
        return zero + sum(u[row][:, k * n : (k + 1) * n] @ h for k, h in zip(slots, hs, strict=True))

    i, g, o = (w[k] @ x + seen(row) + b[k] for k, row in ((0, 0), (2, arity + 1), (3, arity + 2)))
    kept = sum(torch.sigmoid(w[1] @ x + seen(1 + k) + b[1]) * c for k, c in zip(slots, cs, strict=True))
    c = torch.sigmoid(i) * torch.tanh(g) + kept
    return torch.sigmoid(o) * torch.tanh(c), c


def logistic(x):
    return (1 + np.tanh(x / 2)) / 2


def in_numpy(child_sum_kind):
    def cell(p, x, slots, hs, cs, zero):
        n = len(zero)
        arity = len(p["weight_hh"]) // n - 3
        h, c = np.zeros(n), np.zeros(n)
        for unit in range(n):

            def gate(k, row, sources, unit=unit):
                """Row ``k`` of the input weights, ``row`` of the recurrent ones, read from (column block, state)."""
                own = p["weight_ih"][k * n + unit] @ x + p["bias_ih"][k * n + unit] + p["bias_hh"][k * n + unit]
                return own + sum(p["weight_hh"][row * n + unit, s * n : (s + 1) * n] @ state for s, state in sources)

            if child_sum_kind:
                every = [(0, h_k) for h_k in hs]
                forget = [gate(1, 1, [(0, h_k)]) for h_k in hs]
                i, u, o = (gate(k, k, every) for k in (0, 2, 3))
            else:
                every = list(zip(slots, hs, strict=True))
                forget = [gate(1, 1 + k, every) for k in slots]
                i, u, o = gate(0, 0, every), gate(2, arity + 1, every), gate(3, arity + 2, every)
            c[unit] = logistic(i) * np.tanh(u) + sum(logistic(f) * c_k[unit] for f, c_k in zip(forget, cs, strict=True))
            h[unit] = logistic(o) * np.tanh(c[unit])
        return h, c

    return cell


def case(name, make, cell, child_sum_kind, children, **more):
    def torch_zeros(n):
        return torch.zeros(n, dtype=torch.float64)

    two = forest([children, children[:3]])
    return Case(
        METHOD,
        name,
        lambda: randomize(make()),
        lambda: [Sample((randn(len(children), 2, seed=1), children)), Sample((randn(len(two), 2, seed=2), two), name="two trees")],
        (
            Oracle("recursion over nodes, gate by gate, by autograd", walk(cell, torch_zeros, torch.stack)),
            Oracle("recursion over nodes in NumPy, unit by unit", walk(in_numpy(child_sum_kind), np.zeros, np.array), "numpy"),
        ),
        degenerate=lambda: [Sample((randn(1, 2, seed=3), children[:1]), name="a single leaf")],
        hard=lambda: [Sample((randn(len(children), 2, seed=4) * 0, children), name="all zero")],
        tolerance={torch.bfloat16: 8e-2},  # states of four heights above each other, each rounded
        compiles=SHAPES,
        exports=SHAPES,
        **more,
    )


Z = torch.zeros
BAD = (
    Bad(lambda: ChildSumTreeLSTM(0, 3), r"^ChildSumTreeLSTM: input_size must be positive, got 0$"),
    Bad(lambda: ChildSumTreeLSTM(3, 0), r"^ChildSumTreeLSTM: hidden_size must be positive, got 0$"),
    Bad(lambda: NaryTreeLSTM(0, 3), r"^NaryTreeLSTM: input_size must be positive, got 0$"),
    Bad(lambda: NaryTreeLSTM(3, 0), r"^NaryTreeLSTM: hidden_size must be positive, got 0$"),
    Bad(lambda: NaryTreeLSTM(3, 3, 0), r"^NaryTreeLSTM: arity must be positive, got 0$"),
    Bad(lambda: NaryTreeLSTM(2, 3, 2)(Z(7, 2), TREE), r"^NaryTreeLSTM: children must have 2 columns, got 3$"),
    Bad(
        lambda: ChildSumTreeLSTM(2, 3)(Z(7, 3), TREE),
        r"^ChildSumTreeLSTM: expected input \(n, 2\) and children \(n, K\), got \(7, 3\) and \(7, 3\)$",
    ),
    Bad(lambda: ChildSumTreeLSTM(2, 3)(Z(6, 2), TREE), r"got \(6, 2\) and \(7, 3\)$"),
    Bad(lambda: ChildSumTreeLSTM(2, 3)(Z(3, 2), TREE[0]), r"got \(3, 2\) and \(3,\)$"),
)

CASES = [
    case("child-sum Tree-LSTM", lambda: ChildSumTreeLSTM(2, 4), child_sum, True, TREE, bad=BAD),
    case("ternary Tree-LSTM", lambda: NaryTreeLSTM(2, 4, 3), n_ary, False, TREE),
]
