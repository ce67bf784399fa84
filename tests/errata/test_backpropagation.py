"""Errata on backpropagation: each printed gradient of a five-layer network against automatic differentiation."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Network:
    """The note's network, tanh at every layer, on one input: activations, slopes, local Jacobians, gradients.

    Args:
        sizes: p, l1, l2, l3, l, o.

    Layers count from 1 (W1) to 5 (the note's W); ``h[n]`` is the output of layer n and ``h[0]`` the input.
    """

    def __init__(self, *sizes: int) -> None:
        self.weights = [randn(b, a, seed=n).div(a**0.5).requires_grad_() for n, (a, b) in enumerate(pairwise(sizes), 1)]
        self.desired = randn(sizes[-1], seed=10)
        self.h = [randn(sizes[0], seed=11)]
        for n, w in enumerate(self.weights, 1):
            self.h.append(torch.tanh(w @ self.h[-1] + randn(len(w), seed=20 + n)))
        self.slopes = [None, *((1 - h**2).detach() for h in self.h[1:])]

    def jacobian(self, n: int) -> Tensor:
        """Derivatives of h[n] by h[n - 1]."""
        return (self.slopes[n][:, None] * self.weights[n - 1]).detach()

    def loss_gradient(self, n: int) -> Tensor:
        """Gradient of |f - d|^2 by the weight of layer n, by autograd."""
        return torch.autograd.grad(((self.h[5] - self.desired) ** 2).sum(), self.weights[n - 1], retain_graph=True)[0]

    def output_gradient(self) -> Tensor:
        """Gradient of the loss by the output y."""
        return 2 * (self.h[5] - self.desired).detach()

    def by_weight(self, n: int, by: int) -> Tensor:
        """Derivatives of h[n] by all entries of the weight of layer ``by``, by autograd: (size of h[n], entries)."""
        rows = [torch.autograd.grad(unit, self.weights[by - 1], retain_graph=True)[0].flatten() for unit in self.h[n]]
        return torch.stack(rows)


def test_forward_mode_wins_only_with_more_outputs_than_inputs():
    """Forward mode takes a pass for each input, reverse mode one for each output: two outputs do not favor forward mode."""
    for inputs, outputs in ((6, 2), (2, 6)):
        weight, x = randn(outputs, inputs), randn(inputs, seed=1)
        slopes = 1 - torch.tanh(weight @ x) ** 2
        columns = [slopes * (weight @ tangent) for tangent in torch.eye(inputs, dtype=torch.float64)]
        rows = [weight.T @ (slopes * cotangent) for cotangent in torch.eye(outputs, dtype=torch.float64)]
        jacobian = torch.autograd.functional.jacobian(lambda x, weight=weight: torch.tanh(weight @ x), x)
        torch.testing.assert_close(torch.stack(columns, 1), jacobian)
        torch.testing.assert_close(torch.stack(rows), jacobian)
        assert (len(columns) < len(rows)) == (outputs > inputs)


@pytest.mark.parametrize("p", [3, 1])
def test_chain_passes_through_the_hidden_layer(p):
    """The chain to W1 needs dH2/dH1; with dH2/dW1 the factors do not fit, and where they fit (p = 1) the product is wrong."""
    net = Network(p, 4, 3, 5, 2, 2)
    above = net.jacobian(5) @ net.jacobian(4) @ net.jacobian(3)
    last = net.by_weight(1, by=1)
    torch.testing.assert_close(above @ net.jacobian(2) @ last, net.by_weight(5, by=1))
    printed = net.by_weight(2, by=1)
    if p > 1:
        with pytest.raises(RuntimeError):
            above @ printed @ last
    else:
        assert (above @ printed @ last - net.by_weight(5, by=1)).abs().max() > 1e-2


def test_sum_runs_over_the_outputs():
    """The gradient by a row of W4 sums over the o outputs; a sum to l, the size of H, leaves some of them out."""
    hidden, outputs = 2, 4
    net = Network(3, 4, 3, 5, hidden, outputs)
    for i in range(hidden):

        def summed(terms: int, i: int = i) -> Tensor:
            upper = net.output_gradient()[:terms] * net.slopes[5][:terms] * net.weights[4][:terms, i].detach()
            return upper.sum() * net.slopes[4][i] * net.h[3].detach()

        torch.testing.assert_close(summed(outputs), net.loss_gradient(4)[i])
        assert (summed(hidden) - net.loss_gradient(4)[i]).abs().max() > 1e-2


def test_weights_of_a_unit_are_a_row():
    """The formula for W^i gives the i-th row of the gradient, not the column; the matrix is square, so that both could be."""
    net = Network(3, 4, 3, 5, 4, 4)
    gradient = net.loss_gradient(5)
    for i in range(4):
        formula = net.output_gradient()[i] * net.slopes[5][i] * net.h[4].detach()
        torch.testing.assert_close(formula, gradient[i])
        assert (formula - gradient[:, i]).abs().max() > 1e-2


def test_first_layer_has_no_sum_over_its_own_units():
    """Row i of W1 acts through unit i of H1 alone, and the sum over H2 differentiates H3^m, the unit that the sum before it names."""
    net = Network(3, 4, 3, 5, 5, 2)  # as many units in H as in H3, so that the printed index k fits both
    upper = net.output_gradient() @ net.jacobian(5)
    dh, dh3, dh2 = net.jacobian(4), net.jacobian(3), net.jacobian(2)
    for i in range(4):
        own = net.slopes[1][i] * net.h[0]
        right = torch.einsum("k,km,mn,n->", upper, dh, dh3, dh2[:, i]) * own
        torch.testing.assert_close(right, net.loss_gradient(1)[i])
        for printed in ("k,km,kn,nr->", "k,km,mn,nr->"):  # as it stands, and with the index repaired
            assert (torch.einsum(printed, upper, dh, dh3, dh2) * own - right).abs().max() > 1e-2
