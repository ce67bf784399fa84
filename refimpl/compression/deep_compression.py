r"""Deep compression: prune a network, let the weights left share a few values, and store what remains by Huffman's code.

Papers
    Han, Mao and Dally, "Deep Compression: Compressing Deep Neural Networks with Pruning, Trained Quantization and Huffman
    Coding", ICLR 2016, arXiv:1510.00149. Section 2 (positions), 3 (equations 1 to 3), 4 (Huffman coding).
    Lloyd, "Least Squares Quantization in PCM", IEEE Transactions on Information Theory 28, 1982: the iteration.

Equations (n weights w_i of b bits, k shared values c_j, weight i has the code I_i)
    rate       r = n b / (n log2 k + k b)
    kmeans     min over codes and values of sum_i (w_i - c_{I_i})^2
    lloyd      I_i = argmin_j |w_i - c_j|,   c_j = mean of the w_i with I_i = j, in turns
    gradient   dL/dc_j = sum_i dL/dw_i [I_i = j]
    gaps       the i-th weight left stands g_i + 1 places after the one before, 0 <= g_i < 2^g; a zero fills in where more is needed
    huffman    H(f) <= sum_s f_s l_s < H(f) + 1,   l_s the length of the code word of symbol s of frequency f_s

Deviations from the paper
    1. The sums of k-means are differences of running sums over the sorted weights, in float64, which needs no distances.
    2. A value that no weight is nearest to stays where it is; the paper does not say what becomes of it.
    3. The cumulative distribution is cut in k equal parts and their middles are taken for the density-based start.
    4. The zeros that fill in have a code of their own, k; the paper does not say which of the shared values is zero.
    5. Code words are made from the counts of the symbols, which are stored with them and not counted in ``stored_bits``.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import pad
from torch.nn.utils import parametrize

from refimpl.foundations.huffman import huffman_tree

__all__ = [
    "Coded",
    "Compressed",
    "Shared",
    "compress",
    "compression_rate",
    "decompress",
    "huffman_decode",
    "huffman_encode",
    "initial_values",
    "kmeans",
    "nearest",
    "share_",
    "stored_bits",
]


def compression_rate(count: int, size: int, bits: int = 32) -> float:
    """How many times smaller ``count`` weights of ``bits`` bits become with ``size`` shared values.

    Raises:
        ValueError: an argument is not positive.
    """
    for name, value in (("count", count), ("size", size), ("bits", bits)):
        if value < 1:
            raise ValueError(f"compression_rate: {name} must be positive, got {value}")
    return count * bits / (count * math.log2(size) + size * bits)


def initial_values(weights: Tensor, size: int, how: str = "linear", generator: Generator | None = None) -> Tensor:
    """Where k-means may begin, ascending, ``(size,)``.

    Args:
        weights: ``(N,)``.
        size: k, the number of shared values, at most N.
        how: "linear", evenly from the smallest to the largest weight, which keeps the rare large ones apart; "density", as many
            weights to each value; "random" (Forgy), some of the weights.
        generator: source of the random choice.

    Raises:
        ValueError: the weights are not floating point ``(N,)``, or ``size`` or ``how`` is none of these.
    """
    _check("initial_values", "weights", weights)
    if not 1 <= size <= len(weights):
        raise ValueError(f"initial_values: size must lie between 1 and the number of weights, {len(weights)}, got {size}")
    if how == "linear":
        low, high = weights.aminmax()
        return low + (high - low) * torch.linspace(0, 1, size, dtype=weights.dtype, device=weights.device)
    if how == "density":
        parts = torch.arange(1, 2 * size, 2, device=weights.device)  # in units of half a part
        return weights.sort().values[parts * len(weights) // (2 * size)]
    if how == "random":
        return weights[torch.randperm(len(weights), device=weights.device, generator=generator)[:size]].sort().values
    raise ValueError(f"initial_values: how must be 'linear', 'density' or 'random', got {how!r}")


def nearest(weights: Tensor, values: Tensor) -> Tensor:
    """The code of each weight, int64 of the same shape: the number of the nearest value, of two as near the lower one.

    Args:
        weights: ``(...)``.
        values: ascending, ``(k,)``.
    """
    return torch.bucketize(weights, _middles(values.double()))


def kmeans(weights: Tensor, values: Tensor, steps: int = 50) -> Tensor:
    """Shared values after a number of Lloyd's steps, ascending, ``(k,)``.

    Args:
        weights: ``(N,)``.
        values: where to begin, ``(k,)``, of the same dtype.
        steps: how often weights are given to values and values moved to their mean.

    Raises:
        ValueError: a shape or dtype does not fit, or ``steps`` is negative.
    """
    _check("kmeans", "weights", weights)
    _check("kmeans", "values", values)
    if values.dtype != weights.dtype:
        raise ValueError(f"kmeans: values must be {weights.dtype} like the weights, got {values.dtype}")
    if steps < 0:
        raise ValueError(f"kmeans: steps must be non-negative, got {steps}")
    ordered = weights.double().sort().values
    total = torch.cat((ordered.new_zeros(1), ordered.cumsum(0)))  # (N + 1,)
    current = values.double().sort().values
    for _ in range(steps):
        inner = torch.searchsorted(ordered, _middles(current), right=True)  # (k - 1,)
        ends = pad(pad(inner, (1, 0)), (0, 1), value=len(weights))  # (k + 1,)
        count = ends.diff()
        current = torch.where(count > 0, total[ends].diff() / count.clamp(min=1), current)
    return current.to(values.dtype)


def _middles(values: Tensor) -> Tensor:
    return (values[:-1] + values[1:]) / 2


class Shared(nn.Module):
    """The parametrization of a weight by shared values, which are trained in its place.

    Args:
        codes: of each weight, int64: 0 to ``size - 1``, or ``size`` where the weight has been removed and is zero.
        size: k.

    Shape: values ``(k,)`` to the weight. A weight that is assigned becomes the mean of each code, its best approximation.
    """

    def __init__(self, codes: Tensor, size: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("codes", codes)

    def forward(self, values: Tensor) -> Tensor:
        return pad(values, (0, 1))[self.codes]

    @torch.no_grad()
    def right_inverse(self, weight: Tensor) -> Tensor:
        codes = self.codes.flatten()
        sums = torch.zeros(self.size + 1, dtype=torch.float64, device=weight.device).index_add_(0, codes, weight.flatten().double())
        return (sums / codes.bincount(minlength=self.size + 1).clamp(min=1))[:-1].to(weight.dtype)

    def extra_repr(self) -> str:
        return f"size={self.size}"


def share_(module: nn.Module, size: int, name: str = "weight", how: str = "linear", steps: int = 50) -> nn.Module:
    """Let the nonzero weights of a layer share ``size`` values; zeros are taken for removed and stay.

    ``parametrize.remove_parametrizations`` makes it final. Other arguments as for :func:`initial_values` and :func:`kmeans`.

    Raises:
        ValueError: there is no such parameter, or fewer nonzero weights than values.
    """
    weight = module._parameters.get(name)
    if weight is None:
        raise ValueError(f"share_: expected the name of a parameter of {type(module).__name__}, got {name!r}")
    left = weight != 0
    values = kmeans(weight[left], initial_values(weight[left], size, how), steps)
    codes = torch.where(left, nearest(weight, values), size)
    parametrize.register_parametrization(module, name, Shared(codes, size))
    return module


class Coded(NamedTuple):
    """Symbols by Huffman's code: the bits of all code words, ``(B,)`` bool, and how often each symbol occurs, ``(S,)``."""

    bits: Tensor
    counts: Tensor


