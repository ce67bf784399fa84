r"""Capsules with dynamic routing: groups of units whose outputs go where their predictions agree.

Paper
    Sabour, Frosst and Hinton, "Dynamic Routing Between Capsules", NIPS 2017, arXiv:1710.09829: equations 1 to 4,
    procedure 1 (routing), section 4 (CapsNet) and its part on reconstruction.

Equations (u_i output of lower capsule i, W_ij a matrix, u^_ij the prediction of i for higher capsule j)
    squash       v_j = |s_j|^2 / (1 + |s_j|^2) s_j / |s_j|
    prediction   u^_ij = W_ij u_i,   s_j = sum_i c_ij u^_ij
    update       c_ij = softmax over j of b_ij,   b_ij <- b_ij + u^_ij . v_j,   b_ij = 0 at first
    margin-loss  L_k = T_k max(0, 0.9 - |v_k|)^2 + 0.5 (1 - T_k) max(0, |v_k| - 0.1)^2,   T_k = 1 where class k is present
    total        sum_k L_k + 0.0005 |image - reconstruction|^2

Deviations from the paper
    1. Gradients pass through all iterations of the routing; the paper does not say.
    2. The squash is computed as s |s| / (1 + |s|^2), which is defined at zero.
    3. W is drawn from a normal distribution with spread 0.1; the class capsules have no bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["CapsNet", "PrimaryCapsules", "RoutingCapsules", "margin_loss", "route", "squash"]


def squash(s: Tensor, dim: int = -1) -> Tensor:
    """Vectors along ``dim`` with the same direction and lengths below one."""
    length = torch.linalg.vector_norm(s, dim=dim, keepdim=True)
    return s * (length / (1 + length.square()))


def route(predictions: Tensor, iterations: int = 3) -> tuple[Tensor, Tensor]:
    """Routing by agreement.

    Args:
        predictions: u^, ``(B, I, J, D)``.
        iterations: how often the couplings are computed.

    Returns:
        Outputs of the higher capsules ``(B, J, D)`` and the couplings they were computed with, ``(B, I, J)``.

    Raises:
        ValueError: the shape or the number of iterations does not fit.
    """
    if predictions.dim() != 4:
        raise ValueError(f"route: predictions must have shape (B, I, J, D), got {tuple(predictions.shape)}")
    if iterations < 1:
        raise ValueError(f"route: iterations must be positive, got {iterations}")
    by_parent = predictions.transpose(1, 2).contiguous()  # (B, J, I, D)
    logits = by_parent.new_zeros(by_parent.shape[:3])
    v, couplings = _gather(by_parent, logits)
    for _ in range(iterations - 1):
        logits = logits + (by_parent @ v.unsqueeze(3)).squeeze(3)
        v, couplings = _gather(by_parent, logits)
    return v, couplings.transpose(1, 2)


def _gather(by_parent: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs ``(B, J, D)`` and couplings ``(B, J, I)`` from predictions ``(B, J, I, D)`` and logits ``(B, J, I)``."""
    couplings = logits.softmax(1)
    return squash((couplings.unsqueeze(2) @ by_parent).squeeze(2)), couplings


def margin_loss(
    lengths: Tensor, target: Tensor, m_plus: float = 0.9, m_minus: float = 0.1, down_weight: float = 0.5, reduction: str = "mean"
) -> Tensor:
    """Margin loss, summed over classes.

    Args:
        lengths: lengths of the class capsules, ``(B, J)``.
        target: classes ``(B,)``, or which classes are present ``(B, J)`` as numbers 0 and 1.
        m_plus, m_minus: lengths wanted of a class that is present, and of one that is not.
        down_weight: factor of the second kind.
        reduction: "none", "mean" or "sum" over the batch.

    Raises:
        ValueError: a shape or the reduction does not fit.
    """
    if lengths.dim() != 2 or target.shape not in (lengths.shape, lengths.shape[:1]):
        got = f"{tuple(lengths.shape)} and {tuple(target.shape)}"
        raise ValueError(f"margin_loss: expected lengths (B, J) and target (B,) or (B, J), got {got}")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"margin_loss: reduction must be none, mean or sum, got {reduction!r}")
    present = (F.one_hot(target, lengths.shape[1]) if target.dim() == 1 else target).to(lengths.dtype)
    losses = present * F.relu(m_plus - lengths).square() + down_weight * (1 - present) * F.relu(lengths - m_minus).square()
    total = losses.sum(1)
    return total if reduction == "none" else total.mean() if reduction == "mean" else total.sum()


class PrimaryCapsules(nn.Module):
    """The lowest capsules: a convolution whose channels are grouped into vectors, squashed.

    Shape: ``(B, C, H, W)`` to ``(B, capsules H' W', dim)``, the capsule type varying slowest.
    """

    def __init__(
        self,
        in_channels: int,
        capsules: int,
        dim: int,
        kernel_size: int,
        stride: int = 2,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, capsules * dim, kernel_size, stride, device=device, dtype=dtype)
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        channels = self.conv(input)  # (B, capsules dim, H', W')
        grouped = channels.unflatten(1, (-1, self.dim)).movedim(2, 4)  # (B, capsules, H', W', dim)
        return squash(grouped.flatten(1, 3))


