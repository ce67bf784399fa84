"""Cases of the fast gradient sign method, on a small tanh classifier whose gradient is written out or taken by complex steps."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from refimpl.generative.fgsm import adversarial_loss, fgsm, pgd
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, rand, randn, randomize

METHOD = "fgsm"


class Attacked(nn.Module):
    """An attack with the classifier it is made on, W2 tanh(W1 x + b1) + b2 with 3 classes."""

    def __init__(self, attack, size: int = 4) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(size, 5), nn.Linear(5, 3)
        self.attack = attack

    def classify(self, x: Tensor) -> Tensor:
        return self.out(self.hidden(x.flatten(1)).tanh())

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.attack(self.classify, x, y)


def cross_entropy(logits, y):
    """Mean of log sum exp minus the label's logit, from single numbers."""
    return sum(logits[i].exp().sum().log() - logits[i, label] for i, label in enumerate(y)) / len(y)


def logits_of(p, x):
    return torch.tanh(x.reshape(len(x), -1) @ p["hidden.weight"].T + p["hidden.bias"]) @ p["out.weight"].T + p["out.bias"]


def written_out(p, x, y):
    """grad_x J by the chain rule: (softmax - one-hot) W2 (1 - tanh^2) W1."""
    p = {k: v.detach() for k, v in p.items()}
    flat = x.detach().reshape(len(x), -1)
    h = torch.tanh(flat @ p["hidden.weight"].T + p["hidden.bias"])
    slope = torch.softmax(h @ p["out.weight"].T + p["out.bias"], 1) - torch.eye(3, dtype=x.dtype)[y]
    return (((slope @ p["out.weight"]) * (1 - h**2)) @ p["hidden.weight"]).reshape(x.shape)


def torch_attack(p, x, y, epsilon, step, steps, low=-np.inf, high=np.inf):
    """The steps with minimum and maximum in place of a clamp."""
    z = x
    for _ in range(steps):
        z = z + step * torch.sign(written_out(p, z, y))
        z = torch.minimum(torch.maximum(torch.minimum(torch.maximum(z, x - epsilon), x + epsilon), torch.tensor(low)), torch.tensor(high))
    return z


def numpy_slopes(p, x, y):
    """Partial derivatives of one example's loss by complex steps."""

    def loss(z):
        logits = p["out.weight"] @ np.tanh(p["hidden.weight"] @ z + p["hidden.bias"]) + p["out.bias"]
        return np.log(np.exp(logits).sum()) - logits[y]

    return np.array([loss(x + 1e-30j * unit).imag for unit in np.eye(x.size)])


def numpy_attack(p, x, y, epsilon, step, steps, low=-np.inf, high=np.inf):
    out = []
    for example, label in zip(x.reshape(len(x), -1), y, strict=True):
        z = example.copy()
        for _ in range(steps):
            for i, slope in enumerate(numpy_slopes(p, z, label)):
                z[i] += step if slope > 0 else -step if slope < 0 else 0.0
            for i, start in enumerate(example):
                z[i] = min(max(z[i], start - epsilon, low), start + epsilon, high)
        out.append(z)
    return np.array(out).reshape(x.shape)


def numpy_cross_entropy(p, x, y):
    logits = [p["out.weight"] @ np.tanh(p["hidden.weight"] @ z + p["hidden.bias"]) + p["out.bias"] for z in x.reshape(len(x), -1)]
    return np.mean([np.log(np.exp(v).sum()) - v[label] for v, label in zip(logits, y, strict=True)])


def torch_objective(p, x, y, epsilon, alpha):
    there = torch_attack(p, x, y, epsilon, epsilon, 1)
    return alpha * cross_entropy(logits_of(p, x), y) + (1 - alpha) * cross_entropy(logits_of(p, there), y)


def numpy_objective(p, x, y, epsilon, alpha):
    there = numpy_attack(p, x, y, epsilon, epsilon, 1)
    return alpha * numpy_cross_entropy(p, x, y) + (1 - alpha) * numpy_cross_entropy(p, there, y)


LABELS = torch.tensor([2, 0, 1])
X = rand(3, 4, seed=1, low=0.1, high=0.9)
COMPILES = "torch.compile does not follow torch.autograd.grad inside the function"
EXPORTS = "torch.export does not trace a gradient that is taken inside the program"