def huffman_encode(symbols: Tensor) -> Coded:
    """Short words for frequent symbols.

    Args:
        symbols: numbers from 0, ``(N,)`` int64.

    Raises:
        ValueError: they are not int64 ``(N,)``, or one is negative.
    """
    if symbols.dim() != 1 or symbols.dtype != torch.int64:
        raise ValueError(f"huffman_encode: symbols must be int64 (N,), got {symbols.dtype} of shape {tuple(symbols.shape)}")
    if (symbols < 0).any():
        raise ValueError(f"huffman_encode: symbols must be non-negative, got {int(symbols.min())}")
    counts = symbols.bincount()
    if not len(symbols):
        return Coded(symbols.bool(), counts)
    occurring = counts.nonzero().squeeze(1)
    words = symbols.new_tensor(huffman_tree(counts[occurring]).signs.tolist())  # (S, L), 1 or -1, or 0 beyond the end
    turns = words[torch.searchsorted(occurring, symbols)]  # (N, L)
    return Coded(turns[turns != 0] == -1, counts)


def huffman_decode(coded: Coded) -> Tensor:
    """The symbols, ``(N,)`` int64."""
    occurring = coded.counts.nonzero().squeeze(1)
    if len(occurring) < 2:  # code words of no bits
        return occurring.repeat_interleave(coded.counts[occurring])
    symbol_of = {}
    for symbol, turns in zip(occurring.tolist(), huffman_tree(coded.counts[occurring]).signs.tolist(), strict=True):
        symbol_of["".join(str(int(turn == -1)) for turn in turns if turn)] = symbol
    symbols, word = [], ""
    for bit in coded.bits.tolist():
        word += str(int(bit))
        if word in symbol_of:
            symbols.append(symbol_of[word])
            word = ""
    return coded.counts.new_tensor(symbols)


