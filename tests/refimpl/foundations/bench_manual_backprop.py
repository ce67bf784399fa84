"""Loss and gradients by hand beside autograd on the same network."""

from __future__ import annotations

import torch

from refimpl.foundations.manual_backprop import loss_and_gradients
from tests.refimpl.foundations.cases_manual_backprop import METHOD, autograd, layers
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn

SIZES = (256, 512, 512, 10)


def sample():
    weights, biases = layers(*SIZES, seed=1)
    return randn(128, 256, seed=0), torch.arange(128) % 10, *[w * 0.05 for w in weights], *biases


def on_lists(call):
    depth = len(SIZES) - 1

    def flat(x, target, *parameters):
        return call(x, target, list(parameters[:depth]), list(parameters[depth:]))

    return flat


def theirs(x, target, weights, biases):
    with torch.enable_grad():
        leaves = [t.detach().requires_grad_() for t in (x, *weights, *biases)]
        loss, *gradients = autograd(None, leaves[0], target, leaves[1 : 1 + len(weights)], leaves[1 + len(weights) :], "tanh")
    return [t.detach() for t in (loss, *gradients)]


BENCHES = [
    Bench(
        METHOD,
        f"{'-'.join(map(str, SIZES))}, tanh, 128 rows, loss and gradients",
        lambda: on_lists(lambda *a: loss_and_gradients(*a, "tanh")),
        {"torch.autograd.grad": lambda: on_lists(theirs)},
        sample,
        backward=False,
        compiled=False,
    )
]
