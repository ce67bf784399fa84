r"""WaveNet: the probability of a waveform, sample by sample, by causal convolutions whose dilation doubles.

Paper
    Van den Oord et al., "WaveNet: A Generative Model for Raw Audio", 2016, arXiv:1609.03499. Section 2.2 (mu-law),
    2.3 (gate, equation 2), 2.4 (residual and skip connections), 2.5 (condition). Generation with caches: Le Paine et al.,
    "Fast WaveNet Generation Algorithm", 2016, arXiv:1611.09482.

Equations (x features, (N, C, T); c a condition; layer l has dilation 1, 2, 4, ..., then again)
    wavenet-mu-law   f(s) = sign(s) log(1 + mu |s|) / log(1 + mu),   mu = 255,   quantized to 256 levels
    wavenet-gate     z = tanh(W_f * x + V_f c) sigmoid(W_g * x + V_g c)
    wavenet-layer    x' = x + P z,   skip' = skip + S z
    wavenet-output   logits = B relu(A relu(skip))
    wavenet-field    1 + (k - 1)(1 + sum of the dilations) steps are seen, with k taps; the 1 is the first convolution

Deviations from the paper
    1. The filter's and the gate's convolutions are one, as are P and S; the last layer has no P, whose result nobody uses.
    2. The condition is one vector for the sequence, not a second sequence.
    3. ``generate`` keeps each layer's past inputs and computes each of them once; the logits are the same up to rounding.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.generative.gated import gated_activation
from refimpl.recurrent.tcn import causal_conv1d

__all__ = ["WaveNet", "mu_law_decode", "mu_law_encode"]


def mu_law_encode(samples: Tensor, levels: int = 256) -> Tensor:
    """Samples in [-1, 1] to levels 0 ... levels - 1, finer near zero; int64.

    Raises:
        ValueError: fewer than 2 levels.
    """
    _check_levels("mu_law_encode", levels)
    mu = levels - 1
    companded = samples.sign() * torch.log1p(mu * samples.abs()) / math.log1p(mu)
    return ((companded + 1) / 2 * mu + 0.5).long().clamp(0, mu)


def mu_law_decode(codes: Tensor, levels: int = 256) -> Tensor:
    """The sample in [-1, 1] in the middle of each level, in PyTorch's default dtype.

    Raises:
        ValueError: fewer than 2 levels.
    """
    _check_levels("mu_law_decode", levels)
    mu = levels - 1
    companded = codes / mu * 2 - 1
    return companded.sign() * torch.expm1(companded.abs() * math.log1p(mu)) / mu


def _check_levels(function: str, levels: int) -> None:
    if levels < 2:
        raise ValueError(f"{function}: levels must be at least 2, got {levels}")


class _Layer(nn.Module):
    """A gated causal convolution with its residual and skip connections."""

    def __init__(self, residual: int, skip: int, kernel_size: int, dilation: int, condition: int, last: bool, **made) -> None:
        super().__init__()
        self.dilation, self.kept = dilation, 0 if last else residual
        self.dilated = nn.Conv1d(residual, 2 * residual, kernel_size, dilation=dilation, **made)
        self.out = nn.Conv1d(residual, self.kept + skip, 1, **made)
        self.condition = nn.Linear(condition, 2 * residual, bias=False, **made) if condition else None

    def gate(self, x: Tensor, c: Tensor | None) -> Tensor:
        """Residual and skip parts, ``(N, kept + skip, T)``, from the convolved features ``(N, 2 residual, T)``."""
        if self.condition is not None:
            x = x + self.condition(c).unsqueeze(2)
        return self.out(gated_activation(x))

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        return self.gate(causal_conv1d(x, self.dilated.weight, self.dilated.bias, self.dilation), c)


class WaveNet(nn.Module):
    """Logits of the next sample's level at each step.

    Args:
        levels: number of values a sample can take.
        residual, skip: channels of the features and of the skip connections.
        layers: layers in a block, with dilations 1, 2, ..., 2^(layers - 1).
        blocks: how often that is repeated.
        kernel_size: taps k of each convolution.
        condition: size of a vector that describes the sequence, such as a one-hot speaker; 0 for none.

    Shape: x one-hot levels ``(N, levels, T)``, c ``(N, condition)`` to logits ``(N, levels, T)``, those at t of the sample at t + 1.
    """

    def __init__(
        self,
        levels: int = 256,
        residual: int = 32,
        skip: int = 256,
        layers: int = 10,
        blocks: int = 1,
        kernel_size: int = 2,
        condition: int = 0,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        sizes = {"levels": (levels, 2), "residual": (residual, 1), "skip": (skip, 1), "layers": (layers, 1), "blocks": (blocks, 1)}
        for name, (value, least) in {**sizes, "kernel_size": (kernel_size, 2), "condition": (condition, 0)}.items():
            if value < least:
                raise ValueError(f"WaveNet: {name} must be at least {least}, got {value}")
        made = {"device": device, "dtype": dtype}
        self.levels, self.condition, self.skip = levels, condition, skip
        dilations = [2**i for i in range(layers)] * blocks
        self.receptive_field = 1 + (kernel_size - 1) * (1 + sum(dilations))
        self.causal = nn.Conv1d(levels, residual, kernel_size, **made)
        last = len(dilations) - 1
        self.layers = nn.ModuleList(
            _Layer(residual, skip, kernel_size, d, condition, last=i == last, **made) for i, d in enumerate(dilations)
        )
        self.head = nn.Sequential(nn.ReLU(), nn.Conv1d(skip, skip, 1, **made), nn.ReLU(), nn.Conv1d(skip, levels, 1, **made))

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        self._check(x, c)
        x = causal_conv1d(x, self.causal.weight, self.causal.bias)
        total = 0.0
        for layer in self.layers:
            both = layer(x, c)
            if layer.kept:
                x = x + both[:, : layer.kept]
            total = total + both[:, layer.kept :]
        return self.head(total)

    def log_likelihood(self, codes: Tensor, c: Tensor | None = None) -> Tensor:
        """log p of levels ``(N, T)``, int64, given the first one: the sum over the others in nats, ``(N,)``."""
        x = F.one_hot(codes, self.levels).transpose(1, 2).to(self.causal.weight.dtype)
        return -F.cross_entropy(self(x[:, :, :-1], c), codes[:, 1:], reduction="none").sum(1)

    @torch.no_grad()
    def generate(
        self, codes: Tensor, steps: int, c: Tensor | None = None, *, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Continue sequences.

        Args:
            codes: what has been heard, ``(N, T)`` with T > 0, int64.
            steps: how many samples to draw.
            c: condition, ``(N, condition)``.
            generator: source of randomness.

        Returns:
            The codes with the drawn ones, ``(N, T + steps)``, and the logits they were drawn from, ``(N, levels, steps)``.

        Raises:
            ValueError: there is nothing to continue, or a shape does not fit.
        """
        if codes.dim() != 2 or not codes.shape[1]:
            raise ValueError(f"WaveNet.generate: codes must be (N, T) with T > 0, got {tuple(codes.shape)}")
        caches = [_Cache(conv, len(codes)) for conv in (self.causal, *(layer.dilated for layer in self.layers))]
        out, logits = list(codes.unbind(1)), []
        for t in range(codes.shape[1] + steps - 1):
            x = F.one_hot(out[t], self.levels).to(self.causal.weight.dtype)  # (N, levels)
            self._check(x.unsqueeze(2), c)
            x = caches[0](x)
            total = 0.0
            for layer, cache in zip(self.layers, caches[1:], strict=True):
                both = layer.gate(cache(x).unsqueeze(2), c).squeeze(2)
                if layer.kept:
                    x = x + both[:, : layer.kept]
                total = total + both[:, layer.kept :]
            if t >= codes.shape[1] - 1:
                logits.append(self.head(total.unsqueeze(2)).squeeze(2))
                out.append(torch.multinomial(logits[-1].float().softmax(1), 1, generator=generator).squeeze(1))
        drawn = torch.stack(logits, 2) if logits else self.causal.weight.new_empty(len(codes), self.levels, 0)
        return torch.stack(out, 1), drawn

    def _check(self, x: Tensor, c: Tensor | None) -> None:
        if x.dim() != 3 or x.shape[1] != self.levels:
            raise ValueError(f"WaveNet: x must be (N, {self.levels}, T), got {tuple(x.shape)}")
        if (None if c is None else tuple(c.shape)) != ((len(x), self.condition) if self.condition else None):
            expected = (len(x), self.condition) if self.condition else None
            raise ValueError(f"WaveNet: c must be {expected}, got {None if c is None else tuple(c.shape)}")


