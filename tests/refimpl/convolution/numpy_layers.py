"""Layers of image networks in NumPy, written from their definitions, for the oracles of whole networks."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def windows(x, kernel, stride, padding=0, fill=0.0, ceil=False):
    """What the kernel sees at each position: ``(N, C, Ho, Wo, kH, kW)``; ``ceil`` adds a last window that starts in the image."""
    size = x.shape[2:]
    after = [padding, padding]
    if ceil:
        for axis in (0, 1):
            last = (size[axis] + 2 * padding - kernel) % stride
            start = size[axis] + 2 * padding - last - kernel + stride
            if last and start < size[axis] + padding:
                after[axis] += stride - last
    padded = np.pad(x, [(0, 0), (0, 0), (padding, after[0]), (padding, after[1])], constant_values=fill)
    return sliding_window_view(padded, (kernel, kernel), (2, 3))[:, :, ::stride, ::stride]


def conv(x, w, bias=None, stride=1, padding=0, groups=1, dilation=1):
    o, per_group, k, _ = w.shape
    seen = windows(x, (k - 1) * dilation + 1, stride, padding)[..., ::dilation, ::dilation]
    parts = []
    for g in range(groups):
        own = seen[:, g * per_group : (g + 1) * per_group]
        parts.append(np.einsum("nchwab,ocab->nohw", own, w[g * (o // groups) : (g + 1) * (o // groups)], optimize=True))
    y = np.concatenate(parts, 1)
    return y if bias is None else y + bias[:, None, None]


def max_pool(x, kernel, stride, padding=0, ceil=False):
    return windows(x, kernel, stride, padding, -np.inf, ceil).max((4, 5))


def average_pool(x, kernel, stride):
    return windows(x, kernel, stride).mean((4, 5))


def batch_norm(x, p, name, eps, training):
    mean, var = (x.mean((0, 2, 3)), x.var((0, 2, 3))) if training else (p[f"{name}.running_mean"], p[f"{name}.running_var"])
    by = (slice(None), None, None)
    return p[f"{name}.weight"][by] * (x - mean[by]) / np.sqrt(var + eps)[by] + p[f"{name}.bias"][by]


def relu(x):
    return np.where(x > 0, x, 0.0)


def linear(x, p, name):
    outputs = [x @ w + b for w, b in zip(p[f"{name}.weight"], p[f"{name}.bias"], strict=True)]
    return np.stack(outputs, 1)


def adaptive_average(x, size):
    """Means over ``size`` x ``size`` cells that start at floor(i L / size) and end before ceil((i + 1) L / size)."""
    y = np.zeros((*x.shape[:2], size, size))
    for i, j in np.ndindex(size, size):
        (top, bottom), (left, right) = ((a * n // size, -(-(a + 1) * n // size)) for a, n in zip((i, j), x.shape[2:], strict=True))
        y[..., i, j] = x[:, :, top:bottom, left:right].mean((2, 3))
    return y


def join(parts):
    return np.concatenate(parts, 1)


def flat(x):
    return x.reshape(len(x), x[0].size if len(x) else np.prod(x.shape[1:], dtype=int))


def response_norm(x, size, alpha, beta, k):
    y = np.empty_like(x)
    for i in range(x.shape[1]):
        near = range(max(0, i - size // 2), min(x.shape[1] - 1, i + size // 2) + 1)
        y[:, i] = x[:, i] / (k + alpha * sum(x[:, j] ** 2 for j in near)) ** beta
    return y
