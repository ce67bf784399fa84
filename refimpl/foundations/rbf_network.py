r"""Radial basis function network: responses that depend on the distance to centers, and a linear output solved by least squares.

Paper
    Broomhead and Lowe, "Multivariable Functional Interpolation and Adaptive Networks", Complex Systems 2, 1988.

Equations (c_j one of m centers, r the distance to it, s the width)
    output       f(x) = sum_j lambda_j phi(||x - c_j||) + lambda_0
    gaussian     phi(r) = exp(-r^2 / (2 s^2))
    multiquadric phi(r) = sqrt(1 + r^2 / s^2);   inverse: its reciprocal
    interpolation with the centers at the data, no lambda_0, and Phi_ij = phi(||x_i - x_j||):   Phi lambda = y
    fit          with fewer centers, lambda minimizes ||Phi lambda - y||^2 + ridge ||lambda||^2;   lambda_0 is not penalized

Deviations from the paper
    1. The ridge is not in the paper.
    2. The centers are parameters, so that gradient descent can move them; the paper keeps them where they are put.
    3. Distances are those of the differences, not of expanded squares, which cancel far from the origin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

__all__ = ["KERNELS", "RBFNetwork", "interpolate", "radial_basis"]

KERNELS: Mapping[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        "gaussian": lambda q: torch.exp(-q / 2),
        "multiquadric": lambda q: torch.sqrt(1 + q),
        "inverse multiquadric": lambda q: torch.rsqrt(1 + q),
    }
)
"""phi as a function of q = r^2 / s^2."""


def radial_basis(input: Tensor, centers: Tensor, width: float = 1.0, kernel: str = "gaussian") -> Tensor:
    """The response of each unit, ``(..., m)``.

    Args:
        input: ``(..., D)``.
        centers: ``(m, D)``.
        width: s.
        kernel: name in ``KERNELS``.

    Raises:
        ValueError: a shape, dtype or parameter does not fit.
    """
    if not input.is_floating_point():
        raise ValueError(f"radial_basis: input must be floating point, got {input.dtype}")
    if centers.dim() != 2 or input.dim() < 1 or input.shape[-1] != centers.shape[1]:
        raise ValueError(f"radial_basis: centers must be (m, D) for input (..., D), got {tuple(centers.shape)} for {tuple(input.shape)}")
    if not width > 0:
        raise ValueError(f"radial_basis: width must be positive, got {width}")
    if kernel not in KERNELS:
        raise ValueError(f"radial_basis: kernel must be one of {', '.join(KERNELS)}, got {kernel!r}")
    x, c = (t.float() if t.dtype in (torch.bfloat16, torch.float16) else t for t in (input, centers))
    r = torch.cdist(x.reshape(-1, x.shape[-1]), c, compute_mode="donot_use_mm_for_euclid_dist") / width
    return KERNELS[kernel](r.square()).view(*input.shape[:-1], len(centers)).to(input.dtype)


class RBFNetwork(nn.Module):
    """A layer of radial units and a linear output.

    Args:
        in_features, centers, out_features: numbers of inputs D, of units m and of outputs O.
        width: of all units.
        kernel: name in ``KERNELS``.
        bias: add lambda_0.

    Shape: ``(..., D)`` to ``(..., O)``.
    """

    def __init__(
        self,
        in_features: int,
        centers: int,
        out_features: int = 1,
        width: float = 1.0,
        kernel: str = "gaussian",
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("in_features", in_features), ("centers", centers), ("out_features", out_features)):
            if value < 1:
                raise ValueError(f"RBFNetwork: {name} must be positive, got {value}")
        self.width, self.kernel = width, kernel
        new = {"device": device, "dtype": dtype}
        self.centers = nn.Parameter(torch.randn(centers, in_features, **new))
        self.weight = nn.Parameter(torch.zeros(out_features, centers, **new))
        self.bias = nn.Parameter(torch.zeros(out_features, **new)) if bias else None
        radial_basis(self.centers[:0], self.centers, width, kernel)  # refuse a wrong width or kernel now

    def forward(self, input: Tensor) -> Tensor:
        return linear(radial_basis(input, self.centers, self.width, self.kernel), self.weight, self.bias)

    @torch.no_grad()
    def fit(self, input: Tensor, target: Tensor, ridge: float = 0.0) -> None:
        """Set the output's weights to the least-squares solution, in place; the centers stay.

        Args:
            input: ``(N, D)``.
            target: ``(N, O)``.
            ridge: penalty of the squared weights.

        Raises:
            ValueError: a shape does not fit, or the ridge is negative.
        """
        if input.dim() != 2 or target.shape != (len(input), len(self.weight)):
            expected = f"input (N, D) and target (N, {len(self.weight)})"
            raise ValueError(f"RBFNetwork: expected {expected}, got {tuple(input.shape)} and {tuple(target.shape)}")
        if not ridge >= 0:
            raise ValueError(f"RBFNetwork: ridge must be non-negative, got {ridge}")
        phi = radial_basis(input, self.centers, self.width, self.kernel)  # (N, m)
        penalty = ridge**0.5 * torch.eye(phi.shape[1], dtype=phi.dtype, device=phi.device)
        phi, target = torch.cat([phi, penalty]), torch.cat([target, target.new_zeros(len(penalty), target.shape[1])])
        if self.bias is not None:
            ones = torch.ones_like(phi[:, :1])
            ones[len(input) :] = 0
            phi = torch.cat([phi, ones], 1)  # (N + m, m + 1)
        solution = torch.linalg.lstsq(phi, target).solution
        self.weight.copy_(solution[: self.weight.shape[1]].T)
        if self.bias is not None:
            self.bias.copy_(solution[-1])

    def extra_repr(self) -> str:
        units, inputs = self.centers.shape
        outputs = len(self.weight)
        return f"{inputs}, centers={units}, out_features={outputs}, width={self.width}, kernel={self.kernel}, bias={self.bias is not None}"


def interpolate(input: Tensor, target: Tensor, width: float = 1.0, kernel: str = "gaussian") -> RBFNetwork:
    """The network through all points: a center at each of them, and no bias.

    Args:
        input: different points, ``(N, D)``.
        target: ``(N, O)``.

    Raises:
        ValueError: a shape does not fit.
    """
    if input.dim() != 2 or target.dim() != 2 or len(target) != len(input):
        raise ValueError(f"interpolate: expected input (N, D) and target (N, O), got {tuple(input.shape)} and {tuple(target.shape)}")
    network = RBFNetwork(input.shape[1], len(input), target.shape[1], width, kernel, False, input.device, input.dtype)
    with torch.no_grad():
        network.centers.copy_(input)
        network.weight.copy_(torch.linalg.solve(radial_basis(input, input, width, kernel), target).T)
    return network


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    corners, xor = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]]), torch.tensor([[0.0], [1], [1], [0]])
    net = RBFNetwork(2, 2, width=0.7)
    net.centers.data.copy_(corners[[0, 3]])
    net.fit(corners, xor)
    print("XOR with centers at (0, 0) and (1, 1):", [round(v, 3) for v in net(corners)[:, 0].tolist()])
    x = torch.linspace(-3, 3, 60, dtype=torch.float64)[:, None]
    noisy = torch.sin(x) + 0.2 * torch.randn(60, 1, dtype=torch.float64)
    for count, ridge in ((6, 0.0), (30, 0.0), (30, 0.1)):
        net = RBFNetwork(1, count, width=0.6, dtype=torch.float64)
        net.centers.data.copy_(torch.linspace(-3, 3, count)[:, None])
        net.fit(x, noisy, ridge)
        error = (net(x) - torch.sin(x)).square().mean().sqrt().item()
        print(f"noisy sine, {count:2d} centers, ridge {ridge}: distance from the sine {error:.3f}")
    knots = torch.linspace(-3, 3, 10, dtype=torch.float64)[:, None]
    through = interpolate(knots, torch.sin(knots))
    at, between = ((through(p) - torch.sin(p)).abs().max().item() for p in (knots, x))
    print(f"through 10 points of the sine: {at:.0e} off at the points, {between:.0e} between them")
