"""Cases of learning without backpropagation: the losses of the layers and their gradients, random feedback, spike timing."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.biology.target_propagation import DifferenceTargetPropagation, FeedbackLinear, stdp_rate, stdp_window
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn, randomize

METHOD = "target-propagation"
SIZES, STEP, NOISE = (3, 5, 4, 2, 6), 0.7, 0.3
X, CLASSES = randn(4, 3, seed=1), torch.tensor([5, 0, 2, 3])


class Losses(DifferenceTargetPropagation):
    def forward(self, x):
        return self.losses(x, CLASSES[: len(x)].to(x.device)) if self.training else super().forward(x)


def affine(p, name, h):
    return h @ p[f"{name}.weight"].T + p[f"{name}.bias"]


def by_autograd(p, x):
    """Every loss on leaves of its own; the slope at the top by autograd, one example at a time."""
    h = [x.detach()]
    for layer in range(3):
        h.append(torch.tanh(affine(p, f"layers.{layer}", h[-1].detach())))
    top = h[3].detach().requires_grad_()
    classes = CLASSES[: len(x)]
    each = F.cross_entropy(affine(p, "layers.3", top), classes, reduction="sum")
    targets = {3: top.detach() - STEP * torch.autograd.grad(each, top, retain_graph=True)[0]}
    for upper in (3, 2):
        g = [torch.tanh(affine(p, f"inverses.{upper - 2}", v)).detach() for v in (targets[upper], h[upper].detach())]
        targets[upper - 1] = h[upper - 1].detach() + g[0] - g[1]
    layers = sum(((h[k] - targets[k]) ** 2).sum() / len(x) for k in (1, 2, 3))
    inverses = 0.0
    for lower in (1, 2):
        near = h[lower].detach() + NOISE * torch.randn_like(h[lower])
        code = torch.tanh(affine(p, f"layers.{lower}", near)).detach()
        inverses = inverses + ((torch.tanh(affine(p, f"inverses.{lower - 1}", code)) - near) ** 2).sum() / len(x)
    return each / len(x), layers, inverses


def in_numpy(p, x):
    """The same values, one example and layer at a time; the noise is that of the seed."""
    torch.manual_seed(20_024)
    noise = {lower: NOISE * torch.randn(len(x), SIZES[lower], dtype=torch.float64).numpy() for lower in (1, 2)}
    output = layers = inverses = 0.0

    def run(kind, k, h):
        return np.tanh(p[f"{kind}.{k}.weight"] @ h + p[f"{kind}.{k}.bias"])

    for n, h in enumerate(x):
        states = [h]
        for k in range(3):
            states.append(run("layers", k, states[-1]))
        z = p["layers.3.weight"] @ states[3] + p["layers.3.bias"]
        probability = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
        output -= math.log(probability[CLASSES[n]]) / len(x)
        t = states[3] - STEP * p["layers.3.weight"].T @ (probability - np.eye(6)[CLASSES[n]])
        for k in (3, 2, 1):
            layers += ((states[k] - t) ** 2).sum() / len(x)
            if k > 1:
                t = states[k - 1] + run("inverses", k - 2, t) - run("inverses", k - 2, states[k])
        for k in (1, 2):
            near = states[k] + noise[k][n]
            inverses += ((run("inverses", k - 1, run("layers", k, near)) - near) ** 2).sum() / len(x)
    return np.array(output), np.array(layers), np.array(inverses)


def plain(p, x):
    for layer in range(3):
        x = torch.tanh(affine(p, f"layers.{layer}", x))
    return affine(p, "layers.3", x)


def feedback(p, x):
    """The forward pass sees x as a constant; beside it stands a term of value zero whose slope is the feedback."""
    return F.linear(x.detach(), p["weight"], p.get("bias")) + (x - x.detach()) @ p["feedback"].T


def window_by_hand(_, dt, a_plus=1.0, a_minus=1.0, tau_plus=20.0, tau_minus=20.0):
    change = np.zeros_like(dt)
    for i in np.ndindex(dt.shape):
        if dt[i] > 0:
            change[i] = a_plus * math.exp(-dt[i] / tau_plus)
        elif dt[i] < 0:
            change[i] = -a_minus * math.exp(dt[i] / tau_minus)
    return change


def rate_by_hand(_, s, v, dt=1.0):
    change = np.zeros((s.shape[1], v.shape[1]))
    for t in range(len(s) - 1):
        for i, j in np.ndindex(change.shape):
            change[i, j] += s[t, i] * (v[t + 1, j] - v[t, j]) / dt / (len(s) - 1)
    return change


def window_in_torch(_, dt, a_plus=1.0, a_minus=1.0, tau_plus=20.0, tau_minus=20.0):
    before, after = (dt < 0).to(dt.dtype), (dt > 0).to(dt.dtype)
    return after * a_plus * torch.exp(-dt.clamp_min(0) / tau_plus) - before * a_minus * torch.exp(dt.clamp_max(0) / tau_minus)


TIMES = torch.tensor([-50.0, -3.0, -0.1, 0.2, 4.0, 70.0], dtype=torch.float64)
SHAPE = {"a_plus": 0.8, "a_minus": 1.3, "tau_plus": 17.0, "tau_minus": 34.0}
NAME = "DifferenceTargetPropagation"
BAD = (
    Bad(lambda: DifferenceTargetPropagation((3, 2)), rf"^{NAME}: sizes must be 3 or more positive numbers, got \(3, 2\)$"),
    Bad(lambda: DifferenceTargetPropagation((3, 0, 2)), rf"^{NAME}: sizes must be 3 or more positive numbers, got \(3, 0, 2\)$"),
    Bad(lambda: DifferenceTargetPropagation((3, 3, 2), 0.0), rf"^{NAME}: step must be positive and noise non-negative, got 0.0 and 0.1$"),
    Bad(lambda: DifferenceTargetPropagation((3, 3, 2), 1.0, -0.1), rf"^{NAME}: step must be .*, got 1.0 and -0.1$"),
    Bad(lambda: stdp_window(TIMES, tau_plus=0.0), r"^stdp_window: time constants must be positive, got 0.0 and 20.0$"),
    Bad(lambda: stdp_window(TIMES, tau_minus=0.0), r"^stdp_window: time constants must be positive, got 20.0 and 0.0$"),
    Bad(lambda: stdp_rate(X, X[:3]), r"^stdp_rate: expected activity .* got \(4, 3\) and \(3, 3\)$"),
    Bad(lambda: stdp_rate(X[0], X), r"^stdp_rate: .* got \(3,\) and \(4, 3\)$"),
    Bad(lambda: stdp_rate(X, X[0]), r"^stdp_rate: .* got \(4, 3\) and \(3,\)$"),
    Bad(lambda: stdp_rate(X[:, 0], X), r"^stdp_rate: .* got \(4,\) and \(4, 3\)$"),
    Bad(lambda: stdp_rate(X, X[:, 0]), r"^stdp_rate: .* got \(4, 3\) and \(4,\)$"),
    Bad(lambda: stdp_rate(X[:1], X[:1]), r"^stdp_rate: .* got \(1, 3\) and \(1, 3\)$"),
)

CASES = [
    Case(
        METHOD,
        "losses of the layers",
        lambda: randomize(Losses(SIZES, STEP, NOISE)),
        lambda: [Sample((X,)), Sample((X[:1],), name="one example")],
        (Oracle("autograd on leaves of their own, same noise", by_autograd), Oracle("layer by layer in NumPy", in_numpy, "numpy")),
        dtypes=(torch.float64,),  # other types draw other noise
        gradcheck=0,  # targets are constants of the losses, so that gradients are not those of the whole
        seeded=True,
        compiles="seconds of tracing for linear layers, whose scores are compiled below",
        bad=BAD,
    ),
    Case(
        METHOD,
        "class scores",
        lambda: randomize(Losses(SIZES)),
        lambda: [Sample((X,))],
        (Oracle("layer by layer in torch", plain),),
        training=False,
    ),
    *(
        Case(
            METHOD,
            name,
            lambda options=options: randomize(FeedbackLinear(5, 3, **options)),
            lambda: [Sample((randn(4, 5, seed=2),)), Sample((randn(2, 3, 5, seed=3),), name="3D"), Sample((randn(5, seed=4),), name="1D")],
            (Oracle("a term of value zero with the slope of the feedback", feedback),),
            degenerate=lambda: [Sample((randn(0, 5, seed=5),), name="no example")],
            gradcheck=0,  # the point of it is another gradient
        )
        for name, options in (("random feedback", {}), ("random feedback, no bias", {"bias": False}))
    ),
    Case(
        METHOD,
        "spike timing",
        function(stdp_window, **SHAPE),
        lambda: [Sample((TIMES,))],
        (
            Oracle("both sides added in torch", lambda *a: window_in_torch(*a, **SHAPE)),
            Oracle("pair by pair in NumPy", lambda *a: window_by_hand(*a, **SHAPE), "numpy"),
        ),
        hard=lambda: [Sample((1e4 * TIMES,), name="far apart")],
    ),
    Case(
        METHOD,
        "rates",
        function(stdp_rate),
        lambda: [Sample((randn(6, 3, seed=6), randn(6, 4, seed=7)), {"dt": 0.2}), Sample((randn(6, 3, seed=6), randn(6, 4, seed=7)))],
        (
            Oracle("einsum in torch", lambda _, s, v, dt=1.0: torch.einsum("ti,tj->ij", s[:-1], v[1:] - v[:-1]) / dt / (len(s) - 1)),
            Oracle("step by step in NumPy", rate_by_hand, "numpy"),
        ),
        degenerate=lambda: [Sample((randn(2, 1, seed=8), randn(2, 1, seed=9)), name="two steps")],
    ),
]