class Compressed(NamedTuple):
    """Codes of a layer as they are stored: those of the weights left, and how many removed ones stand before each."""

    symbols: Coded
    gaps: Coded
    shape: torch.Size
    size: int


def compress(codes: Tensor, size: int, gap_bits: int) -> Compressed:
    """Store the codes of a layer without loss.

    Args:
        codes: of each weight, int64: 0 to ``size - 1``, or ``size`` where it has been removed.
        size: k.
        gap_bits: bits of a gap between the weights left; the paper takes 5 for linear layers and 8 for convolutions.

    Raises:
        ValueError: a code does not lie in [0, size], or ``gap_bits`` is negative.
    """
    if codes.dtype != torch.int64 or not ((codes >= 0) & (codes <= size)).all():
        raise ValueError(f"compress: codes must be int64 from 0 to {size}, got {codes.dtype}: {codes.unique().tolist()[:8]}")
    if gap_bits < 0:
        raise ValueError(f"compress: gap_bits must be non-negative, got {gap_bits}")
    reach, flat = 2**gap_bits, codes.flatten()
    places = (flat < size).nonzero().squeeze(1)  # (M,)
    before = places.diff(prepend=places.new_tensor([-1])) - 1  # how many are skipped
    last = (before // reach + 1).cumsum(0) - 1  # where each stands among weights and fillers
    length = int(last[-1]) + 1 if len(last) else 0
    gaps, symbols = places.new_full((length,), reach - 1), places.new_full((length,), size)
    gaps[last], symbols[last] = before % reach, flat[places]
    return Compressed(huffman_encode(symbols), huffman_encode(gaps), codes.shape, size)


def decompress(compressed: Compressed) -> Tensor:
    """The codes that :func:`compress` was given."""
    gaps = huffman_decode(compressed.gaps)
    flat = gaps.new_full((compressed.shape.numel(),), compressed.size)
    flat[(gaps + 1).cumsum(0) - 1] = huffman_decode(compressed.symbols)
    return flat.view(compressed.shape)


def stored_bits(compressed: Compressed, bits: int = 32) -> int:
    """Bits of all code words and of the shared values, ``bits`` each."""
    return len(compressed.symbols.bits) + len(compressed.gaps.bits) + compressed.size * bits


def _check(function: str, name: str, value: Tensor) -> None:
    if value.dim() != 1 or not value.is_floating_point():
        raise ValueError(f"{function}: {name} must be floating point and one-dimensional, got {value.dtype} of shape {tuple(value.shape)}")


if __name__ == "__main__":
    from refimpl.compression.pruning import magnitude_masks
    from refimpl.data import digits_split
    from refimpl.demo import arguments

    data = digits_split(device=arguments(__doc__))
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10))

    def train(steps: int, masks: list[Tensor] | None = None) -> float:
        optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
        for _ in range(steps):
            batch = torch.randint(len(data.x), (128,))
            loss = nn.functional.cross_entropy(model(data.x[batch]), data.y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            for layer, mask in zip(layers, masks or (), strict=masks is not None):
                layer.weight.data *= mask
        with torch.no_grad():
            return (model(data.x_test).argmax(1) == data.y_test).double().mean().item()

    layers = [m for m in model if isinstance(m, nn.Linear)]
    before = sum(layer.weight.numel() for layer in layers) * 32
    print(f"trained: {train(300):.3f} of the test digits right, weights of {before:,} bits")
    masks = magnitude_masks([layer.weight.detach() for layer in layers], 0.85)
    for layer, mask in zip(layers, masks, strict=True):
        layer.weight.data *= mask
    print(f"85% of the weights removed, and trained: {train(200, masks):.3f}")
    for layer in layers:
        share_(layer, 8)
    print(f"8 shared values a layer: {train(0):.3f}, trained: {train(100):.3f}")
    after = sum(stored_bits(compress(layer.parametrizations.weight[0].codes, 8, 5)) for layer in layers)
    print(f"stored in {after:,} bits: {before / after:.1f} times smaller")
