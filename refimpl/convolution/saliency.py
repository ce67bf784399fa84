r"""Saliency and attribution: which pixels a network's score for a class depends on.

Papers
    Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks", arXiv:1312.6034, section 3 (gradient).
    Springenberg, Dosovitskiy, Brox and Riedmiller, "Striving for Simplicity", arXiv:1412.6806 (guided backpropagation).
    Selvaraju et al., "Grad-CAM", ICCV 2017, arXiv:1610.02391, equations 1 and 2. Sundararajan, Taly and Yan,
    "Axiomatic Attribution for Deep Networks", ICML 2017, arXiv:1703.01365, equations 1 and 3 (integrated gradients).

Equations (image I, unnormalized score S of the class at hand)
    gradient    M[i, j] = max_c |dS / dI[c, i, j]|
    guided      through y = relu(x):  dx = [x > 0] [dy > 0] dy
    grad-cam    a_c = 1/Z sum_{i,j} dS / dA[c, i, j],   L = relu(sum_c a_c A_c)     A the feature maps of a layer
    integrated  IG = (x - x') 1/m sum_{k=1}^{m} dS / dx at x' + (k - 1/2) / m (x - x');    sum IG = S(x) - S(x') as m grows

Deviations from the papers
    1. Integrated gradients use midpoints, whose error falls with m^2; the paper adds up right ends.
    2. Grad-CAM's map keeps the layer's size; the paper enlarges it to the image's.
    3. Guided backpropagation meets every relu that PyTorch computes under its own name, as a layer or a function,
       in place or not; leaky and other units are left as they are.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

__all__ = ["attribution_gradient", "grad_cam", "guided_backprop", "integrated_gradients", "saliency_map"]

Scores = Callable[[Tensor], Tensor]
"""A network: images ``(N, ...)`` to scores ``(N, K)``."""


def attribution_gradient(model: Scores, input: Tensor, target: Tensor) -> Tensor:
    """Derivative of each image's own score by its pixels.

    Args:
        model: images ``(N, ...)`` to scores ``(N, K)``; put it in evaluation mode.
        input: images.
        target: the class of each image, ``(N,)``.

    Returns:
        A tensor like ``input``.

    Raises:
        ValueError: the scores or the classes do not fit the images.
    """
    with torch.enable_grad():
        x = input.detach().requires_grad_()
        return torch.autograd.grad(_score(model(x), target, len(input)), x)[0]


def saliency_map(model: Scores, input: Tensor, target: Tensor) -> Tensor:
    """Largest derivative over the channels: images ``(N, C, H, W)`` to maps ``(N, H, W)``; see :func:`attribution_gradient`."""
    if input.dim() != 4:
        raise ValueError(f"saliency_map: input must be (N, C, H, W), got shape {tuple(input.shape)}")
    return attribution_gradient(model, input, target).abs().amax(1)


def guided_backprop(model: Scores, input: Tensor, target: Tensor) -> Tensor:
    """As :func:`attribution_gradient`, with negative signals dropped at each ReLU on the way back."""
    with _Guided():
        return attribution_gradient(model, input, target)


class _Guided(TorchFunctionMode):
    """Puts a ReLU with the guided backward in place of PyTorch's."""

    RELUS = frozenset({torch.relu, torch.relu_, torch.nn.functional.relu, Tensor.relu, Tensor.relu_})

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in self.RELUS:
            return _GuidedRelu.apply(args[0])
        return function(*args, **(kwargs or {}))


class _GuidedRelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        y = x.clamp_min(0)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return torch.where(y > 0, g.clamp_min(0), 0)


def grad_cam(model: nn.Module, layer: nn.Module, input: Tensor, target: Tensor) -> Tensor:
    """Where a layer's feature maps speak for the class.

    Args:
        model, input, target: as in :func:`attribution_gradient`.
        layer: a layer of the model whose output is ``(N, C, H', W')``, usually the last convolution.

    Returns:
        Non-negative maps ``(N, H', W')``.

    Raises:
        ValueError: the layer did not run, or its output has no positions.
    """
    seen: list[Tensor] = []
    handle = layer.register_forward_hook(lambda _, __, output: seen.append(output))
    try:
        with torch.enable_grad():
            score = _score(model(input.detach().requires_grad_()), target, len(input))
    finally:
        handle.remove()
    if not seen or seen[-1].dim() != 4:
        shape = tuple(seen[-1].shape) if seen else "no output: the layer did not run"
        raise ValueError(f"grad_cam: the layer's output must be (N, C, H, W), got {shape}")
    (gradient,) = torch.autograd.grad(score, seen[-1])
    weight = gradient.mean((2, 3), keepdim=True)  # (N, C, 1, 1)
    return (weight * seen[-1].detach()).sum(1).relu()


def integrated_gradients(model: Scores, input: Tensor, target: Tensor, baseline: Tensor | None = None, steps: int = 50) -> Tensor:
    """Share of each pixel in the change of the score from a baseline to the image.

    Args:
        model, input, target: as in :func:`attribution_gradient`.
        baseline: an image without content, of the input's shape or one that broadcasts to it; zeros where it is None.
        steps: number m of points on the way.

    Returns:
        A tensor like ``input``; for each image it adds up to about S(x) - S(x').
    """
    if steps < 1:
        raise ValueError(f"integrated_gradients: steps must be positive, got {steps}")
    start = torch.zeros_like(input) if baseline is None else baseline.expand_as(input)
    way, total = input - start, torch.zeros_like(input)
    for k in range(steps):
        total += attribution_gradient(model, start + (k + 0.5) / steps * way, target)
    return way * total / steps


def _score(scores: Tensor, target: Tensor, images: int) -> Tensor:
    """The sum of each image's own score."""
    if scores.dim() != 2 or len(scores) != images or target.shape != (images,):
        wanted = f"scores ({images}, K) and target ({images},)"
        raise ValueError(f"attribution_gradient: expected {wanted}, got {tuple(scores.shape)} and {tuple(target.shape)}")
    return scores.gather(1, target[:, None]).sum()


if __name__ == "__main__":
    from refimpl.data import digits_split
    from refimpl.demo import arguments

    device = arguments(__doc__)
    data = digits_split(device=device)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(1024, 10)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(3):
        for batch in torch.randperm(len(data.x)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(data.x[batch]), data.y[batch]).backward()
            optimizer.step()
    x, y = data.x_test[:1], data.y_test[:1]
    share = integrated_gradients(model, x, y)
    change = (model(x) - model(x * 0))[0, y.item()].item()
    print(f"a {y.item()}: integrated gradients add up to {share.sum().item():.4f}, the score changes by {change:.4f}")
    for name, values in {"gradient": saliency_map(model, x, y), "Grad-CAM": grad_cam(model, model[2], x, y)}.items():
        print(name)
        for row in (values[0] / values.max() * 9).int().tolist():
            print("  " + "".join(" .:-=+*#%@"[v] * 2 for v in row))
