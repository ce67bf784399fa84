"""Cases of adversarial training on embeddings: a tanh classifier whose gradients are written out, in torch and in NumPy."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.recurrent.adversarial_text import (
    TextClassifier,
    adversarial_loss,
    adversarial_perturbation,
    normalize_embeddings,
    virtual_adversarial_loss,
    virtual_adversarial_perturbation,
)
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "adversarial-text"


class Attacked(nn.Module):
    """A perturbation or loss with the classifier it is made on, W2 tanh(W1 s + b1) + b2 with 3 classes of texts (4, 2)."""

    def __init__(self, attack) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(8, 5), nn.Linear(5, 3)
        self.attack = attack

    def classify(self, s: Tensor) -> Tensor:
        return self.out(self.hidden(s.flatten(1)).tanh())

    def forward(self, s: Tensor, *labels: Tensor) -> Tensor:
        return self.attack(self.classify, s, *labels)


def answers(m, p, s):
    """Hidden units and probabilities; ``m`` is torch or numpy."""
    h = m.tanh(s.reshape(len(s), -1) @ p["hidden.weight"].T + p["hidden.bias"])
    powers = m.exp(h @ p["out.weight"].T + p["out.bias"])
    return h, powers / powers.sum(1, keepdims=True)


def pulled_back(p, s, h, d_logits):
    """From the gradient by the logits to that by the texts."""
    return (((d_logits @ p["out.weight"]) * (1 - h**2)) @ p["hidden.weight"]).reshape(s.shape)


def of_length(epsilon, g):
    return epsilon * g / ((g**2).sum((1, 2)) ** 0.5)[:, None, None]


def moved(m, epsilon, p, s, labels):
    """The loss -ln p_y has the gradient p - onehot(y) by the logits."""
    h, q = answers(m, p, s)
    return of_length(epsilon, pulled_back(p, s, h, q - m.eye(3)[labels]))


def moved_virtually(m, epsilon, xi, steps, p, s, direction):
    """KL[a || q] has the gradient q - a by the logits of q."""
    _, a = answers(m, p, s)
    u = of_length(1.0, direction)
    for _ in range(steps):
        h, q = answers(m, p, s + xi * u)
        u = of_length(1.0, pulled_back(p, s, h, q - a))
    return epsilon * u


def frozen(p):
    return {k: v.detach() for k, v in p.items()}


def torch_loss(epsilon, p, s, labels):
    r = moved(torch, epsilon, frozen(p), s.detach(), labels)
    return -torch.log(answers(torch, p, s + r)[1][range(len(s)), labels]).mean()


def torch_virtual_loss(options, p, s, direction):
    fixed, held = frozen(p), s.detach()
    r = moved_virtually(torch, *options, fixed, held, direction.detach())
    a, q = answers(torch, fixed, held)[1], answers(torch, p, s + r)[1]
    return (a * (a / q).log()).sum(1).mean()


def numpy_virtual_loss(options, p, s, direction):
    r = moved_virtually(np, *options, p, s, direction)
    a, q = answers(np, p, s)[1], answers(np, p, s + r)[1]
    return (a * np.log(a / q)).sum(1).mean()


def virtual(model, s, direction):
    return virtual_adversarial_loss(model, s, *OPTIONS, direction=direction.detach())


def normalized(p, weight, frequencies):
    return torch.stack([(v - (frequencies * v).sum() / frequencies.sum()) for v in weight.T], 1) / torch.stack(
        [torch.sqrt((frequencies / frequencies.sum() * (v - (frequencies * v).sum() / frequencies.sum()) ** 2).sum()) for v in weight.T]
    )


def normalized_in_numpy(p, weight, frequencies):
    y = np.zeros(weight.shape)
    for d in range(weight.shape[1]):
        mean = np.average(weight[:, d], weights=frequencies)
        y[:, d] = (weight[:, d] - mean) / np.sqrt(np.average((weight[:, d] - mean) ** 2, weights=frequencies))
    return y


def classified(p, words):
    weight, kinds = normalized(p, p["embedding.weight"], p["frequencies"]), ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    flat = [p[f"lstm.{kind}"] for kind in kinds]
    zeros = [weight.new_zeros(1, len(words), flat[1].shape[1])] * 2
    y, _, _ = torch.lstm(weight[words], zeros, flat, True, 1, 0.0, False, False, True)
    return F.linear(y[:, -1], p["output.weight"], p["output.bias"])


S, LABELS = randn(3, 4, 2, seed=1), torch.tensor([2, 0, 1])
WEIGHT, COUNTS = randn(5, 3, seed=2), rand(5, seed=3, low=0.5, high=4.0)
OPTIONS = (1.3, 0.4, 2)  # epsilon, xi, steps
WORDS = torch.tensor([[0, 4, 1], [2, 2, 3]])
GRADIENT = "it takes a gradient inside, by torch.autograd.grad"
Z = torch.zeros
SHORT = {torch.bfloat16: 0.1}  # the gradient is a difference of probabilities, which cancels, and is then made long again


def attacked(name, attack, sample, oracles, **more):
    options = {"compiles": GRADIENT, "exports": GRADIENT, "tolerance": SHORT} | more
    return Case(METHOD, name, lambda: randomize(Attacked(attack)), lambda: [sample], oracles, **options)


def bad(call, match):
    return Bad(call, match)


CLASSIFY = Attacked(None).double().classify
BAD = (
    bad(
        lambda: normalize_embeddings(WEIGHT, COUNTS[:2]),
        r"^normalize_embeddings: expected weight \(V, D\) and frequencies \(V,\), got \(5, 3\) and \(2,\)$",
    ),
    bad(lambda: normalize_embeddings(COUNTS, COUNTS), r"got \(5,\) and \(5,\)$"),
    *(
        bad(
            lambda f=f, more=more: f(CLASSIFY, S[0], *more),
            rf"^{name}: embedded must be floating point \(B, T, D\), got torch.float64 of shape \(4, 2\)$",
        )
        for f, name, more in (
            (adversarial_perturbation, "adversarial_perturbation", (LABELS,)),
            (virtual_adversarial_perturbation, "virtual_adversarial_perturbation", ()),
        )
    ),
    bad(lambda: adversarial_loss(CLASSIFY, S.long(), LABELS), r"must be floating point \(B, T, D\), got torch.int64 of shape \(3, 4, 2\)$"),
    bad(lambda: adversarial_perturbation(CLASSIFY, S, LABELS, -1.0), r"epsilon must be non-negative and finite, got -1.0$"),
    bad(lambda: virtual_adversarial_loss(CLASSIFY, S, float("inf")), r"epsilon must be non-negative and finite, got inf$"),
    bad(lambda: virtual_adversarial_loss(CLASSIFY, S, xi=0.0), r"xi must be positive and finite, got 0.0$"),
    bad(lambda: virtual_adversarial_loss(CLASSIFY, S, xi=float("inf")), r"xi must be positive and finite, got inf$"),
    bad(lambda: virtual_adversarial_loss(CLASSIFY, S, steps=0), r"steps must be positive, got 0$"),
    bad(lambda: virtual_adversarial_loss(CLASSIFY, S, direction=S[0]), r"direction must have shape \(3, 4, 2\), got \(4, 2\)$"),
)

CASES = [
    Case(
        METHOD,
        "normalized embeddings",
        function(normalize_embeddings),
        lambda: [
            Sample((WEIGHT, COUNTS)),
            Sample((WEIGHT + 7, COUNTS / COUNTS.sum()), name="frequencies that sum to one"),
            Sample((WEIGHT, torch.tensor([3, 1, 4, 1, 7])), name="counts, whose shares every dtype holds"),
        ],
        (Oracle("sums column by column", normalized), Oracle("numpy.average", normalized_in_numpy, "numpy")),
        gradcheck=2,
        hard=lambda: [Sample((WEIGHT + 1e4, COUNTS), name="mean 1e4")],
        hard_tolerance=2e-3,  # numbers of 1e4 are known to 1e-3 in float32
        bad=BAD,
        tolerance={torch.bfloat16: 4e-2},  # the mean is rounded before it is taken away
    ),
    attacked(
        "perturbation",
        partial(adversarial_perturbation, epsilon=1.3),
        Sample((S, LABELS)),
        (
            Oracle("gradient written out", lambda p, s, y: moved(torch, 1.3, frozen(p), s.detach(), y)),
            Oracle("gradient written out in NumPy", partial(moved, np, 1.3), "numpy"),
        ),
        gradcheck=0,  # it is a constant to its caller
    ),
    attacked(
        "loss",
        partial(adversarial_loss, epsilon=1.3),
        Sample((S, LABELS)),
        (Oracle("gradient written out, the change held constant", partial(torch_loss, 1.3)),),
        gradcheck=0,  # numerical gradients would move the change, which is held constant
    ),
    attacked(
        "virtual loss",
        virtual,
        Sample((S, randn(3, 4, 2, seed=4))),
        (
            Oracle("gradient written out, the change held constant", partial(torch_virtual_loss, OPTIONS)),
            Oracle("divergence in NumPy", partial(numpy_virtual_loss, OPTIONS), "numpy"),
        ),
        gradcheck=0,  # numerical gradients would move the change, which is held constant
        dtypes=(torch.float64, torch.float32),  # in bfloat16 the divergence of nearby answers is rounding alone
    ),
    Case(
        METHOD,
        "classifier",
        lambda: randomize(TextClassifier(COUNTS, 3, 4, 2)),
        lambda: [Sample((WORDS,))],
        (Oracle("torch.lstm on normalized embeddings", classified),),
        tolerance={torch.bfloat16: 6e-2},  # normalization and three steps, each rounded
        compiles="its LSTM is compiled in its own cases",
        exports="its LSTM is exported in its own cases",
    ),
]
