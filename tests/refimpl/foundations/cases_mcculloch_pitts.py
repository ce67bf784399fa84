"""Cases of McCulloch-Pitts neurons; the NumPy oracle counts the active endings on each unit."""

from __future__ import annotations

import numpy as np
import torch

from refimpl.foundations.mcculloch_pitts import McCullochPitts, boolean_network, mcculloch_pitts, run
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand

METHOD = "mcculloch-pitts"


def numpy_unit(x, endings, threshold):
    """One unit: a veto, else a count."""
    if any(active and n < 0 for active, n in zip(x, endings, strict=True)):
        return 0.0
    return float(sum(int(n) for active, n in zip(x, endings, strict=True) if active and n > 0) >= threshold)


def numpy_layer(_, x, connections, threshold):
    out = np.zeros((*x.shape[:-1], len(connections)))
    for place in np.ndindex(x.shape[:-1]):
        out[place] = [numpy_unit(x[place], row, t) for row, t in zip(connections, threshold, strict=True)]
    return out


def numpy_run(_, x, connections, threshold, state=None):
    units = len(connections)
    states = np.zeros((len(x) + 1, *x.shape[1:-1], units))
    states[0] = 0 if state is None else state
    for t in range(len(x)):
        for place in np.ndindex(x.shape[1:-1]):
            before = list(x[t][place]) + list(states[t][place])
            states[t + 1][place] = [numpy_unit(before, connections[k], threshold[k]) for k in range(units)]
    return states


def torch_layer(_, x, connections, threshold):
    """The equation with one row for each ending: a count of ones and a product over the inhibitory inputs."""
    excited = (x.unsqueeze(-2) * connections.clamp(min=0)).sum(-1) >= threshold
    veto = torch.where(connections < 0, 1 - x.unsqueeze(-2), 1.0).prod(-1)
    return (excited * veto).detach()


def bits(*shape, seed):
    return (rand(*shape, seed=seed) > 0).double()


CONNECTIONS = torch.tensor([[1.0, 2, -1, 0], [0, 1, 1, 1], [-2, 0, 0, -1], [1, 0, 1, 0]], dtype=torch.float64)
THRESHOLD = torch.tensor([2.0, 2, 0, 1], dtype=torch.float64)
CIRCLES = torch.tensor([[1.0, 0, 1, -1, 0], [0, -1, 1, 0, 1], [1, 1, 0, 2, 0]], dtype=torch.float64)
NEEDED = torch.tensor([1.0, 1, 2], dtype=torch.float64)
X, X3, EVENTS = bits(9, 4, seed=1), bits(2, 3, 4, seed=2), bits(7, 3, 2, seed=3)

COUNT = Oracle("the equation in NumPy, ending by ending", numpy_layer, "numpy")
PRODUCT = Oracle("the equation as a product over the inhibitory inputs", torch_layer)

