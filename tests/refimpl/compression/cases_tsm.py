"""Cases of the temporal shift; the oracles roll the clip with zeros, convolve along time, or move channel by channel."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from refimpl.compression.tsm import TemporalShift, temporal_shift, temporal_shift_online
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn, randomize

METHOD = "tsm"
CLIPS, SMALL = randn(6, 7, 3, 2, seed=1), randn(4, 6, seed=2)


def by_convolution(_, x, n_segment, fold_div=8, bidirectional=True):
    """A depthwise convolution of size three along time, whose kernels are unit vectors; it correlates, so tap 0 reads the past."""
    pixels = x.shape[2:].numel()
    clip = x.reshape(len(x) // n_segment, n_segment, x.shape[1] * pixels)  # (N, T, C P)
    fold = x.shape[1] // fold_div
    tap = torch.ones(x.shape[1], dtype=torch.long)
    if bidirectional:
        tap[:fold], tap[fold : 2 * fold] = 2, 0
    else:
        tap[:fold] = 0
    kernel = F.one_hot(tap, 3).to(x.dtype).repeat_interleave(pixels, 0)[:, None]
    return F.conv1d(clip.transpose(1, 2), kernel, padding=1, groups=len(kernel)).transpose(1, 2).reshape(x.shape)


def channel_by_channel(_, x, n_segment, fold_div=8, bidirectional=True):
    y = np.zeros_like(x)
    fold = x.shape[1] // fold_div
    for row in range(len(x)):
        t = row % n_segment
        for c in range(x.shape[1]):
            ahead = bidirectional and c < fold
            step = 1 if ahead else -1 if c < (1 + bidirectional) * fold else 0
            if 0 <= t + step < n_segment:
                y[row, c] = x[row + step, c]
    return y


def online(_, x, cache=None, fold_div=8):
    fold = x.shape[1] // fold_div
    y = x.clone()
    y[:, :fold] = 0 if cache is None else cache
    return y, x[:, :fold]


def layer(p, x):
    return F.linear(by_convolution(p, x, 3, 4), p["net.weight"], p["net.bias"])


BAD = (
    Bad(lambda: temporal_shift(SMALL, 3), r"^temporal_shift: input must be \(N T, C, ...\) with T = 3 frames, got shape \(4, 6\)$"),
    Bad(lambda: temporal_shift(SMALL, 0), r"^temporal_shift: input must be .* with T = 0 frames, got shape \(4, 6\)$"),
    Bad(lambda: temporal_shift(SMALL[0], 2), r"^temporal_shift: input must be .*, got shape \(6,\)$"),
    Bad(lambda: temporal_shift(SMALL, 2, 1), r"^temporal_shift: fold_div must be at least 2, got 1$"),
    Bad(lambda: temporal_shift_online(SMALL, None, 0), r"^temporal_shift_online: fold_div must be at least 2, got 0$"),
    Bad(lambda: temporal_shift_online(SMALL, SMALL, 3), r"^temporal_shift_online: cache must have shape \(4, 2\), got \(4, 6\)$"),
)

CASES = [
    Case(
        METHOD,
        name,
        function(temporal_shift, **options),
        lambda: [
            Sample((CLIPS,), {"n_segment": 3}, "two clips"),
            Sample((SMALL,), {"n_segment": 4}, "vectors"),
            Sample((randn(4, 17, 2, seed=3),), {"n_segment": 2}, "17 channels"),
        ],
        (
            Oracle("depthwise convolution in torch", lambda *a, o=options, **k: by_convolution(*a, **o, **k)),
            Oracle("channel by channel in NumPy", lambda *a, o=options, **k: channel_by_channel(*a, **o, **k), "numpy"),
        ),
        degenerate=lambda: [Sample((SMALL,), {"n_segment": 1}, "one frame"), Sample((CLIPS[:0],), {"n_segment": 3}, "no clip")],
        bad=BAD if not options else (),
        gradcheck=2,
    )
    for name, options in (
        ("an eighth each way", {}),
        ("a third each way", {"fold_div": 3}),
        ("from the past alone", {"fold_div": 3, "bidirectional": False}),
    )
] + [
    Case(
        METHOD,
        "online",
        function(temporal_shift_online, fold_div=3),
        lambda: [Sample((CLIPS, randn(6, 2, 3, 2, seed=4)), name="cache"), Sample((CLIPS,), name="first frame")],
        (Oracle("assignment in torch", lambda *a: online(*a, fold_div=3)),),
    ),
    Case(
        METHOD,
        "before a layer",
        lambda: randomize(TemporalShift(nn.Linear(6, 2), 3, 4)),
        lambda: [Sample((randn(6, 6, seed=5),))],
        (Oracle("depthwise convolution and torch.nn.functional.linear", layer),),
    ),
]