class _Cache:
    """A causal convolution one step at a time: a ring of the inputs that its taps still need."""

    def __init__(self, conv: nn.Conv1d, batch: int) -> None:
        self.taps, self.dilation = conv.kernel_size[0], conv.dilation[0]
        self.weight, self.bias = conv.weight.flatten(1), conv.bias  # (C', C k)
        self.ring = conv.weight.new_zeros(self.dilation * (self.taps - 1), batch, conv.in_channels)
        self.at = 0  # where the oldest input stands

    def __call__(self, x: Tensor) -> Tensor:
        """The output ``(N, C')`` at this step, whose input is x ``(N, C)``."""
        length = len(self.ring)
        past = [self.ring[(self.at - j * self.dilation) % length] for j in range(self.taps - 1, 0, -1)]
        y = F.linear(torch.stack([*past, x], 2).flatten(1), self.weight, self.bias)
        self.ring[self.at] = x
        self.at = (self.at + 1) % length
        return y


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    levels, time = 16, torch.arange(400)
    wave = 0.8 * torch.sin(2 * math.pi * time / 20)
    codes = mu_law_encode(wave, levels)
    net = WaveNet(levels, 16, 32, layers=4, blocks=1)
    print(f"a sine of period 20 in {levels} levels; the network sees {net.receptive_field} steps")
    adam = torch.optim.Adam(net.parameters(), lr=5e-3)
    starts = torch.arange(20)
    batch = torch.stack([codes[s : s + 60] for s in starts])
    for step in range(121):
        loss = -net.log_likelihood(batch).mean() / 59
        if step % 40 == 0:
            print(f"step {step:3}: {loss:.4f} nats a sample (log {levels} = {math.log(levels):.3f})")
        adam.zero_grad()
        loss.backward()
        adam.step()
    drawn, logits = net.generate(codes[None, :20], 200)
    off = (mu_law_decode(drawn[0, 20:], levels) - wave[20:220]).abs().mean()
    naive = net(F.one_hot(drawn[:, :-1], levels).transpose(1, 2).float())[:, :, 19:]
    gap = (logits - naive).abs().max()
    print(f"200 samples drawn: {off:.3f} from the sine on average; largest difference from logits without caches {gap:.1e}")
