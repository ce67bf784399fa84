r"""Spectral normalization: divide a weight by its largest singular value, so that its layer has Lipschitz constant 1.

Paper
    Miyato, Kataoka, Koyama and Yoshida, "Spectral Normalization for Generative Adversarial Networks", ICLR 2018,
    arXiv:1802.05957. Section 2.1, appendix A (algorithm 1) and section 2.3 (the gradient).

Equations (W the weight as a matrix with a row for each output, (M, K); u (M,) and v (K,) kept from step to step)
    spectral-norm-power     u <- W v / |W v|,   v <- W^T u / |W^T u|
    spectral-norm-sigma     sigma = u^T W v,    the largest singular value once u and v have settled
    spectral-norm-weight    W_sn = W / sigma
    spectral-norm-gradient  grad_W = (grad - (sum of grad * W_sn) u v^T) / sigma,   grad the gradient by W_sn

Deviations from the paper
    1. A convolution's kernel counts as a matrix of out channels by all else, as in the paper; the norm of the convolution
       itself is at most sqrt(kernel size) times the sigma of this matrix (tested), and not equal to it.
    2. The iteration starts with 15 steps from random vectors, and a vector is only divided by its norm, both as in PyTorch.
    3. u is updated before v; the paper's algorithm updates v first.
    4. In bfloat16 and float16 the iteration and sigma are computed in float32.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

__all__ = ["SpectralNorm", "power_iteration", "spectral_norm"]


@torch.no_grad()
def power_iteration(matrix: Tensor, u: Tensor, v: Tensor, steps: int, eps: float = 1e-12) -> tuple[Tensor, Tensor]:
    """Singular vectors of the largest singular value, better by each step.

    Args:
        matrix: W, ``(M, K)``.
        u, v: where to begin, ``(M,)`` and ``(K,)``; only ``v`` matters if there is a step at all.
        steps: their number.
        eps: no vector is divided by less.

    Returns:
        The new u and v.
    """
    for _ in range(steps):
        u = F.normalize(torch.mv(matrix, v), dim=0, eps=eps)
        v = F.normalize(torch.mv(matrix.T, u), dim=0, eps=eps)
    return u, v


class SpectralNorm(nn.Module):
    """The parametrization: W to W / sigma, with steps of the power iteration in training mode.

    Args:
        weight: the weight it is made for, of any number of dimensions; one of a single dimension is divided by its norm.
        n_power_iterations: steps at each use in training mode.
        dim: the dimension of the outputs.
        eps: no vector is divided by less.

    Raises:
        ValueError: a number is out of range.
    """

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        if not -weight.dim() <= dim < weight.dim():
            raise ValueError(f"SpectralNorm: dim must lie in [-{weight.dim()}, {weight.dim()}), got {dim}")
        if n_power_iterations < 1:
            raise ValueError(f"SpectralNorm: n_power_iterations must be positive, got {n_power_iterations}")
        self.dim, self.n_power_iterations, self.eps = dim % weight.dim(), n_power_iterations, eps
        if weight.dim() > 1:
            matrix = self._matrix(weight)
            u, v = (F.normalize(matrix.new_empty(n).normal_(), dim=0, eps=eps) for n in matrix.shape)
            u, v = power_iteration(matrix, u, v, 15, eps)
            self.register_buffer("_u", u.to(weight.dtype))
            self.register_buffer("_v", v.to(weight.dtype))

    def _matrix(self, weight: Tensor) -> Tensor:
        """``(M, K)``, in float32 at least."""
        matrix = weight.movedim(self.dim, 0).flatten(1)
        return matrix.float() if matrix.dtype in (torch.bfloat16, torch.float16) else matrix

    def forward(self, weight: Tensor) -> Tensor:
        if weight.dim() == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        u, v = self._u.to(matrix.dtype, copy=True), self._v.to(matrix.dtype, copy=True)  # copies, which later calls do not change
        if self.training:
            u, v = power_iteration(matrix, u, v, self.n_power_iterations, self.eps)
            self._u.copy_(u)
            self._v.copy_(v)
        sigma = torch.dot(u, torch.mv(matrix, v))
        return (weight.to(sigma.dtype) / sigma).to(weight.dtype)

    def right_inverse(self, value: Tensor) -> Tensor:
        """A weight that is assigned is taken as it is."""
        return value

    def extra_repr(self) -> str:
        return f"n_power_iterations={self.n_power_iterations}, dim={self.dim}, eps={self.eps}"


def spectral_norm(
    module: nn.Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> nn.Module:
    """Normalize a layer's weight; drops in for ``torch.nn.utils.parametrizations.spectral_norm``.

    Args:
        module: the layer, which is changed and returned.
        name: of its parameter.
        n_power_iterations, eps: see :class:`SpectralNorm`.
        dim: the dimension of the outputs: 0, and 1 for transposed convolutions, where it is None.

    Raises:
        ValueError: the module has no parameter of this name, or a number is out of range.
    """
    weight = module._parameters.get(name)
    if weight is None:
        raise ValueError(f"spectral_norm: expected the name of a parameter of {type(module).__name__}, got {name!r}")
    if dim is None:
        dim = int(isinstance(module, (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)))
    parametrize.register_parametrization(module, name, SpectralNorm(weight, n_power_iterations, dim, eps))
    return module


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    layer = spectral_norm(nn.Linear(40, 30))
    print(f"largest singular value of the normalized weight: {torch.linalg.matrix_norm(layer.weight, 2):.4f}")
    sgd = torch.optim.SGD(layer.parameters(), lr=0.01)
    x = torch.randn(200, 40)
    y = 9.0 * torch.outer(x @ torch.randn(40), torch.randn(30))
    for step in range(400):
        sgd.zero_grad()
        loss = (layer(x) - y).square().mean()
        loss.backward()
        sgd.step()
        if step % 100 == 99:
            original = torch.linalg.matrix_norm(layer.parametrizations.weight.original, 2)
            size = torch.linalg.matrix_norm(layer.eval().weight, 2)
            layer.train()
            print(f"after {step + 1:3} steps: loss {loss:.2f}, largest singular value of W {original:.2f}, of W / sigma {size:.4f}")