BAD = (
    Bad(lambda: mcculloch_pitts(X.long(), CONNECTIONS, THRESHOLD), r"^mcculloch_pitts: input must be floating point, got torch.int64$"),
    Bad(
        lambda: mcculloch_pitts(X[:, :3], CONNECTIONS, THRESHOLD),
        r"^mcculloch_pitts: connections must be \(O, I\) for input \(..., I\), got \(4, 4\) for \(9, 3\)$",
    ),
    Bad(lambda: mcculloch_pitts(X, CONNECTIONS[0], THRESHOLD), r"connections must be .* got \(4,\) for \(9, 4\)$"),
    Bad(lambda: mcculloch_pitts(X[0, 0], CONNECTIONS, THRESHOLD), r"connections must be .* got \(4, 4\) for \(\)$"),
    Bad(lambda: mcculloch_pitts(X, CONNECTIONS, THRESHOLD[:2]), r"^mcculloch_pitts: threshold must have shape \(4,\), got \(2,\)$"),
    Bad(lambda: run(EVENTS, CIRCLES[:, :4], NEEDED), r"connections must be .* got \(3, 4\) for \(3, 5\)$"),
)
BAD_MODULE = (
    Bad(
        lambda: McCullochPitts([1, 2], [1]), r"^McCullochPitts: expected connections \(O, I\) and threshold \(O,\), got \(2,\) and \(1,\)$"
    ),
    Bad(lambda: McCullochPitts([1, 2], [1, 2]), r"expected connections \(O, I\) .* got \(2,\) and \(2,\)$"),
    Bad(lambda: McCullochPitts([[1, 2]], [1, 2]), r"expected connections \(O, I\) .* got \(1, 2\) and \(2,\)$"),
    Bad(lambda: McCullochPitts([[1, 0.5]], [1]), r"^McCullochPitts: connections must hold whole numbers, got \[\[1.0, 0.5\]\]$"),
    Bad(lambda: McCullochPitts([[1, 1]], [1.5]), r"^McCullochPitts: threshold must hold whole numbers, got \[1.5\]$"),
    Bad(lambda: McCullochPitts([[1, 1]], [-1]), r"^McCullochPitts: threshold must be non-negative, got \[-1.0\]$"),
    Bad(lambda: boolean_network([0, 1, 1]), r"^boolean_network: table must have 2, 4, 8, ... entries, got shape \(3,\)$"),
    Bad(lambda: boolean_network([1]), r"table must have 2, 4, 8, ... entries, got shape \(1,\)$"),
    Bad(lambda: boolean_network([[0, 1]] * 2), r"table must have 2, 4, 8, ... entries, got shape \(2, 2\)$"),
    Bad(lambda: boolean_network([0, 2]), r"^boolean_network: table must hold 0 and 1, got \[0, 2\]$"),
)

CASES = [
    Case(
        METHOD,
        "layer",
        function(mcculloch_pitts),
        lambda: [
            Sample((X, CONNECTIONS, THRESHOLD)),
            Sample((X3, CONNECTIONS, THRESHOLD), {}, "sequence"),
            Sample((X[0], CONNECTIONS, THRESHOLD), {}, "one"),
        ],
        (PRODUCT, COUNT),
        hard=lambda: [
            Sample((X * 0, CONNECTIONS, THRESHOLD), {}, "silence"),
            Sample((X * 0 + 1, CONNECTIONS, THRESHOLD), {}, "all active"),
        ],
        degenerate=lambda: [
            Sample((X[:0], CONNECTIONS, THRESHOLD), {}, "empty batch"),
            Sample((X[:, :0], CONNECTIONS[:, :0], THRESHOLD), {}, "no input"),
            Sample((X, CONNECTIONS[:0], THRESHOLD[:0]), {}, "no unit"),
        ],
        bad=BAD,
        gradcheck=0,  # a step has no slope
    ),
    Case(
        METHOD,
        "in time",
        function(run),
        lambda: [Sample((EVENTS, CIRCLES, NEEDED)), Sample((EVENTS, CIRCLES, NEEDED, bits(3, 3, seed=4)), {}, "from a state")],
        (Oracle("the equation in NumPy, unit by unit and step by step", numpy_run, "numpy"),),
        degenerate=lambda: [Sample((EVENTS[:0], CIRCLES, NEEDED), {}, "no time"), Sample((EVENTS[:, 0], CIRCLES, NEEDED), {}, "no batch")],
        gradcheck=0,  # a step has no slope
    ),
    Case(
        METHOD,
        "module",
        lambda: McCullochPitts(CONNECTIONS, THRESHOLD, dtype=torch.float64),
        lambda: [Sample((X,))],
        tuple(Oracle(o.name, lambda p, x, o=o: o.call(p, x, p["connections"], p["threshold"]), o.kind) for o in (PRODUCT, COUNT)),
        bad=BAD_MODULE,
        gradcheck=0,  # a step has no slope
    ),
]
