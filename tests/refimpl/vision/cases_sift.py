"""Cases of SIFT's numeric parts: blur, doubling, differences and the descriptor, each against loops over pixels."""

from __future__ import annotations

import math

import numpy as np
import torch

from refimpl.vision.scale_space import blur, differences, double, extrema, octaves
from refimpl.vision.sift import describe, match
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand

METHOD = "sift"


def reflected(i, n):
    while n > 1 and not 0 <= i < n:
        i = -i if i < 0 else 2 * (n - 1) - i
    return i if n > 1 else 0


def loop_blur(_, image, sigma):
    radius = round(8 * sigma + 1) // 2
    taps = [math.exp(-(k**2) / (2 * sigma**2)) for k in range(-radius, radius + 1)]
    matrices = []
    for n in image.shape:
        m = np.zeros((n, n))
        for i in range(n):
            for k, tap in zip(range(-radius, radius + 1), taps, strict=True):
                m[i, reflected(i + k, n)] += tap / sum(taps)
        matrices.append(torch.from_numpy(m) if isinstance(image, torch.Tensor) else m)
    return matrices[0] @ image @ matrices[1].T


def loop_double(_, image):
    h, w = image.shape
    rows = []
    for i in range(2 * h):
        for j in range(2 * w):
            corners = [(a, b) for a in {i // 2, min((i + 1) // 2, h - 1)} for b in {j // 2, min((j + 1) // 2, w - 1)}]
            rows.append(sum(image[a, b] for a, b in corners) / len(corners))
    stack = torch.stack if isinstance(image, torch.Tensor) else np.array
    return stack(rows).reshape(2 * h, 2 * w)


def loop_describe(_, gaussians, layer, position, scale, angle):
    """Gradient by gradient; every bin is found by its distance from the gradient's place."""
    torch_like = isinstance(gaussians, torch.Tensor)
    sqrt, atan2, exp = (torch.sqrt, torch.atan2, math.exp) if torch_like else (math.sqrt, math.atan2, math.exp)
    found = []
    for n, level in enumerate(layer.tolist()):
        g, s, theta = gaussians[level], float(scale[n]), float(angle[n])
        bins = [[[g[0, 0] * 0 for _ in range(8)] for _ in range(4)] for _ in range(4)]
        y0, x0 = (round(float(v)) for v in position[n])
        reach = round(3 * s * math.sqrt(2) * 2.5)
        for dy in range(-reach, reach + 1):
            for dx in range(-reach, reach + 1):
                y, x = y0 + dy, x0 + dx
                if not (0 < y < g.shape[0] - 1 and 0 < x < g.shape[1] - 1):
                    continue
                gy, gx = g[y + 1, x] - g[y - 1, x], g[y, x + 1] - g[y, x - 1]
                u = (dx * math.cos(theta) + dy * math.sin(theta)) / (3 * s)
                v = (dy * math.cos(theta) - dx * math.sin(theta)) / (3 * s)
                turn = (theta - atan2(gy, gx)) * (8 / (2 * math.pi))
                weight = sqrt(gy**2 + gx**2) * exp(-(u**2 + v**2) / 8)
                for r in range(4):
                    for c in range(4):
                        near = max(0.0, 1 - abs(v + 1.5 - r)) * max(0.0, 1 - abs(u + 1.5 - c))
                        for o in range(8) if near else ():
                            apart = abs(float(turn) - o) % 8
                            if min(apart, 8 - apart) < 1:
                                sign = 1 if (float(turn) - o) % 8 < 1 else -1
                                whole = round((float(turn) - o) / 8) * 8
                                bins[r][c][o] = bins[r][c][o] + weight * near * (1 - sign * (turn - o - whole))
        flat = [b for row in bins for cell in row for b in cell]
        flat = torch.stack(flat) if torch_like else np.array(flat)
        flat = flat / (flat**2).sum() ** 0.5 if (flat**2).sum() else flat
        flat = flat.clamp(max=0.2) if torch_like else np.minimum(flat, 0.2)
        found.append(flat / (flat**2).sum() ** 0.5 if (flat**2).sum() else flat)
    return torch.stack(found) if torch_like else np.array(found)


IMAGE = rand(9, 11, seed=1, low=0.0)
STACK = torch.stack([torch.from_numpy(loop_blur(None, rand(26, 23, seed=i, low=0.0).numpy(), 1.2)) for i in (2, 3)])
KEYS = {
    "layer": torch.tensor([1, 0]),
    "position": torch.tensor([[12.3, 11.8], [5.1, 15.7]], dtype=torch.float64),  # the second reaches beyond the image
    "scale": torch.tensor([0.9, 1.2], dtype=torch.float64),
    "angle": torch.tensor([0.7, 4.4], dtype=torch.float64),
}
EVEN = {
    "layer": torch.tensor([0]),
    "position": torch.tensor([[12.0, 11.0]], dtype=torch.float64),
    "scale": torch.tensor([2 / 3], dtype=torch.float64),  # a cell of two pixels
    "angle": torch.tensor([0.0], dtype=torch.float64),
}
D = rand(5, 14, 15, seed=4)
VECTORS = rand(3, 8, seed=5)
BAD = (
    Bad(lambda: octaves(IMAGE[0]), r"octaves: image must be float32 or float64 \(H, W\), got torch.float64 of shape \(11,\)"),
    Bad(lambda: octaves(IMAGE[:1]), r"octaves: image must be .*, got torch.float64 of shape \(1, 11\)"),
    Bad(lambda: octaves(IMAGE.bfloat16()), r"octaves: image must be .*, got torch.bfloat16"),
    Bad(lambda: octaves(IMAGE, 0), r"octaves: expected scales >= 1 and sigma > 2 camera >= 0, got 0, 1.6 and 0.5"),
    Bad(lambda: octaves(IMAGE, 3, 1.0), r"octaves: expected .*, got 3, 1.0 and 0.5"),
    Bad(lambda: octaves(IMAGE, 3, 1.6, -0.1), r"octaves: expected .*, got 3, 1.6 and -0.1"),
    Bad(lambda: extrema(D[:2]), r"extrema: differences must have shape \(S \+ 2, H, W\), got \(2, 14, 15\)"),
    Bad(lambda: extrema(D[0]), r"extrema: differences must have shape \(S \+ 2, H, W\), got \(14, 15\)"),
    Bad(lambda: extrema(D, -0.1), r"extrema: expected contrast >= 0, edge >= 1 and steps >= 1, got -0.1, 10.0 and 5"),
    Bad(lambda: extrema(D, 0.1, 0.9), r"extrema: expected .*, got 0.1, 0.9 and 5"),
    Bad(lambda: extrema(D, 0.1, 2.0, 0), r"extrema: expected .*, got 0.1, 2.0 and 0"),
    Bad(lambda: match(VECTORS, VECTORS[:1]), r"match: expected \(N, D\) and \(M, D\) with M > 1, got \(3, 8\) and \(1, 8\)"),
    Bad(lambda: match(VECTORS, VECTORS[:, 1:]), r"match: expected .*, got \(3, 8\) and \(3, 7\)"),
    Bad(lambda: match(VECTORS[0], VECTORS), r"match: expected .*, got \(8,\) and \(3, 8\)"),
    Bad(lambda: match(VECTORS, VECTORS[0]), r"match: expected .*, got \(3, 8\) and \(8,\)"),
    Bad(lambda: match(VECTORS, VECTORS, 0.0), r"match: ratio must lie in \(0, 1\], got 0.0"),
    Bad(lambda: match(VECTORS, VECTORS, 1.1), r"match: ratio must lie in \(0, 1\], got 1.1"),
)


def case(name, call, loop, samples, **more):
    more.setdefault("dtypes", (torch.float64, torch.float32))
    more.setdefault("compiles", "convolutions and gathers, run on images of any size")
    oracles = (Oracle("pixel by pixel in torch", loop), Oracle("pixel by pixel in NumPy", loop, "numpy"))
    return Case(METHOD, name, function(call), lambda: samples, oracles, **more)


CASES = [
    case(
        "blur",
        blur,
        loop_blur,
        [Sample((IMAGE, 1.3)), Sample((IMAGE[:3, :2], 2.0), name="taps far beyond the image")],
        hard=lambda: [Sample((IMAGE + 1e4, 1.3), name="mean 1e4")],
        degenerate=lambda: [Sample((IMAGE[:1, :1], 1.3), name="one pixel")],
        gradcheck=2,
        bad=BAD,
    ),
    case("doubling", double, loop_double, [Sample((IMAGE,))], degenerate=lambda: [Sample((IMAGE[:1, :1],), name="one pixel")]),
    case("differences", differences, lambda _, g: g[1:] - g[:-1], [Sample((STACK,))]),
    case(
        "descriptor",
        describe,
        loop_describe,
        [Sample((STACK,), KEYS)],
        degenerate=lambda: [Sample((STACK,), EVEN, "gradients just where the outer cells end")],
        hard=lambda: [Sample((STACK + 1e4,), KEYS, "mean 1e4")],
        hard_tolerance=0.1,  # in float32 a gradient of 0.1 at 1e4 has two digits
        gradcheck=0,  # the clip has kinks; compared with the oracle's
        exports="the number of gradients depends on the scales",
    ),
]
