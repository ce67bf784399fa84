"""Cases of AlphaZero: the policy from visits, the loss, the network; the search has tests of its own."""

from __future__ import annotations

import numpy as np
import torch

from refimpl.reinforcement.alphazero import Node, PolicyValueNet, alphazero_loss, search, visit_policy
from refimpl.reinforcement.tictactoe import TicTacToe
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "alphazero"
ALL = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def numpy_policy(visits, temperature=1.0):
    out = np.zeros_like(visits)
    for at in np.ndindex(visits.shape[:-1]):
        if temperature == 0:
            best = [n == max(visits[at]) for n in visits[at]]
            out[at] = np.array(best) / sum(best)
        else:
            powers = [n ** (1 / temperature) for n in visits[at]]
            out[at] = np.array(powers) / sum(powers)
    return out


def torch_policy(visits, temperature=1.0):
    if temperature == 0:
        best = (visits == visits.max(-1, keepdim=True).values).to(visits.dtype)
        return best / best.sum(-1, keepdim=True)
    return torch.softmax(visits.log() / temperature, -1)


def loss(logits, values, policies, results, *theta, weight=1e-4):
    return alphazero_loss(logits, values, policies, results, theta, weight)


def torch_loss(logits, values, policies, results, *theta, weight=1e-4):
    log_p = logits - torch.logsumexp(logits, 1, keepdim=True)
    each = (results - values) ** 2 - (policies * log_p).sum(1)
    return each.sum() / len(each) + weight * sum((t * t).sum() for t in theta)


def numpy_loss(logits, values, policies, results, *theta, weight=1e-4):
    total = 0.0
    for i in range(len(logits)):
        p = np.exp(logits[i]) / sum(np.exp(v) for v in logits[i])
        total += (results[i] - values[i]) ** 2 - sum(q * np.log(r) for q, r in zip(policies[i], p, strict=True))
    return total / len(logits) + weight * sum(v * v for t in theta for v in t.ravel())


def torch_network(p, x):
    h = torch.clamp(x @ p["body.0.weight"].T + p["body.0.bias"], min=0)
    h = torch.clamp(h @ p["body.2.weight"].T + p["body.2.bias"], min=0)
    both = h @ p["heads.weight"].T + p["heads.bias"]
    return both[..., :-1], torch.tanh(both[..., -1])


def numpy_network(p, x):
    h = np.maximum(np.einsum("...i,oi->...o", x, p["body.0.weight"]) + p["body.0.bias"], 0)
    h = np.maximum(np.einsum("...i,oi->...o", h, p["body.2.weight"]) + p["body.2.bias"], 0)
    both = np.einsum("...i,oi->...o", h, p["heads.weight"]) + p["heads.bias"]
    return both[..., :-1], np.tanh(both[..., -1])


VISITS = torch.tensor([[3.0, 11.0, 1.0, 6.0], [5.0, 2.0, 7.0, 7.0]]).double()
LOGITS, VALUES, RESULTS = randn(3, 4, seed=1), rand(3, seed=2), torch.tensor([1.0, -1.0, 0.0]).double()
POLICIES = torch.softmax(randn(3, 4, seed=3), 1)
WON = TicTacToe((-1, -1, -1, 1, 1, 0, 0, 0, 0))


def evaluate(position):
    return [1 / len(position.moves())] * len(position.moves()), 0.0


