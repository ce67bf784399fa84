r"""Backpropagation by hand: the gradients of a multilayer perceptron from its delta equations, without autograd.

Paper
    Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", Nature 323, 1986.

Equations (h_0 = x; layer l = 1 ... L has z_l = W_l h_{l-1} + b_l and h_l = f(z_l), the last one only z_L; N rows)
    output-delta   delta_L = dE/dz_L,   for the mean cross-entropy (p - t) / N,   p = softmax(z_L)
    delta          delta_l = (W_{l+1}' delta_{l+1}) * f'(z_l)
    weights        dE/dW_l = sum over rows of delta_l h_{l-1}',   dE/db_l = sum over rows of delta_l
    input          dE/dx = W_1' delta_1

Deviations from the paper
    1. The paper has logistic units everywhere and the squared error; here any activation stands between the layers, the
       last one is affine, and any loss fits by way of its delta. Softmax with cross-entropy is the one that is built in.
    2. All rows of a batch go through at once; the paper sums over the cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from refimpl.foundations.activations import ACTIVATIONS
from refimpl.foundations.softmax_cross_entropy import cross_entropy, logits_gradient

__all__ = ["Gradients", "Trace", "backward", "forward", "loss_and_gradients"]


class Trace(NamedTuple):
    """What the backward pass needs of the forward pass: the input and the sum z_l of each layer."""

    inputs: list[Tensor]
    sums: list[Tensor]

    @property
    def output(self) -> Tensor:
        return self.sums[-1]


class Gradients(NamedTuple):
    """Gradients by the weights and biases of each layer, and by the input."""

    weights: list[Tensor]
    biases: list[Tensor]
    input: Tensor


def forward(input: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor], activation: str = "sigmoid") -> Trace:
    """The network, with all that is needed on the way back.

    Args:
        input: ``(N, sizes[0])``.
        weights: of each layer, ``(units of the layer, units before)``.
        biases: of each layer, ``(units,)``.
        activation: name in ``ACTIVATIONS``, between the layers.

    Raises:
        ValueError: a shape does not fit, or there is no activation of this name.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"forward: activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
    if not weights or len(weights) != len(biases):
        raise ValueError(f"forward: expected one bias for each of at least one weight, got {len(weights)} weights, {len(biases)} biases")
    if input.dim() != 2:
        raise ValueError(f"forward: input must be (N, units), got {tuple(input.shape)}")
    inputs, sums = [], []
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True), 1):
        h = ACTIVATIONS[activation](sums[-1]) if sums else input
        if weight.dim() != 2 or weight.shape[1] != h.shape[1] or bias.shape != weight.shape[:1]:
            shapes = f"{tuple(weight.shape)} and {tuple(bias.shape)}"
            raise ValueError(f"forward: layer {layer} needs weight (O, {h.shape[1]}) and bias (O,), got {shapes}")
        inputs.append(h)
        sums.append(torch.addmm(bias, h, weight.T))  # (N, O)
    return Trace(inputs, sums)


def backward(trace: Trace, delta: Tensor, weights: Sequence[Tensor], activation: str = "sigmoid") -> Gradients:
    """The delta equations, from the last layer to the first.

    Args:
        trace: from :func:`forward`.
        delta: gradient of the loss by the output, ``(N, outputs)``.
        weights, activation: as in the forward pass.

    Raises:
        ValueError: ``delta`` has not the shape of the output.
    """
    if delta.shape != trace.output.shape:
        raise ValueError(f"backward: delta must have the shape of the output {tuple(trace.output.shape)}, got {tuple(delta.shape)}")
    d_weights, d_biases = [], []
    for layer in reversed(range(len(weights))):
        d_weights.append(delta.T @ trace.inputs[layer])  # (O, I)
        d_biases.append(delta.sum(0))
        delta = delta @ weights[layer]  # (N, I)
        if layer > 0:
            delta = delta * ACTIVATIONS[activation].derivative(trace.sums[layer - 1])
    return Gradients(d_weights[::-1], d_biases[::-1], delta)


def loss_and_gradients(
    input: Tensor, target: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor], activation: str = "sigmoid"
) -> tuple[Tensor, Gradients]:
    """Mean softmax cross-entropy and its gradients.

    Args:
        target: classes ``(N,)`` or their probabilities ``(N, classes)``; the others as in :func:`forward`.
    """
    trace = forward(input, weights, biases, activation)
    delta = logits_gradient(trace.output, target) / len(input)
    return cross_entropy(trace.output, target), backward(trace, delta, weights, activation)


if __name__ == "__main__":
    from refimpl.data import digits_split
    from refimpl.demo import arguments
    from refimpl.foundations.mlp import MLP

    device = arguments(__doc__)
    data = digits_split(device=device)
    x, x_test = data.x.flatten(1), data.x_test.flatten(1)
    model = MLP((64, 32, 10), "tanh")
    weights, biases = [model[0].weight, model[2].weight], [model[0].bias, model[2].bias]
    loss, gradients = loss_and_gradients(x, data.y, weights, biases, "tanh")
    cross_entropy(model(x), data.y).backward()
    pairs = zip(gradients.weights + gradients.biases, weights + biases, strict=True)
    print(f"largest difference from autograd: {max((g - p.grad).abs().max().item() for g, p in pairs):.1e}")
    with torch.no_grad():
        for step in range(401):
            loss, gradients = loss_and_gradients(x, data.y, weights, biases, "tanh")
            for parameter, gradient in zip(weights + biases, gradients.weights + gradients.biases, strict=True):
                parameter -= 0.5 * gradient
            if step % 100 == 0:
                accuracy = (model(x_test).argmax(1) == data.y_test).double().mean().item()
                print(f"step {step:3d}: loss {loss.item():.3f}, right on test digits {accuracy:.3f}")
