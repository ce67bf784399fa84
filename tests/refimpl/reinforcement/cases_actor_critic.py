"""Cases of policy gradients: returns, advantages, losses and the network; the NumPy oracles run loops over steps."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.reinforcement.actor_critic import (
    ActorCritic,
    discounted_returns,
    entropy,
    generalized_advantages,
    policy_loss,
    ppo_loss,
    reinforce_loss,
)
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "actor-critic"
ALL = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def numpy_returns(rewards, terminal, gamma=0.99, bootstrap=None):
    """Sums of discounted rewards, one start at a time."""
    g = np.zeros_like(rewards)
    for at in np.ndindex(rewards.shape):
        for t in range(at[0], len(rewards)):
            here = (t, *at[1:])
            g[at] += gamma ** (t - at[0]) * rewards[here]
            if terminal[here]:
                break
        else:
            g[at] += 0.0 if bootstrap is None else gamma ** (len(rewards) - at[0]) * bootstrap[at[1:]]
    return g


def numpy_advantages(rewards, values, terminal, gamma=0.99, lam=0.95):
    """The mean of advantages over 1, 2, ... steps with weights (1 - lambda) lambda^(n - 1), the last one taking the rest."""
    out = np.zeros_like(rewards)
    for at in np.ndindex(rewards.shape):
        steps, total, estimates = len(rewards) - at[0], 0.0, []
        for n in range(steps):
            here, after = (at[0] + n, *at[1:]), (at[0] + n + 1, *at[1:])
            total += gamma**n * rewards[here]
            estimates.append(total + (0.0 if terminal[here] else gamma ** (n + 1) * values[after]) - values[at])
            if terminal[here]:
                break
        weights = [(1 - lam) * lam**n for n in range(len(estimates) - 1)]
        out[at] = sum(w * e for w, e in zip([*weights, 1 - sum(weights)], estimates, strict=True))
    return out


def torch_returns(rewards, terminal, gamma=0.99, bootstrap=None):
    total, out = torch.zeros_like(rewards[0]) if bootstrap is None else bootstrap, []
    for r, d in zip(rewards.flip(0), terminal.flip(0), strict=True):
        total = r + gamma * torch.where(d, 0.0, total)
        out.insert(0, total)
    return torch.stack(out)


def torch_advantages(rewards, values, terminal, gamma=0.99, lam=0.95):
    total, out = 0.0, []
    for t in reversed(range(len(rewards))):
        on = 1 - terminal[t].to(rewards.dtype)
        total = rewards[t] + gamma * on * values[t + 1] - values[t] + gamma * lam * on * total
        out.insert(0, total)
    return torch.stack(out)


def numpy_log(logits, actions):
    out = np.zeros(actions.shape)
    for at in np.ndindex(actions.shape):
        z = logits[at] - max(logits[at])
        out[at] = z[actions[at]] - np.log(sum(np.exp(v) for v in z))
    return out


def torch_log(logits, actions):
    return (F.one_hot(actions, logits.shape[-1]) * (logits - logits.logsumexp(-1, keepdim=True))).sum(-1)


def torch_reinforce(logits, actions, rewards, gamma=0.99, baseline=None):
    g = torch_returns(rewards, torch.zeros(len(rewards), dtype=torch.bool), gamma).detach()
    g = g if baseline is None else g - baseline.detach()
    return -sum(gamma**t * g[t] * torch_log(logits, actions)[t] for t in range(len(rewards)))


def numpy_reinforce(logits, actions, rewards, gamma=0.99, baseline=None):
    g = numpy_returns(rewards, np.zeros(len(rewards), dtype=bool), gamma)
    logs, base = numpy_log(logits, actions), np.zeros(len(rewards)) if baseline is None else baseline
    return -sum(gamma**t * (g[t] - base[t]) * logs[t] for t in range(len(rewards)))


def torch_ppo(logits, actions, old, advantages, epsilon=0.2):
    a, rho = advantages.detach(), torch_log(logits, actions).exp() / old.detach().exp()
    limit = 1 + epsilon * torch.sign(a)
    stopped = torch.where(a > 0, rho > limit, rho < limit)
    return -(torch.where(stopped, limit, rho) * a).sum() / a.numel()


def numpy_ppo(logits, actions, old, advantages, epsilon=0.2):
    rho, each = np.exp(numpy_log(logits, actions) - old), []
    for at in np.ndindex(actions.shape):
        a = advantages[at]
        each.append(min(rho[at] * a, min(max(rho[at], 1 - epsilon), 1 + epsilon) * a))
    return -np.average(each)


def torch_network(p, x):
    def head(name):
        h = torch.tanh(x @ p[f"{name}.0.weight"].T + p[f"{name}.0.bias"])
        return h @ p[f"{name}.2.weight"].T + p[f"{name}.2.bias"]

    return head("actor"), head("critic")[..., 0]


def numpy_network(p, x):
    def head(name):
        h = np.tanh(np.einsum("...i,oi->...o", x, p[f"{name}.0.weight"]) + p[f"{name}.0.bias"])
        return np.einsum("...i,oi->...o", h, p[f"{name}.2.weight"]) + p[f"{name}.2.bias"]

    return head("actor"), head("critic").reshape(x.shape[:-1])


def case(name, call, by_torch, by_numpy, samples, **more):
    return Case(
        METHOD,
        name,
        function(call),
        lambda: samples,
        (
            Oracle("a loop over the steps in torch", lambda _, *a, **k: by_torch(*a, **k)),
            Oracle("the equations in NumPy, one start at a time", lambda _, *a, **k: by_numpy(*a, **k), "numpy"),
        ),
        **{"gradcheck": 2, "dtypes": ALL, **more},
    )


R, V, LAST = randn(5, 2, seed=1), randn(6, 2, seed=2), randn(2, seed=3)
D = torch.tensor([[0, 0], [0, 1], [0, 0], [1, 0], [0, 1]]).bool()
LOGITS, ACTIONS, A = randn(6, 3, seed=4), torch.tensor([2, 0, 1, 1, 0, 2]), randn(6, seed=5)
OLD = torch.log_softmax(LOGITS + 0.6 * randn(6, 3, seed=6), 1).gather(1, ACTIONS[:, None])[:, 0]
BAD = (
    Bad(
        lambda: discounted_returns(R[0, 0], D[0, 0]),
        r"^discounted_returns: expected rewards \(T, ...\) and terminal, bool .*, got \(\) and torch.bool",
    ),
    Bad(lambda: discounted_returns(R, D[:2]), r"^discounted_returns: expected .*, got \(5, 2\) and torch.bool \(2, 2\)$"),
    Bad(lambda: generalized_advantages(R, V, R), r"^generalized_advantages: expected .*, got \(5, 2\) and torch.float64 \(5, 2\)$"),
    Bad(lambda: discounted_returns(R, D, 1.1), r"^discounted_returns: gamma must lie in \[0, 1\], got 1.1$"),
    Bad(lambda: discounted_returns(R, D, -0.1), r"^discounted_returns: gamma must lie in \[0, 1\], got -0.1$"),
    Bad(lambda: generalized_advantages(R, V, D, 1.1), r"^generalized_advantages: gamma must lie in \[0, 1\], got 1.1$"),
    Bad(lambda: generalized_advantages(R, V, D, 1.0, 1.1), r"^generalized_advantages: lam must lie in \[0, 1\], got 1.1$"),
    Bad(lambda: discounted_returns(R, D, 1.0, V), r"^discounted_returns: bootstrap must have shape \(2,\), got \(6, 2\)$"),
    Bad(lambda: generalized_advantages(R, R, D), r"^generalized_advantages: values must have shape \(6, 2\), got \(5, 2\)$"),
    Bad(
        lambda: policy_loss(LOGITS, ACTIONS[:2], A),
        r"^policy_loss: expected logits \(..., A\), actions and .*, got \(6, 3\), \(2,\), \(6,\)$",
    ),
    Bad(lambda: policy_loss(LOGITS, ACTIONS, A[:1]), r"^policy_loss: expected .*, got \(6, 3\), \(6,\), \(1,\)$"),
    Bad(lambda: reinforce_loss(LOGITS[:2], ACTIONS, A), r"^reinforce_loss: expected .*, got \(2, 3\), \(6,\), \(6,\)$"),
    Bad(lambda: ppo_loss(LOGITS, ACTIONS, OLD, A[:2]), r"^ppo_loss: expected .*, got \(6, 3\), \(6,\), \(2,\)$"),
    Bad(lambda: ppo_loss(LOGITS, ACTIONS, OLD, A, 0.0), r"^ppo_loss: epsilon must lie between 0 and 1, got 0.0$"),
    Bad(lambda: ppo_loss(LOGITS, ACTIONS, OLD, A, 1.0), r"^ppo_loss: epsilon must lie between 0 and 1, got 1.0$"),
    Bad(lambda: ActorCritic(0, 1), r"^ActorCritic: observations must be positive, got 0$"),
    Bad(lambda: ActorCritic(1, 0), r"^ActorCritic: actions must be positive, got 0$"),
    Bad(lambda: ActorCritic(1, 1, 0), r"^ActorCritic: hidden must be positive, got 0$"),
)

CASES = [
    case(
        "returns",
        discounted_returns,
        torch_returns,
        numpy_returns,
        [
            Sample((R, D, 0.7, LAST)),
            Sample((R[:, 0], D[:, 0]), {}, "one episode after another"),
            Sample((R, D, 1.0, LAST), {}, "no discount"),
        ],
        hard=lambda: [Sample((R * 1e4 + 1e4, D, 0.9, LAST), {}, "rewards of mean 1e4")],
        degenerate=lambda: [Sample((R[:1], D[:1], 0.5, LAST), {}, "one step"), Sample((R, D, 0.0, LAST), {}, "gamma 0")],
        bad=BAD,
    ),
    case(
        "advantages",
        generalized_advantages,
        torch_advantages,
        numpy_advantages,
        [Sample((R, V, D, 0.8, 0.6)), Sample((R[:, 0], V[:, 0], D[:, 0]), {}, "defaults"), Sample((R, V, D, 1.0, 1.0), {}, "all rewards")],
        hard=lambda: [Sample((R, V * 1e4 + 1e4, D, 0.9, 0.5), {}, "values of mean 1e4")],
        degenerate=lambda: [Sample((R[:1], V[:2], D[:1], 0.5, 0.5), {}, "one step"), Sample((R, V, D, 0.9, 0.0), {}, "lambda 0")],
    ),
    case(
        "REINFORCE",
        reinforce_loss,
        torch_reinforce,
        numpy_reinforce,
        [Sample((LOGITS, ACTIONS, A, 0.7), {"baseline": rand(6, seed=7)}), Sample((LOGITS, ACTIONS, A), {}, "without a baseline")],
        gradcheck=0,  # a gradient by returns is withheld; the others are compared with the oracle's
        tolerance={torch.bfloat16: 8e-2, torch.float16: 2e-2},  # the sum is small beside its terms, which have both signs
        compiles="the scan and the loss are compiled in their own cases",
    ),
    case(
        "actor",
        policy_loss,
        lambda z, a, w: -(w.detach() * torch_log(z, a)).mean(),
        lambda z, a, w: -np.average(w * numpy_log(z, a)),
        [Sample((LOGITS, ACTIONS, A)), Sample((LOGITS.view(2, 3, 3), ACTIONS.view(2, 3), A.view(2, 3)), {}, "time and batch")],
        hard=lambda: [Sample((LOGITS * 1e3, ACTIONS, A), {}, "logits of 1000")],
        gradcheck=0,  # as above, by advantages
    ),
    case(
        "PPO",
        ppo_loss,
        torch_ppo,
        numpy_ppo,
        [Sample((LOGITS, ACTIONS, OLD, A)), Sample((LOGITS, ACTIONS, OLD, -2 * A, 0.35), {}, "wider, signs turned")],
        gradcheck=0,  # as above
        tolerance={torch.bfloat16: 8e-2, torch.float16: 1e-2},  # the mean is small beside its terms, which have both signs
    ),
    case(
        "entropy",
        entropy,
        lambda z: -(torch.softmax(z, -1) * torch.log(torch.softmax(z, -1))).sum(-1),
        lambda z: np.array([-sum(np.exp(v) / sum(np.exp(row)) * np.log(np.exp(v) / sum(np.exp(row))) for v in row) for row in z]),
        [Sample((LOGITS,))],
        degenerate=lambda: [Sample((LOGITS[:, :1],), {}, "one action")],
        compiles="three operators",
    ),
    Case(
        METHOD,
        "network",
        lambda: randomize(ActorCritic(3, 2, 4)),
        lambda: [Sample((randn(5, 3, seed=8),)), Sample((randn(2, 3, 3, seed=9),), {}, "time and batch")],
        (Oracle("products in torch", torch_network), Oracle("sums in NumPy", numpy_network, "numpy")),
    ),
]
