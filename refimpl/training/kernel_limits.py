r"""The neural tangent kernel: how a network learns as long as its gradients stay those of the start, as they do in the limit of width.

Papers
    Jacot, Gabriel and Hongler, "Neural Tangent Kernel: Convergence and Generalization in Neural Networks", NeurIPS 2018,
    arXiv:1806.07572. Cho and Saul, "Kernel Methods for Deep Learning", NIPS 2009 (arc-cosine kernels). Lee, Xiao,
    Schoenholz, Bahri, Novak, Sohl-Dickstein and Pennington, "Wide Neural Networks of Any Depth Evolve as Linear Models
    Under Gradient Descent", NeurIPS 2019, arXiv:1902.06720. What lies beyond: Allen-Zhu and Li, "What Can ResNet Learn
    Efficiently, Going Beyond Kernels?", NeurIPS 2019, arXiv:1905.10337.

Equations (f(x; theta) the network, theta_0 its start; u the cosine between two inputs of d numbers)
    ntk        K(x, x') = <df(x) / dtheta, df(x') / dtheta> at theta_0
    linear     f(x; theta) ~ f(x; theta_0) + <df(x; theta_0) / dtheta, theta - theta_0>
    arccos     k0(u) = (pi - arccos u) / pi,   k1(u) = (u (pi - arccos u) + sqrt(1 - u^2)) / pi
    infinite   S_0 = T_0 = x . x' / d,   u_0 = u,   u_l = k1(u_(l-1)),   S_l = |x| |x'| u_l / d,   T_l = T_(l-1) k0(u_(l-1)) + S_l
               T_L the kernel of L hidden layers of sqrt(2) relu, width to infinity, weights N(0, 1) divided by sqrt(inputs)
    descent    f_t(x) = f_0(x) + K(x, X) K(X, X)^-1 (1 - (1 - eta K(X, X))^t) (y - f_0(X))
               after t steps of gradient descent at rate eta on half the sum of squares

Deviations from the papers
    1. No biases.
    2. Finite networks and this limit alone; the functions that a ResNet learns and no kernel does are not constructed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["NTKLinear", "empirical_ntk", "kernel_descent", "linearized", "ntk_mlp", "relu_ntk"]


def empirical_ntk(module: nn.Module, x1: Tensor, x2: Tensor | None = None) -> Tensor:
    """The tangent kernel of a network at its present parameters.

    Args:
        module: maps ``(N, ...)`` to ``(N,)`` or ``(N, K)``, each example on its own (no batch normalization in training).
        x1, x2: inputs, ``(N1, ...)`` and ``(N2, ...)``; ``x2`` is ``x1`` where it is None.

    Returns:
        ``(N1, N2)`` for outputs ``(N,)`` or ``(N, 1)``, else ``(N1, N2, K, K)``.

    Raises:
        ValueError: the outputs have more than two dimensions.
    """
    parameters = dict(module.named_parameters())

    def slopes(x: Tensor) -> Tensor:
        """Of all outputs by all parameters, ``(N, K, P)``."""

        def one(p: Mapping[str, Tensor], example: Tensor) -> Tensor:
            y = torch.func.functional_call(module, p, (example[None],))
            if y.dim() > 2:
                raise ValueError(f"empirical_ntk: outputs must be (N,) or (N, K), got shape {('N', *y.shape[1:])}")
            return y.flatten()

        found = torch.func.vmap(torch.func.jacrev(one), (None, 0))(parameters, x)
        return torch.cat([j.flatten(2) for j in found.values()], 2)

    first = slopes(x1)
    second = first if x2 is None else slopes(x2)
    kernel = torch.einsum("nkp,mlp->nmkl", first, second)
    return kernel[:, :, 0, 0] if first.shape[1] == 1 else kernel


def linearized(module: nn.Module, change: Mapping[str, Tensor], input: Tensor) -> Tensor:
    """The output to first order in a change of the parameters, by their names."""
    parameters = dict(module.named_parameters())
    tangents = {name: change.get(name, torch.zeros_like(p)) for name, p in parameters.items()}
    output, slope = torch.func.jvp(lambda p: torch.func.functional_call(module, p, (input,)), (parameters,), (tangents,))
    return output + slope


def relu_ntk(x1: Tensor, x2: Tensor, depth: int) -> tuple[Tensor, Tensor]:
    """Tangent kernel T_L and covariance S_L of an infinitely wide ReLU network at its start.

    Args:
        x1, x2: inputs, ``(N1, d)`` and ``(N2, d)``.
        depth: hidden layers L; 0 for a linear model.

    Returns:
        Both kernels, ``(N1, N2)``.

    Raises:
        ValueError: a shape or the depth does not fit.
    """
    if x1.dim() != 2 or x2.dim() != 2 or x1.shape[1] != x2.shape[1]:
        raise ValueError(f"relu_ntk: inputs must be (N1, d) and (N2, d), got {tuple(x1.shape)} and {tuple(x2.shape)}")
    if depth < 0:
        raise ValueError(f"relu_ntk: depth must be non-negative, got {depth}")
    u = F.normalize(x1) @ F.normalize(x2).T
    scale = torch.outer(x1.norm(dim=1), x2.norm(dim=1)) / x1.shape[1]
    tangent = covariance = scale * u
    for _ in range(depth):
        u = u.clamp(-1, 1)
        angle = torch.acos(u)
        share = (math.pi - angle) / math.pi
        u = u * share + torch.sin(angle) / math.pi
        covariance = scale * u
        tangent = tangent * share + covariance
    return tangent, covariance


class NTKLinear(nn.Module):
    """A linear layer without bias whose weights are N(0, 1) and divided by the root of the inputs in the forward pass."""

    def __init__(
        self, in_features: int, out_features: int, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_features, in_features, device=device, dtype=dtype))

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.weight / math.sqrt(self.weight.shape[1]))


class _Rectifier(nn.Module):
    def forward(self, input: Tensor) -> Tensor:
        return math.sqrt(2) * torch.relu(input)


def ntk_mlp(inputs: int, width: int, depth: int) -> nn.Sequential:
    """A network with ``depth`` hidden layers and one output whose kernel tends to :func:`relu_ntk` as the width grows."""
    layers = [layer for i in range(depth) for layer in (NTKLinear(width if i else inputs, width), _Rectifier())]
    return nn.Sequential(*layers, NTKLinear(width if depth else inputs, 1))


def kernel_descent(train: Tensor, test: Tensor, residual: Tensor, lr: float, steps: int) -> Tensor:
    """What gradient descent adds to the outputs of the linearized network.

    Args:
        train, test: kernels K(X, X), ``(N, N)``, and K(x, X), ``(M, N)``.
        residual: y - f_0(X), ``(N,)``.
        lr: rate eta, below 2 over the largest eigenvalue.
        steps: t.

    Returns:
        f_t(x) - f_0(x), ``(M,)``.

    Raises:
        ValueError: the shapes do not fit each other.
    """
    if train.shape != (len(residual),) * 2 or test.shape[1:] != residual.shape:
        shapes = f"{tuple(train.shape)}, {tuple(test.shape)} and {tuple(residual.shape)}"
        raise ValueError(f"kernel_descent: expected shapes (N, N), (M, N) and (N,), got {shapes}")
    values, vectors = torch.linalg.eigh(train)
    x = lr * values
    grown = torch.where(x < 0.5, -torch.expm1(steps * torch.log1p(-x.clamp(max=0.5))), 1 - (1 - x) ** steps)
    progress = torch.where(x == 0, lr * steps, grown / torch.where(x == 0, 1.0, values))
    return test @ (vectors @ (progress * (vectors.T @ residual)))


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    torch.set_default_dtype(torch.float64)
    x, points = torch.randn(12, 5), torch.randn(6, 5)
    y = torch.sin(x.sum(1))
    limit, _ = relu_ntk(x, x, 2)
    for width in (16, 64, 256):
        model = ntk_mlp(5, width, 2)
        kernel, cross = empirical_ntk(model, x), empirical_ntk(model, points, x)
        start, start_points = model(x).detach().flatten(), model(points).detach().flatten()
        predicted = start_points + kernel_descent(kernel, cross, y - start, 0.03, 200).detach()
        for _ in range(200):
            gradients = torch.autograd.grad((model(x).flatten() - y).square().sum() / 2, list(model.parameters()))
            with torch.no_grad():
                for p, g in zip(model.parameters(), gradients, strict=True):
                    p -= 0.03 * g
        gap = (kernel - limit).norm().item() / limit.norm().item()
        off = (model(points).detach().flatten() - predicted).abs().max().item()
        print(f"width {width:4d}: kernel {gap:.3f} from its limit; after 200 steps the network is {off:.3f} from the kernel's prediction")
