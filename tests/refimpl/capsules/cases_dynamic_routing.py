"""Cases of capsules: the paper's procedure loop by loop, in torch and in NumPy."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.capsules.dynamic_routing import CapsNet, PrimaryCapsules, RoutingCapsules, margin_loss, route, squash
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "dynamic-routing"


def squashed(_, s, dim=-1):
    """The formula as printed; ``s`` must not be zero."""
    square = (s**2).sum(dim, keepdim=True) if isinstance(s, torch.Tensor) else (s**2).sum(dim, keepdims=True)
    return square / (1 + square) * s / square**0.5


def routed(stack, softmax, _, predictions, iterations=3):
    """Procedure 1, capsule by capsule."""
    outputs, found = [], []
    for example in predictions:
        lower, higher, _ = example.shape
        b = [[0.0 * example[0, 0, 0] for _ in range(higher)] for _ in range(lower)]
        for _ in range(iterations):
            c = [softmax(row) for row in b]
            v = [squashed(None, sum(c[i][j] * example[i, j] for i in range(lower))) for j in range(higher)]
            b = [[b[i][j] + (example[i, j] * v[j]).sum() for j in range(higher)] for i in range(lower)]
        outputs.append(stack(v))
        found.append(stack([stack(row) for row in c]))
    return stack(outputs), stack(found)


def torch_softmax(row):
    return list(torch.softmax(torch.stack(row), 0))


def numpy_softmax(row):
    return list(np.exp(row) / np.exp(row).sum())


in_torch, in_numpy = partial(routed, torch.stack, torch_softmax), partial(routed, np.stack, numpy_softmax)


def predicted(p, x, iterations):
    return in_torch(None, torch.einsum("ijdk,bik->bijd", p["weight"], x), iterations)[0]


def predicted_in_numpy(p, x, iterations):
    w = p["weight"]
    predictions = np.array([[[w[i, j] @ u[i] for j in range(w.shape[1])] for i in range(len(w))] for u in x])
    return in_numpy(None, predictions, iterations)[0]


def primary(p, x):
    a = F.conv2d(x, p["conv.weight"], p["conv.bias"], 2)
    vectors = [a[:, 3 * k : 3 * k + 3, i, j] for k in range(a.shape[1] // 3) for i in range(a.shape[2]) for j in range(a.shape[3])]
    return torch.stack([squashed(None, v) for v in vectors], 1)


def network(p, x):
    features = F.conv2d(x, p["conv.weight"], p["conv.bias"]).relu()
    lower = primary({name.removeprefix("primary."): value for name, value in p.items() if name.startswith("primary.")}, features)
    return predicted({"weight": p["classes.weight"]}, lower, 2)


def margin(p, lengths, target, m_plus=0.9, m_minus=0.1, down_weight=0.5, reduction="mean"):
    """Class by class."""
    losses = []
    for b, row in enumerate(lengths):
        total = 0.0
        for k, length in enumerate(row):
            present = float(target[b] == k) if target.ndim == 1 else target[b, k]
            above, below = m_plus - length, length - m_minus
            total = (
                total
                + present * (above**2 if above > 0 else 0 * length)
                + down_weight * (1 - present) * (below**2 if below > 0 else 0 * length)
            )
        losses.append(total)
    stacked = torch.stack(losses) if isinstance(lengths, torch.Tensor) else np.array(losses)
    return stacked if reduction == "none" else stacked.mean() if reduction == "mean" else stacked.sum()


U, S = randn(2, 3, 2, 4, seed=1), randn(3, 5, seed=2)
LENGTHS, CLASSES = rand(3, 4, seed=3, low=0.0), torch.tensor([2, 0, 3])
SEVERAL = torch.tensor([[1.0, 0, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0]]).double()
ODD = {"m_plus": 0.7, "m_minus": 0.2, "down_weight": 0.3}
Z = torch.zeros
PARTS = "its capsules are compiled in their own cases"


def tiny():
    return CapsNet(8, 2, 3, 4, 3, 2, 3, 4, (5, 6), 2)


BAD = (
    Bad(lambda: route(Z(2, 3, 4)), r"^route: predictions must have shape \(B, I, J, D\), got \(2, 3, 4\)$"),
    Bad(lambda: route(Z(2, 3, 4, 5), 0), r"^route: iterations must be positive, got 0$"),
    Bad(
        lambda: margin_loss(Z(3), CLASSES), r"^margin_loss: expected lengths \(B, J\) and target \(B,\) or \(B, J\), got \(3,\) and \(3,\)$"
    ),
    Bad(lambda: margin_loss(Z(2, 3), CLASSES), r"got \(2, 3\) and \(3,\)$"),
    Bad(lambda: margin_loss(Z(3, 3), CLASSES, reduction="max"), r"^margin_loss: reduction must be none, mean or sum, got 'max'$"),
    *(
        Bad(partial(RoutingCapsules, *(0 if k == j else 2 for k in range(5))), rf"^RoutingCapsules: {name} must be positive, got 0$")
        for j, name in enumerate(("in_capsules", "out_capsules", "in_dim", "out_dim", "iterations"))
    ),
    Bad(lambda: RoutingCapsules(3, 2, 4, 5)(Z(2, 3, 5)), r"^RoutingCapsules: input must have shape \(B, 3, 4\), got \(2, 3, 5\)$"),
    Bad(lambda: RoutingCapsules(3, 2, 4, 5)(Z(3, 4)), r"^RoutingCapsules: input must have shape \(B, 3, 4\), got \(3, 4\)$"),
    Bad(lambda: CapsNet(16), r"^CapsNet: image_size must be at least 17 for a kernel of 9, got 16$"),
)

CASES = [
    Case(
        METHOD,
        "squash",
        function(squash),
        lambda: [Sample((S,)), Sample((U,), {"dim": 1})],
        (Oracle("the formula as printed", squashed), Oracle("the formula as printed, NumPy", squashed, "numpy")),
        gradcheck=2,
        hard=lambda: [Sample((S * 1e4,), name="long"), Sample((S * 1e-6,), name="short")],
    ),
    Case(
        METHOD,
        "routing",
        function(route),
        lambda: [Sample((U,)), Sample((2 * U, 1)), Sample((randn(1, 4, 3, 2, seed=4), 5), name="five iterations")],
        (Oracle("procedure 1, capsule by capsule, by autograd", in_torch), Oracle("procedure 1 in NumPy", in_numpy, "numpy")),
        degenerate=lambda: [Sample((U[:1, :1, :1],), name="one capsule below and above")],
        bad=BAD,
        tolerance={torch.bfloat16: 6e-2},  # agreements are rounded and then raised to powers of e
    ),
    Case(
        METHOD,
        "layer",
        lambda: randomize(RoutingCapsules(3, 2, 4, 5, 2)),
        lambda: [Sample((randn(2, 3, 4, seed=5),))],
        (
            Oracle("procedure 1, capsule by capsule, by autograd", partial(predicted, iterations=2)),
            Oracle("procedure 1 in NumPy", partial(predicted_in_numpy, iterations=2), "numpy"),
        ),
        tolerance={torch.bfloat16: 6e-2},
    ),
    Case(
        METHOD,
        "primary capsules",
        lambda: randomize(PrimaryCapsules(2, 2, 3, 3)),
        lambda: [Sample((randn(2, 2, 7, 5, seed=6),))],
        (Oracle("torch.nn.functional.conv2d, vector by vector", primary),),
    ),
    Case(
        METHOD,
        "network",
        lambda: randomize(tiny(), scale=0.5),
        lambda: [Sample((randn(2, 2, 8, 8, seed=7),))],
        (Oracle("convolutions of torch, procedure 1", network),),
        gradcheck=0,  # seven hundred parameters; its layers are checked numerically in their own cases
        tolerance={torch.bfloat16: 8e-2},
        compiles=PARTS,
        exports=PARTS,
    ),
    *(
        Case(
            METHOD,
            f"margin loss, {name}",
            function(margin_loss, **options),
            lambda target=target: [Sample((LENGTHS, target))],
            (Oracle("class by class", partial(margin, **options)), Oracle("class by class in NumPy", partial(margin, **options), "numpy")),
            compiles="compiled with the default options" if options else True,
        )
        for name, target, options in (
            ("one class", CLASSES, {}),
            ("several classes, other margins", SEVERAL, ODD | {"reduction": "none"}),
            ("sum", CLASSES, ODD | {"reduction": "sum"}),
        )
    ),
]
