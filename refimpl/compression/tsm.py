r"""Temporal shift: let a network for single images see neighboring frames by moving some channels along time, at no arithmetic.

Paper
    Lin, Gan and Han, "TSM: Temporal Shift Module for Efficient Video Understanding", ICCV 2019, arXiv:1811.08383,
    section 3 (partial and residual shift), section 4 (offline and online models).

Equations (frame t of T, channel c of C; the sets F and B have C / 8 channels each)
    shift        x~_(t,c) = x_(t-1,c) for c in F,   x_(t+1,c) for c in B,   x_(t,c) else;   0 outside the clip
    online       x~_(t,c) = x_(t-1,c) for c in F,   x_(t,c) else
    residual     y = x + f(x~)      the shift stands inside the branch
    convolution  y_t = w1 x_(t-1) + w2 x_t + w3 x_(t+1): a shift by w = (1, 0, 0) for F, (0, 0, 1) for B, (0, 1, 0) else

Deviations from the paper
    1. The order of channels, which the paper leaves open, is that of the authors' code: B first and F next offline, F first online.
    2. Where 8 does not divide C, ``C // 8`` channels move each way, as in the authors' code.
    3. The cache of the online form is an argument and a result, so that no state is hidden.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.convolution.resnet import BasicBlock, Bottleneck, ResNet

__all__ = ["TemporalShift", "add_temporal_shift", "temporal_shift", "temporal_shift_online"]


def temporal_shift(input: Tensor, n_segment: int, fold_div: int = 8, bidirectional: bool = True) -> Tensor:
    """Move channels of every clip along its frames.

    Args:
        input: the frames of all clips in one batch, ``(N T, C, ...)``.
        n_segment: frames T of a clip.
        fold_div: ``C // fold_div`` channels move each way.
        bidirectional: without it, channels move from earlier frames to later ones alone, as online.

    Raises:
        ValueError: the batch is no whole number of clips, or ``fold_div`` is below 2.
    """
    if n_segment < 1 or input.dim() < 2 or input.shape[0] % n_segment:
        raise ValueError(f"temporal_shift: input must be (N T, C, ...) with T = {n_segment} frames, got shape {tuple(input.shape)}")
    fold = _fold("temporal_shift", input, fold_div)
    x = input.reshape(input.shape[0] // n_segment, n_segment, input.shape[1], input.shape[2:].numel())  # (N, T, C, P)
    if not bidirectional:
        past, rest = x.split((fold, x.shape[2] - fold), 2)
        return torch.cat((_later(past), rest), 2).view(input.shape)
    future, past, rest = x.split((fold, fold, x.shape[2] - 2 * fold), 2)
    return torch.cat((F.pad(future[:, 1:], (0, 0, 0, 0, 0, 1)), _later(past), rest), 2).view(input.shape)


def temporal_shift_online(input: Tensor, cache: Tensor | None = None, fold_div: int = 8) -> tuple[Tensor, Tensor]:
    """Shift one frame as it arrives.

    Args:
        input: the frame, ``(N, C, ...)``.
        cache: what the frame before returned as its cache; None for the first one.

    Returns:
        The shifted frame, and the channels to keep for the next one, ``(N, C // fold_div, ...)``.

    Raises:
        ValueError: the cache does not fit the frame, or ``fold_div`` is below 2.
    """
    fold = _fold("temporal_shift_online", input, fold_div)
    moved = input[:, :fold]
    if cache is None:
        cache = torch.zeros_like(moved)
    if cache.shape != moved.shape:
        raise ValueError(f"temporal_shift_online: cache must have shape {tuple(moved.shape)}, got {tuple(cache.shape)}")
    return torch.cat((cache, input[:, fold:]), 1), moved.clone()


def _later(x: Tensor) -> Tensor:
    """``(N, T, C, P)``, every frame in the place of the next, zero in that of the first."""
    return F.pad(x[:, :-1], (0, 0, 0, 0, 1, 0))


def _fold(function: str, input: Tensor, fold_div: int) -> int:
    if fold_div < 2:
        raise ValueError(f"{function}: fold_div must be at least 2, got {fold_div}")
    return input.shape[1] // fold_div


class TemporalShift(nn.Module):
    """A layer that reads the shifted input.

    Args:
        net: the layer.
        n_segment, fold_div, bidirectional: as in :func:`temporal_shift`.
    """

    def __init__(self, net: nn.Module, n_segment: int, fold_div: int = 8, bidirectional: bool = True) -> None:
        super().__init__()
        self.net, self.n_segment, self.fold_div, self.bidirectional = net, n_segment, fold_div, bidirectional

    def forward(self, input: Tensor) -> Tensor:
        return self.net(temporal_shift(input, self.n_segment, self.fold_div, self.bidirectional))

    def extra_repr(self) -> str:
        return f"n_segment={self.n_segment}, fold_div={self.fold_div}, bidirectional={self.bidirectional}"


def add_temporal_shift(model: ResNet, n_segment: int, fold_div: int = 8, bidirectional: bool = True) -> ResNet:
    """Put a residual shift into every block of a ResNet, in place: its first convolution reads the shifted input."""
    for block in model.modules():
        if isinstance(block, BasicBlock | Bottleneck):
            block.conv1 = TemporalShift(block.conv1, n_segment, fold_div, bidirectional)
    return model


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    frames, size = 4, 8

    def clips(count: int) -> tuple[Tensor, Tensor]:
        """A point that moves by one pixel a frame, to the left (0) or to the right (1); frames ``(count T, 3, H, W)``."""
        right = torch.randint(2, (count,))
        start = torch.randint(size, (count, 1))
        place = (start + (2 * right - 1)[:, None] * torch.arange(frames)) % size  # (count, T)
        rows = F.one_hot(place, size).float()[:, :, None, None].expand(-1, -1, 3, size, -1)
        return rows.flatten(0, 1), right

    for name, shift in (("without", False), ("with   ", True)):
        model = ResNet(BasicBlock, (1,), 2, width=8)
        model.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        if shift:
            add_temporal_shift(model, frames)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
        for _ in range(30):
            x, y = clips(32)
            scores = model(x).view(-1, frames, 2).mean(1)  # the mean over the frames of a clip
            optimizer.zero_grad()
            F.cross_entropy(scores, y).backward()
            optimizer.step()
        x, y = clips(200)
        with torch.no_grad():
            right = (model(x).view(-1, frames, 2).mean(1).argmax(1) == y).double().mean().item()
        print(f"left or right? an image network {name} temporal shift: {right:.3f} right")