BAD = (
    Bad(
        lambda: alphazero_loss(LOGITS[0], LOGITS[0], POLICIES[0], LOGITS[0]),
        r"^alphazero_loss: expected .*, got \(4,\), \(4,\), \(4,\), \(4,\)$",
    ),
    Bad(lambda: visit_policy(VISITS, -0.5), r"^visit_policy: temperature must be non-negative, got -0.5$"),
    Bad(lambda: visit_policy(VISITS.long()), r"^visit_policy: visits must be floating point, got torch.int64$"),
    Bad(
        lambda: alphazero_loss(LOGITS[0], VALUES, POLICIES[0], RESULTS),
        r"^alphazero_loss: expected .*, got \(4,\), \(3,\), \(4,\), \(3,\)$",
    ),
    Bad(
        lambda: alphazero_loss(LOGITS, VALUES, POLICIES[:2], RESULTS),
        r"^alphazero_loss: expected .*, got \(3, 4\), \(3,\), \(2, 4\), \(3,\)$",
    ),
    Bad(
        lambda: alphazero_loss(LOGITS, VALUES[:1], POLICIES, RESULTS),
        r"^alphazero_loss: expected .*, got \(3, 4\), \(1,\), \(3, 4\), \(3,\)$",
    ),
    Bad(
        lambda: alphazero_loss(LOGITS, VALUES, POLICIES, RESULTS[:2]),
        r"^alphazero_loss: expected .*, got \(3, 4\), \(3,\), \(3, 4\), \(2,\)$",
    ),
    Bad(lambda: PolicyValueNet(0), r"^PolicyValueNet: inputs must be positive, got 0$"),
    Bad(lambda: PolicyValueNet(1, 0), r"^PolicyValueNet: actions must be positive, got 0$"),
    Bad(lambda: PolicyValueNet(1, 1, 0), r"^PolicyValueNet: hidden must be positive, got 0$"),
    Bad(lambda: TicTacToe().play(9), r"^TicTacToe: move must be one of \[0, 1, 2, 3, 4, 5, 6, 7, 8\], got 9$"),
    Bad(lambda: TicTacToe().play(-1), r"^TicTacToe: move must be one of .*, got -1$"),
    Bad(lambda: TicTacToe().play(4).play(4), r"^TicTacToe: move must be one of \[0, 1, 2, 3, 5, 6, 7, 8\], got 4$"),
    Bad(lambda: search(WON, evaluate, 1), r"^search: expected a position from which the game goes on, got TicTacToe\(cells="),
    Bad(lambda: search(TicTacToe(), evaluate, 0), r"^search: simulations must be positive, got 0$"),
    Bad(
        lambda: search(TicTacToe(), lambda p: ([0.5], 0.0), 1),
        r"^Node: expected 9 probabilities, one for each legal move, got shape \(1,\)$",
    ),
    Bad(
        lambda: Node(TicTacToe(), evaluate).add_noise(None, 0.0, 0.5),
        r"^Node: alpha must be positive and epsilon lie in \[0, 1\], got 0.0 and 0.5$",
    ),
    Bad(lambda: Node(TicTacToe(), evaluate).add_noise(None, 1.0, 1.5), r"^Node: alpha must be positive and .*, got 1.0 and 1.5$"),
    Bad(lambda: Node(TicTacToe(), evaluate).add_noise(None, 1.0, -0.5), r"^Node: alpha must be positive and .*, got 1.0 and -0.5$"),
)


def case(name, call, by_torch, by_numpy, samples, **more):
    return Case(
        METHOD,
        name,
        function(call),
        lambda: samples,
        (
            Oracle("sums of products in torch", lambda _, *a, **k: by_torch(*a, **k)),
            Oracle("the equations in NumPy, number by number", lambda _, *a, **k: by_numpy(*a, **k), "numpy"),
        ),
        **{"gradcheck": 2, "dtypes": ALL, **more},
    )


CASES = [
    case(
        "policy from visits",
        visit_policy,
        torch_policy,
        numpy_policy,
        [Sample((VISITS[:, :3], 0.6)), Sample((VISITS[0],), {}, "temperature 1"), Sample((VISITS[:, :3], 2.5), {}, "temperature 2.5")],
        hard=lambda: [Sample((VISITS * 1e4, 0.05), {}, "many visits, low temperature")],
        hard_tolerance=1e-3,  # powers of 20 magnify rounding, and so do their gradients
        tolerance={torch.bfloat16: 4e-2, torch.float16: 1e-2},  # the same, powers of 1.7
        bad=BAD,
    ),
    case(
        "most visited",
        visit_policy,
        lambda v, t: torch_policy(v, t),
        numpy_policy,
        [Sample((VISITS, 0.0))],
        gradcheck=0,  # constant
        compiles="compiled in the case before",
        exports="as above",
    ),
    case(
        "loss",
        loss,
        torch_loss,
        numpy_loss,
        [
            Sample((LOGITS, VALUES, POLICIES, RESULTS, randn(2, 3, seed=4), randn(4, seed=5)), {"weight": 0.3}),
            Sample((LOGITS, VALUES, POLICIES, RESULTS), {}, "no penalty"),
            Sample((LOGITS, VALUES, POLICIES, RESULTS, 50 * randn(2, 3, seed=4)), {}, "default weight"),
        ],
        degenerate=lambda: [Sample((LOGITS[:1], VALUES[:1], POLICIES[:1], RESULTS[:1]), {}, "one position")],
        gradcheck=1,
    ),
    Case(
        METHOD,
        "network",
        lambda: randomize(PolicyValueNet(5, 3, 4)),
        lambda: [Sample((randn(4, 5, seed=6),)), Sample((randn(5, seed=7),), {}, "one position")],
        (Oracle("products in torch", torch_network), Oracle("sums in NumPy", numpy_network, "numpy")),
        compiles="three linear layers",
        dtypes=(torch.float64, torch.float32),  # rounding to 8 bits moves features over their kinks
    ),
]