def case(name, attack, torch_call, numpy_call, *samples, size=4, **more):
    return Case(
        METHOD,
        name,
        lambda: randomize(Attacked(attack, size)),
        lambda: samples or [Sample((X, LABELS))],
        (
            Oracle("the gradient of a tanh classifier by the chain rule", torch_call),
            Oracle("the equations in NumPy, gradient by complex steps", numpy_call, "numpy"),
        ),
        compiles=COMPILES,
        exports=EXPORTS,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
        **more,
    )


def attack_case(name, attack, *numbers, samples=(), size=4, **more):
    return case(
        name,
        attack,
        lambda p, x, y: torch_attack(p, x, y, *numbers),
        lambda p, x, y: numpy_attack(p, x, y, *numbers),
        *samples,
        size=size,
        **more,
    )


BAD = (
    Bad(lambda: fgsm(nn.Identity(), LABELS, LABELS, 0.1), r"^fgsm: x must be floating point, got torch.int64$"),
    Bad(lambda: pgd(nn.Identity(), LABELS, LABELS, 0.1, 0.1, 1), r"^pgd: x must be floating point, got torch.int64$"),
    Bad(lambda: fgsm(nn.Identity(), X, LABELS, -0.1), r"^fgsm: epsilon must be non-negative and finite, got -0.1$"),
    Bad(lambda: pgd(nn.Identity(), X, LABELS, float("inf"), 0.1, 1), r"^pgd: epsilon must be non-negative and finite, got inf$"),
    Bad(lambda: fgsm(nn.Identity(), X, LABELS, 0.1, bounds=(1.0, 1.0)), r"^fgsm: bounds must be \(smallest, largest\), got \(1.0, 1.0\)$"),
    Bad(lambda: pgd(nn.Identity(), X, LABELS, 0.1, -0.5, 1), r"^pgd: step_size must be non-negative and finite, got -0.5$"),
    Bad(lambda: pgd(nn.Identity(), X, LABELS, 0.1, float("inf"), 1), r"^pgd: step_size must be non-negative and finite, got inf$"),
    Bad(lambda: pgd(nn.Identity(), X, LABELS, 0.1, 0.1, 0), r"^pgd: steps must be positive, got 0$"),
    Bad(lambda: adversarial_loss(nn.Identity(), X, LABELS, 0.1, 1.5), r"^adversarial_loss: alpha must lie in \[0, 1\], got 1.5$"),
    Bad(lambda: adversarial_loss(nn.Identity(), X, LABELS, 0.1, -0.5), r"^adversarial_loss: alpha must lie in \[0, 1\], got -0.5$"),
)

CASES = [
    attack_case(
        "one step",
        partial(fgsm, epsilon=0.125),
        0.125,
        0.125,
        1,
        samples=[Sample((X, LABELS))],
        hard=lambda: [Sample((randn(3, 4, seed=5) * 1e4, LABELS), {}, "saturated: slope zero")],
        degenerate=lambda: [Sample((X[:1], LABELS[:1]), {}, "one example")],
        bad=BAD,
    ),
    attack_case(
        "one step within bounds, images",
        partial(fgsm, epsilon=0.25, bounds=(0.125, 0.75)),
        0.25,
        0.25,
        1,
        0.125,
        0.75,
        samples=[Sample((rand(3, 1, 2, 3, seed=2, low=0.2, high=0.7), LABELS))],
        size=6,
    ),
    attack_case(
        "five steps within bounds",
        partial(pgd, epsilon=0.25, step_size=0.09375, steps=5, random_start=False, bounds=(0.1875, 0.8125)),
        0.25,
        0.09375,
        5,
        0.1875,
        0.8125,
        samples=[Sample((rand(3, 4, seed=3, low=0.2, high=0.8), LABELS))],
    ),
    attack_case("three steps", partial(pgd, epsilon=0.25, step_size=0.0625, steps=3, random_start=False), 0.25, 0.0625, 3),
    case(
        "objective",
        partial(adversarial_loss, epsilon=0.125, alpha=0.375),
        partial(torch_objective, epsilon=0.125, alpha=0.375),
        partial(numpy_objective, epsilon=0.125, alpha=0.375),
    ),
]