class RoutingCapsules(nn.Module):
    """A layer of capsules that all lower ones predict.

    Args:
        in_capsules, out_capsules: I and J.
        in_dim, out_dim: numbers in a vector of each.
        iterations: of the routing.

    Parameter: ``weight`` ``(I, J, out_dim, in_dim)``. Shape: ``(B, I, in_dim)`` to ``(B, J, out_dim)``.

    Raises:
        ValueError: a size is not positive; in a call, a shape does not fit.
    """

    def __init__(
        self,
        in_capsules: int,
        out_capsules: int,
        in_dim: int,
        out_dim: int,
        iterations: int = 3,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        sizes = {"in_capsules": in_capsules, "out_capsules": out_capsules, "in_dim": in_dim, "out_dim": out_dim, "iterations": iterations}
        for name, value in sizes.items():
            if value < 1:
                raise ValueError(f"RoutingCapsules: {name} must be positive, got {value}")
        self.iterations = iterations
        self.weight = nn.Parameter(torch.empty(in_capsules, out_capsules, out_dim, in_dim, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal with spread 0.1."""
        nn.init.normal_(self.weight, std=0.1)

    def forward(self, input: Tensor) -> Tensor:
        capsules, higher, _, dim = self.weight.shape
        if input.shape[1:] != (capsules, dim):
            raise ValueError(f"RoutingCapsules: input must have shape (B, {capsules}, {dim}), got {tuple(input.shape)}")
        flat = torch.bmm(input.transpose(0, 1), self.weight.flatten(1, 2).transpose(1, 2))  # (I, B, J out_dim)
        return route(flat.unflatten(2, (higher, -1)).transpose(0, 1), self.iterations)[0]

    def extra_repr(self) -> str:
        i, j, out_dim, in_dim = self.weight.shape
        return f"{i}, {j}, {in_dim}, {out_dim}, iterations={self.iterations}"


class CapsNet(nn.Module):
    """A convolution, primary capsules, class capsules, and a network that reconstructs the image from one of them.

    Args:
        image_size: height and width.
        in_channels, classes: channels of the image, number of classes.
        channels, kernel_size: of the first convolution; the primary capsules have the same kernel, with stride 2.
        primary_capsules, primary_dim: types of primary capsules, and their size.
        class_dim: size of a class capsule.
        hidden: units of the two hidden layers of the reconstruction.
        iterations: of the routing.

    Shape: images ``(B, in_channels, H, W)`` to class capsules ``(B, classes, class_dim)``, whose lengths are the answer.

    Raises:
        ValueError: the image is too small for the two convolutions.
    """

    def __init__(
        self,
        image_size: int = 28,
        in_channels: int = 1,
        classes: int = 10,
        channels: int = 256,
        kernel_size: int = 9,
        primary_capsules: int = 32,
        primary_dim: int = 8,
        class_dim: int = 16,
        hidden: Sequence[int] = (512, 1024),
        iterations: int = 3,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        side = (image_size - 2 * kernel_size + 1) // 2 + 1
        if side < 1:
            raise ValueError(f"CapsNet: image_size must be at least {2 * kernel_size - 1} for a kernel of {kernel_size}, got {image_size}")
        new = {"device": device, "dtype": dtype}
        self.image_shape = (in_channels, image_size, image_size)
        self.conv = nn.Conv2d(in_channels, channels, kernel_size, **new)
        self.primary = PrimaryCapsules(channels, primary_capsules, primary_dim, kernel_size, **new)
        self.classes = RoutingCapsules(primary_capsules * side * side, classes, primary_dim, class_dim, iterations, **new)
        widths = [classes * class_dim, *hidden, in_channels * image_size * image_size]
        self.decoder = nn.ModuleList(nn.Linear(a, b, **new) for a, b in pairwise(widths))

    def forward(self, input: Tensor) -> Tensor:
        return self.classes(self.primary(self.conv(input).relu()))

    def reconstruct(self, capsules: Tensor, target: Tensor) -> Tensor:
        """Images ``(B, in_channels, H, W)`` with values in (0, 1) from the capsules of the given classes ``(B,)`` alone."""
        mask = F.one_hot(target, capsules.shape[1]).unsqueeze(2)
        h = (capsules * mask).flatten(1)
        for layer in self.decoder[:-1]:
            h = layer(h).relu()
        return self.decoder[-1](h).sigmoid().unflatten(1, self.image_shape)

    def loss(self, input: Tensor, target: Tensor, reconstruction_weight: float = 0.0005) -> Tensor:
        """Mean over the batch of the margin loss plus the weighted sum of squared errors of the reconstruction."""
        capsules = self(input)
        error = (self.reconstruct(capsules, target) - input).square().flatten(1).sum(1).mean()
        return margin_loss(torch.linalg.vector_norm(capsules, dim=2), target) + reconstruction_weight * error


if __name__ == "__main__":
    from refimpl.data import digits_split
    from refimpl.demo import arguments

    data = digits_split(test=200, device=arguments(__doc__))
    model = CapsNet(8, channels=16, kernel_size=3, primary_capsules=8, class_dim=8, hidden=(32, 64))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    print("digits of 8 x 8 pixels: share of correct answers, mean length of the right capsule and of the others")
    for step in range(61):
        if step % 20 == 0:
            with torch.no_grad():
                lengths = model(data.x_test).norm(dim=2)
            right = F.one_hot(data.y_test, 10).bool()
            share = (lengths.argmax(1) == data.y_test).float().mean().item()
            print(f"  step {step:2d}: {share:.2f} {lengths[right].mean().item():.2f} {lengths[~right].mean().item():.2f}")
        rows = torch.randint(len(data.x), (64,))
        optimizer.zero_grad()
        model.loss(data.x[rows], data.y[rows]).backward()
        optimizer.step()
