"""Cases of WGAN-GP; the NumPy oracle differentiates a small critic by complex steps, one coordinate at a time."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from refimpl.generative.wgan_gp import gradient_penalty, interpolate, wgan_gp_loss
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "wgan-gp"


class Penalized(nn.Module):
    """A loss with its critic, D(x) = v . tanh(W x + b) + c, whose gradient is known in closed form."""

    def __init__(self, size: int, loss, **options) -> None:
        super().__init__()
        self.hidden, self.score = nn.Linear(size, 4), nn.Linear(4, 1)
        self.loss, self.options = loss, options

    def critic(self, x: Tensor) -> Tensor:
        return self.score(self.hidden(x.flatten(1)).tanh())

    def forward(self, real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
        return self.loss(self.critic, real, fake, epsilon=epsilon, **self.options)


def closed_form(one_sided: bool, weight: float | None, p, real, fake, epsilon):
    """grad D = W^T (v (1 - tanh^2)); the penalty alone, or with the scores where there is a weight."""

    def hidden(x):
        return torch.tanh(x.reshape(len(x), -1) @ p["hidden.weight"].T + p["hidden.bias"])

    between = torch.stack([e * r + (1 - e) * f for e, r, f in zip(epsilon, real, fake, strict=True)])
    gradient = ((1 - hidden(between) ** 2) * p["score.weight"]) @ p["hidden.weight"]
    excess = (gradient * gradient).sum(1).sqrt() - 1
    penalty = (torch.where(excess > 0, excess, 0.0) if one_sided else excess).pow(2).mean()
    if weight is None:
        return penalty
    score = [(hidden(x) @ p["score.weight"][0] + p["score.bias"]).sum() / len(x) for x in (fake, real)]
    return score[0] - score[1] + weight * penalty


def complex_steps(one_sided: bool, weight: float | None, p, real, fake, epsilon):
    """grad D from Im D(x + i h) / h, which is exact to rounding; everything else is counted one example at a time."""

    def score(x):
        return np.tanh(p["hidden.weight"] @ x + p["hidden.bias"]) @ p["score.weight"][0] + p["score.bias"][0]

    total, difference, step = 0.0, 0.0, 1e-30
    for r, f, e in zip(real.reshape(len(real), -1), fake.reshape(len(fake), -1), epsilon, strict=True):
        between = e * r + (1 - e) * f
        slopes = [score(between + 1j * step * unit).imag / step for unit in np.eye(r.size)]
        norm = sum(s * s for s in slopes) ** 0.5
        total += (norm - 1) ** 2 if norm > 1 or not one_sided else 0.0
        difference += score(f) - score(r)
    return (difference / len(real) if weight is not None else 0.0) + (1.0 if weight is None else weight) * total / len(real)


def oracles(one_sided: bool = False, weight: float | None = None) -> tuple[Oracle, ...]:
    return (
        Oracle("the gradient of a tanh critic in closed form", lambda *a: closed_form(one_sided, weight, *a)),
        Oracle("the equations in NumPy, gradient by complex steps", lambda *a: complex_steps(one_sided, weight, *a), "numpy"),
    )


def sample(*shape: int, seed: int, name: str = "plain") -> Sample:
    """Real and generated examples and a share for each."""
    return Sample((randn(*shape, seed=seed), randn(*shape, seed=seed + 1) * 0.7 + 0.4, rand(shape[0], seed=seed + 2, low=0.0)), {}, name)


def case(name: str, loss, size: int, *samples: Sample, one_sided: bool = False, weight: float | None = None, **more) -> Case:
    options = {"one_sided": one_sided} | ({} if weight is None else {"weight": weight})
    return Case(
        METHOD,
        name,
        lambda: randomize(Penalized(size, loss, **options), scale=1.5),
        lambda: samples,
        oracles(one_sided, weight),
        gradcheck=2,
        tolerance={torch.bfloat16: 6e-2, torch.float16: 1e-2},  # a gradient's rounding counts for more in |grad D| - 1, which is small
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
        exports="torch.export does not trace a gradient that is taken inside the program",
        **more,
    )


X, Y, SHARE = randn(3, 2, seed=40), randn(3, 2, seed=41), torch.tensor([0.25, 0.5, 0.875], dtype=torch.float64)

BAD = (
    Bad(
        lambda: interpolate(X[:, 0], Y[:, 0]), r"interpolate: real must be floating point \(N, d1, ...\), got torch.float64 of shape \(3,\)"
    ),
    Bad(
        lambda: interpolate(X.long(), Y.long()),
        r"interpolate: real must be floating point \(N, d1, ...\), got torch.int64 of shape \(3, 2\)",
    ),
    Bad(
        lambda: interpolate(X, Y[:2]),
        r"interpolate: fake must be torch.float64 of shape \(3, 2\) like real, got torch.float64 of shape \(2, 2\)",
    ),
    Bad(lambda: interpolate(X, Y.float()), r"fake must be torch.float64 of shape \(3, 2\) like real, got torch.float32 of shape \(3, 2\)"),
    Bad(lambda: interpolate(X, Y, SHARE[:2]), r"interpolate: epsilon must have shape \(3,\), one number an example, got \(2,\)"),
    Bad(lambda: interpolate(X, Y, SHARE[:, None]), r"interpolate: epsilon must have shape \(3,\), one number an example, got \(3, 1\)"),
    Bad(
        lambda: gradient_penalty(lambda x: x, X, Y),
        r"gradient_penalty: critic must return one score an example, \(3,\) or \(3, 1\), got \(3, 2\)",
    ),
    Bad(lambda: gradient_penalty(lambda x: x.sum(), X, Y), r"critic must return one score an example, \(3,\) or \(3, 1\), got \(\)"),
    Bad(lambda: wgan_gp_loss(torch.sum, X, Y, -0.5), r"wgan_gp_loss: weight must be non-negative and finite, got -0.5"),
    Bad(lambda: wgan_gp_loss(torch.sum, X, Y, float("inf")), r"wgan_gp_loss: weight must be non-negative and finite, got inf"),
    Bad(lambda: wgan_gp_loss(torch.sum, X, Y, float("nan")), r"wgan_gp_loss: weight must be non-negative and finite, got nan"),
)


def numpy_interpolate(_, real, fake, epsilon):
    return np.stack([e * r + (1 - e) * f for r, f, e in zip(real, fake, epsilon, strict=True)])


CASES = [
    case(
        "penalty",
        gradient_penalty,
        3,
        sample(5, 3, seed=1),
        degenerate=lambda: [sample(1, 3, seed=4, name="one example")],
        hard=lambda: [
            Sample((X3 := randn(4, 3, seed=7), X3.clone(), rand(4, seed=8, low=0.0)), {}, "real equals generated"),
            Sample((torch.zeros(4, 3).double(), torch.zeros(4, 3).double(), torch.zeros(4).double()), {}, "all zero"),
        ],
        bad=BAD,
    ),
    case("penalty on images", gradient_penalty, 12, sample(3, 2, 2, 3, seed=11)),
    case("one-sided", gradient_penalty, 3, sample(7, 3, seed=14), one_sided=True),
    case("critic's objective", wgan_gp_loss, 3, sample(5, 3, seed=17), weight=3.5),
    case("critic's objective, one-sided", wgan_gp_loss, 3, sample(7, 3, seed=20), one_sided=True, weight=2.5),
    Case(
        METHOD,
        "interpolate",
        function(interpolate),
        lambda: [sample(4, 3, seed=23), sample(2, 3, 1, 2, seed=26, name="images")],
        (
            Oracle("e x + (1 - e) x~", lambda _, r, f, e: torch.einsum("n,n...->n...", e, r) + torch.einsum("n,n...->n...", 1 - e, f)),
            Oracle("the equations in NumPy, example by example", numpy_interpolate, "numpy"),
        ),
        degenerate=lambda: [sample(1, 1, seed=29, name="one number")],
        hard=lambda: [Sample((X * 1e4 + 1e4, Y, SHARE), {}, "mean 1e4")],
        gradcheck=2,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
    ),
]
