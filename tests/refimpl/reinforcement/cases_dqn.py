"""Cases of DQN and its extensions: targets, losses, dueling, multi-step returns, the projection, the noisy layer."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.reinforcement.cartpole import CartPole
from refimpl.reinforcement.dqn import (
    DuelingNetwork,
    NoisyLinear,
    PrioritizedMemory,
    ReplayMemory,
    categorical_projection,
    dueling,
    multi_step,
    td_errors,
    td_loss,
    td_target,
)
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "dqn"
ALL = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
R, ENDS, NEXT, OTHER = randn(5, seed=1), torch.tensor([False, True, False, False, True]), randn(5, 3, seed=2), randn(5, 3, seed=3)
Q, ACTIONS, Y, WEIGHTS = randn(5, 3, seed=4), torch.tensor([2, 0, 1, 1, 0]), randn(5, seed=5) * 2, rand(5, seed=6, low=0.2, high=1.0)
MANY, MANY_ENDS = randn(5, 4, seed=7), torch.tensor([[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [1, 1, 0, 0], [0, 1, 0, 1]]).bool()


def numpy_target(r, ends, following, gamma=0.99, chooser=None):
    y = []
    for i in range(len(r)):
        best = following[i].max() if chooser is None else following[i][list(chooser[i]).index(max(chooser[i]))]
        y.append(r[i] if ends[i] else r[i] + gamma * best)
    return np.array(y)


def torch_target(r, ends, following, gamma=0.99, chooser=None):
    picks = F.one_hot((following if chooser is None else chooser).argmax(1), following.shape[1]).to(r.dtype)
    return r + gamma * (1 - ends.to(r.dtype)) * (picks * following).sum(1)


def loss(values, actions, targets, weights=None, clip=False):
    return td_loss(td_errors(values, actions, targets), weights, clip)


def torch_loss(values, actions, targets, weights=None, clip=False):
    error = (F.one_hot(actions, values.shape[1]) * values).sum(1) - targets.detach()
    each = torch.where(error.abs() < 1, error**2 / 2, error.abs() - 0.5) if clip else error**2
    return (each if weights is None else each * weights).sum() / len(each)


def numpy_loss(values, actions, targets, weights=None, clip=False):
    total = 0.0
    for i in range(len(values)):
        e = abs(targets[i] - values[i, actions[i]])
        total += (1.0 if weights is None else weights[i]) * ((e * e / 2 if e < 1 else e - 0.5) if clip else e * e)
    return total / len(values)


def numpy_multi_step(rewards, terminal, gamma=0.99):
    out = np.zeros(len(rewards))
    for i in range(len(rewards)):
        for k in range(rewards.shape[1]):
            out[i] += gamma**k * rewards[i, k]
            if terminal[i, k]:
                break
    return out


def torch_multi_step(rewards, terminal, gamma=0.99):
    """Backward: G_k = r_k + gamma (1 - d_k) G_(k+1)."""
    total = torch.zeros_like(rewards[:, 0])
    for k in reversed(range(rewards.shape[1])):
        total = rewards[:, k] + gamma * torch.where(terminal[:, k], 0.0, total)
    return total


def numpy_projection(p, rewards, terminal, v_min, v_max, gamma=0.99):
    """Algorithm 1 of the paper, with the mass of an atom that falls on an atom given to it."""
    n = p.shape[1]
    dz = (v_max - v_min) / (n - 1)
    m = np.zeros_like(p)
    for i in range(len(p)):
        for j in range(n):
            z = min(max(rewards[i] + (0.0 if terminal[i] else gamma) * (v_min + j * dz), v_min), v_max)
            b = (z - v_min) / dz
            low, up = int(np.floor(b)), int(np.ceil(b))
            if low == up:
                m[i, low] += p[i, j]
            else:
                m[i, low] += p[i, j] * (up - b)
                m[i, up] += p[i, j] * (b - low)
    return m


def torch_projection(p, rewards, terminal, v_min, v_max, gamma=0.99):
    """The triangular kernel between all pairs of atoms."""
    n = p.shape[1]
    z = torch.linspace(v_min, v_max, n, dtype=p.dtype)
    moved = torch.clamp(rewards[:, None] + gamma * (1 - terminal.to(p.dtype))[:, None] * z, v_min, v_max)
    kernel = torch.relu(1 - (moved[:, None, :] - z[:, None]).abs() * (n - 1) / (v_max - v_min))  # (B, to, from)
    return torch.einsum("bij,bj->bi", kernel, p)


def numpy_noisy(p, x, noise):
    u, v = (np.sign(e) * np.sqrt(np.abs(e)) for e in noise)
    y = np.zeros((len(x), len(v)))
    for n, i in np.ndindex(y.shape):
        y[n, i] = p["bias_mu"][i] + p["bias_sigma"][i] * v[i]
        y[n, i] += sum((p["weight_mu"][i, j] + p["weight_sigma"][i, j] * v[i] * u[j]) * x[n, j] for j in range(len(u)))
    return y


def torch_noisy(p, x, noise):
    u, v = (torch.where(e > 0, 1.0, -1.0) * e.abs() ** 0.5 for e in noise)
    return x @ p["weight_mu"].T + p["bias_mu"] + v * ((x * u) @ p["weight_sigma"].T + p["bias_sigma"])


def torch_network(p, x):
    h = torch.relu(x @ p["body.0.weight"].T + p["body.0.bias"])
    both = h @ p["streams.weight"].T + p["streams.bias"]
    return both[:, :1] + both[:, 1:] - both[:, 1:].mean(1, keepdim=True)


def numpy_network(p, x):
    out = []
    for one in x:
        h = np.array([max(0.0, w @ one + b) for w, b in zip(p["body.0.weight"], p["body.0.bias"], strict=True)])
        value, *advantages = (w @ h + b for w, b in zip(p["streams.weight"], p["streams.bias"], strict=True))
        out.append([value + a - sum(advantages) / len(advantages) for a in advantages])
    return np.array(out)


def case(name, call, by_torch, by_numpy, samples, **more):
    return Case(
        METHOD,
        name,
        function(call),
        lambda: samples,
        (
            Oracle("one-hot sums in torch", lambda _, *a, **k: by_torch(*a, **k)),
            Oracle("loops in NumPy", lambda _, *a, **k: by_numpy(*a, **k), "numpy"),
        ),
        **{"gradcheck": 2, "dtypes": ALL, **more},
    )


P = torch.softmax(randn(4, 6, seed=8), 1)
C51 = {"v_min": -1.5, "v_max": 2.25, "gamma": 0.875}
FALLS = torch.tensor([False, True, False, True])
BAD = (
    Bad(lambda: td_target(R, ENDS, NEXT[:, 0]), r"^td_target: expected rewards \(B,\) and next_values \(B, A\), got \(5,\), \(5,\)$"),
    Bad(lambda: td_target(R[:4], ENDS, NEXT), r"^td_target: expected rewards .*, got \(4,\), \(5, 3\)$"),
    Bad(lambda: td_target(R, ENDS[:4], NEXT), r"^td_target: terminal must be bool of shape \(5,\), got torch.bool \(4,\)$"),
    Bad(lambda: td_target(R, R, NEXT), r"^td_target: terminal must be bool of shape \(5,\), got torch.float64 \(5,\)$"),
    Bad(lambda: td_target(R, ENDS, NEXT, chooser=NEXT[:, :2]), r"^td_target: chooser must have shape \(5, 3\), got \(5, 2\)$"),
    Bad(
        lambda: td_errors(Q[:, 0], ACTIONS, Y),
        r"^td_errors: expected values \(B, A\), actions \(B,\) and targets \(B,\), got \(5,\), \(5,\), \(5,\)$",
    ),
    Bad(lambda: td_errors(Q, ACTIONS[:2], Y[:2]), r"^td_errors: .* got \(5, 3\), \(2,\), \(2,\)$"),
    Bad(lambda: td_errors(Q, ACTIONS, Y[:1]), r"^td_errors: .* got \(5, 3\), \(5,\), \(1,\)$"),
    Bad(lambda: dueling(Q[:, 0], Q), r"^dueling: value must have shape \(5, 1\), got \(5,\)$"),
    Bad(lambda: dueling(Q[:, :2], Q), r"^dueling: value must have shape \(5, 1\), got \(5, 2\)$"),
    Bad(lambda: multi_step(R, ENDS), r"^multi_step: expected rewards \(B, n\) and terminal, bool \(B, n\), got \(5,\), torch.bool \(5,\)$"),
    Bad(lambda: multi_step(MANY, MANY_ENDS[:2]), r"^multi_step: .* got \(5, 4\), torch.bool \(2, 4\)$"),
    Bad(lambda: multi_step(MANY, MANY), r"^multi_step: .* got \(5, 4\), torch.float64 \(5, 4\)$"),
    Bad(
        lambda: categorical_projection(P[0], R[:4], FALLS, -1, 1),
        r"^categorical_projection: expected \(B, n >= 2\), \(B,\) and \(B,\), got \(6,\)",
    ),
    Bad(lambda: categorical_projection(P[:, :1], R[:4], FALLS, -1, 1), r"^categorical_projection: .* got \(4, 1\), \(4,\), \(4,\)$"),
    Bad(lambda: categorical_projection(P, R, FALLS, -1, 1), r"^categorical_projection: .* got \(4, 6\), \(5,\), \(4,\)$"),
    Bad(lambda: categorical_projection(P, R[:4], ENDS, -1, 1), r"^categorical_projection: .* got \(4, 6\), \(4,\), \(5,\)$"),
    Bad(lambda: categorical_projection(P, R[:4], FALLS, 1, 1), r"^categorical_projection: v_min must lie below v_max, got 1 and 1$"),
    Bad(lambda: NoisyLinear(0, 2), r"^NoisyLinear: in_features and out_features must be positive, got 0 and 2$"),
    Bad(lambda: NoisyLinear(2, 0), r"^NoisyLinear: in_features and out_features must be positive, got 2 and 0$"),
    Bad(lambda: ReplayMemory(0), r"^ReplayMemory: capacity must be positive, got 0$"),
    Bad(lambda: PrioritizedMemory(0), r"^PrioritizedMemory: capacity must be positive, got 0$"),
    Bad(lambda: PrioritizedMemory(2, -0.1), r"^PrioritizedMemory: alpha must be non-negative, got -0.1$"),
    Bad(lambda: PrioritizedMemory(2, epsilon=0.0), r"^PrioritizedMemory: epsilon must be positive, got 0.0$"),
    Bad(lambda: ReplayMemory(2).sample(1), r"^ReplayMemory: expected at least one transition to sample from, got none$"),
    Bad(lambda: PrioritizedMemory(2).draw(1), r"^PrioritizedMemory: expected at least one transition to sample from, got none$"),
    Bad(lambda: CartPole().step(2), r"^CartPole: action must be 0 or 1, got 2$"),
)

CASES = [
    case(
        "target",
        td_target,
        torch_target,
        numpy_target,
        [
            Sample((R, ENDS, NEXT), {"gamma": 0.8}),
            Sample((R, ENDS, NEXT, 0.7, OTHER), {}, "double"),
            Sample((R, ENDS, NEXT), {}, "default gamma"),
        ],
        hard=lambda: [Sample((R * 1e4, ENDS, NEXT * 1e4 + 1e4), {}, "values of 1e4")],
        bad=BAD,
    ),
    case(
        "loss",
        loss,
        torch_loss,
        numpy_loss,
        [
            Sample((Q, ACTIONS, Y)),
            Sample((Q, ACTIONS, Y, WEIGHTS), {}, "weighted"),
            Sample((Q, ACTIONS, Y * 2, WEIGHTS), {"clip": True}, "weighted and clipped"),
        ],
        hard=lambda: [Sample((Q * 1e4, ACTIONS, Y * 1e4), {"clip": True}, "errors of 1e4")],
        gradcheck=0,  # a gradient by the targets is withheld; those by the values and weights are compared with the oracle's
        # the weights' gradients are the errors' squares, of which small ones lose digits
        tolerance={torch.bfloat16: 4e-2},
    ),
    case(
        "multi-step return",
        lambda r, d, **options: multi_step(r, d, **options)[0],
        torch_multi_step,
        numpy_multi_step,
        [
            Sample((MANY, MANY_ENDS), {"gamma": 0.7}),
            Sample((MANY, MANY_ENDS), {}, "default gamma"),
            Sample((MANY[:, :1], MANY_ENDS[:, :1]), {}, "one step"),
        ],
    ),
    case(
        "dueling",
        dueling,
        lambda v, a: v.expand_as(a) + a - a.mean(1)[:, None],
        lambda v, a: np.array([[v[i, 0] + a[i, j] - np.average(a[i]) for j in range(a.shape[1])] for i in range(len(a))]),
        [Sample((R[:, None], Q))],
        hard=lambda: [Sample((R[:, None], Q + 1e4), {}, "advantages of mean 1e4")],
        hard_tolerance=5e-4,  # the advantages themselves are known to 1e-3 of 1e4 in float32
    ),
    case(
        "projection",
        partial(categorical_projection, **C51),
        partial(torch_projection, **C51),
        partial(numpy_projection, **C51),
        [
            Sample((P, R[:4], FALLS)),
            Sample((P,), {"rewards": torch.tensor([0.75, -1.5, 9.0, 2.25]).double(), "terminal": FALLS}, "on atoms and beyond the ends"),
        ],
        # the slope by the reward jumps where a moved atom lies on an atom, and both neighbors' rounding counts
        tolerance={torch.bfloat16: 8e-2, torch.float16: 1e-2},
        degenerate=lambda: [Sample((torch.softmax(randn(4, 2, seed=13), 1), R[:4], FALLS), {}, "two atoms")],
        gradcheck=1,
    ),
    Case(
        METHOD,
        "noisy layer",
        lambda: randomize(NoisyLinear(3, 2)),
        lambda: [Sample((randn(4, 3, seed=9), (randn(3, seed=10), randn(2, seed=11))))],
        (Oracle("two products in torch", torch_noisy), Oracle("single weights in NumPy", numpy_noisy, "numpy")),
        dtypes=ALL,
    ),
    Case(
        METHOD,
        "noisy layer, evaluation",
        lambda: randomize(NoisyLinear(3, 2)),
        lambda: [Sample((randn(4, 3, seed=9),))],
        (
            Oracle("torch.nn.functional.linear", lambda p, x: F.linear(x, p["weight_mu"], p["bias_mu"])),
            Oracle("sums in NumPy", lambda p, x: np.einsum("ni,oi->no", x, p["weight_mu"]) + p["bias_mu"], "numpy"),
        ),
        training=False,
        compiles="the linear layer alone",
    ),
    Case(
        METHOD,
        "dueling network",
        lambda: randomize(DuelingNetwork(3, 2, 4)),
        lambda: [Sample((randn(5, 3, seed=12),))],
        (Oracle("products in torch", torch_network), Oracle("one state at a time in NumPy", numpy_network, "numpy")),
    ),
]
