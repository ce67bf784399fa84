r"""Temporal convolutional network: residual blocks of causal convolutions whose dilation doubles from block to block.

Paper
    Bai, Kolter and Koltun, "An Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence
    Modeling", 2018, arXiv:1803.01271, section 3 (causal and dilated convolution, residual block).
    Salimans and Kingma, arXiv:1602.07868: the weight normalization of each filter.

Equations (x a sequence of C channels, k taps, d dilation, n blocks)
    convolution  F(s) = sum_{i=0...k-1} f(i) x_{s - d i} + b:   x before the first step is zero
    weight       f = g v / |v|,   one length g for each output channel
    residual     o = relu(A x + F(x)),   F two convolutions, each with relu and dropout; A a 1 x 1 convolution where widths differ
    field        1 + 2 (k - 1) sum_{l=0...n-1} 2^l = 1 + 2 (k - 1)(2^n - 1)

Deviations from the paper
    1. Taps are stored oldest first, as ``torch.nn.functional.conv1d`` wants them: ``weight[..., k - 1 - i]`` is f(i).
    2. Weights start as those of ``torch.nn.Conv1d``, with g = |v|; the paper does not say.
    3. Dropout drops whole channels of a sequence, as the paper says; the authors' code drops single numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.training.weight_norm import norm_except

__all__ = ["CausalConv1d", "TemporalBlock", "TemporalConvNet", "causal_conv1d", "receptive_field"]


def causal_conv1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, dilation: int = 1) -> Tensor:
    """Convolve so that the output at a step sees no later input.

    Args:
        input: ``(B, C, T)``, or ``(C, T)`` without a batch.
        weight: ``(C', C, k)``, the tap of the present step last.
        bias: ``(C',)``.
        dilation: steps from tap to tap, d.

    Returns:
        ``(B, C', T)``, or ``(C', T)``.

    Raises:
        ValueError: a shape or the dilation does not fit; the message names it.
    """
    if dilation < 1:
        raise ValueError(f"causal_conv1d: dilation must be positive, got {dilation}")
    if weight.dim() != 3 or not weight.shape[2]:
        raise ValueError(f"causal_conv1d: weight must have shape (C', C, k) with k > 0, got {tuple(weight.shape)}")
    if input.dim() not in (2, 3) or input.shape[-2] != weight.shape[1]:
        raise ValueError(f"causal_conv1d: input must be (B, C, T) or (C, T) with C = {weight.shape[1]}, got shape {tuple(input.shape)}")
    padded = F.pad(input, (dilation * (weight.shape[2] - 1), 0))
    return F.conv1d(padded, weight, bias, dilation=dilation)


def receptive_field(kernel_size: int, blocks: int) -> int:
    """Number of steps that an output of a network with dilations 1, 2, 4 ... sees, itself included."""
    for name, value, least in (("kernel_size", kernel_size, 1), ("blocks", blocks, 0)):
        if value < least:
            raise ValueError(f"receptive_field: {name} must be at least {least}, got {value}")
    return 1 + 2 * (kernel_size - 1) * (2**blocks - 1)


class CausalConv1d(nn.Module):
    """Causal convolution with weight normalization.

    Parameters: ``weight_g`` ``(C', 1, 1)``, ``weight_v`` ``(C', C, k)`` and ``bias`` ``(C',)``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        dilation: int = 1,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        plain = nn.Conv1d(in_channels, out_channels, kernel_size, device=device, dtype=dtype)
        self.dilation = dilation
        self.weight_g = nn.Parameter(norm_except(plain.weight))
        self.weight_v, self.bias = plain.weight, plain.bias

    def forward(self, input: Tensor) -> Tensor:
        weight = self.weight_v * (self.weight_g / norm_except(self.weight_v))
        return causal_conv1d(input, weight, self.bias, self.dilation)

    def extra_repr(self) -> str:
        channels, inputs, taps = self.weight_v.shape
        return f"{inputs}, {channels}, kernel_size={taps}, dilation={self.dilation}"


class TemporalBlock(nn.Module):
    """Two causal convolutions, each followed by relu and dropout of whole channels, and the input added to them."""

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        kernel_size: int,
        dilation: int,
        dropout: float = 0.2,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        new = {"device": device, "dtype": dtype}
        self.conv1 = CausalConv1d(n_inputs, n_outputs, kernel_size, dilation, **new)
        self.conv2 = CausalConv1d(n_outputs, n_outputs, kernel_size, dilation, **new)
        self.downsample = nn.Conv1d(n_inputs, n_outputs, 1, **new) if n_inputs != n_outputs else None
        self.dropout = dropout

    def forward(self, input: Tensor) -> Tensor:
        h = input
        for convolve in (self.conv1, self.conv2):
            h = F.dropout1d(convolve(h).relu(), self.dropout, self.training)
        return (h + (input if self.downsample is None else self.downsample(input))).relu()


class TemporalConvNet(nn.Module):
    """A stack of blocks with dilations 1, 2, 4 ...; arguments and parameter names are those of the authors' code.

    Args:
        num_inputs: channels of the input.
        num_channels: channels of each block.
        kernel_size: taps of each convolution, k.
        dropout: probability of dropping a channel, in training.

    Shape: ``(B, num_inputs, T)`` to ``(B, num_channels[-1], T)``, or both without a batch.

    Raises:
        ValueError: a size is not positive, or ``dropout`` is no probability.
    """

    def __init__(
        self,
        num_inputs: int,
        num_channels: Sequence[int],
        kernel_size: int = 2,
        dropout: float = 0.2,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        widths = [num_inputs, *num_channels]
        if len(widths) < 2 or min(widths) < 1:
            raise ValueError(f"TemporalConvNet: expected positive numbers of channels for at least one block, got {widths}")
        if kernel_size < 1:
            raise ValueError(f"TemporalConvNet: kernel_size must be positive, got {kernel_size}")
        if not 0.0 <= dropout <= 1.0:
            raise ValueError(f"TemporalConvNet: dropout must lie in [0, 1], got {dropout}")
        self.network = nn.Sequential(
            *(TemporalBlock(*widths[i : i + 2], kernel_size, 2**i, dropout, device, dtype) for i in range(len(num_channels)))
        )

    def forward(self, input: Tensor) -> Tensor:
        return self.network(input)


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    delay = 20
    print(f"repeat the sign seen {delay} steps before; chance has error 1")
    for blocks in (2, 4):
        model = nn.Sequential(TemporalConvNet(1, [12] * blocks, 3, 0.0), nn.Conv1d(12, 1, 1))
        optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
        for _ in range(150):
            x = torch.randn(16, 1, 60).sign()
            loss = (model(x)[..., delay:] - x[..., :-delay]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"  {blocks} blocks see {receptive_field(3, blocks):2d} steps: error {loss.item():.3f}")
