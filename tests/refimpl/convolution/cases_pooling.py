"""Cases of pooling; the NumPy oracles go from window to window and from cell to cell."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.convolution.pooling import (
    MaxPool2d,
    StochasticPool2d,
    avg_pool2d,
    global_avg_pool2d,
    k_max_pool1d,
    lp_pool2d,
    max_pool2d,
    receptive_field,
    stochastic_pool2d,
)
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn

METHOD = "pooling"
HALVES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def both(value):
    return value if isinstance(value, tuple) else (value, value)


def starts(length, reach, stride, padding, ceil_mode):
    """First positions of the windows, counted from the start of the image."""
    first = range(-padding, length + padding, stride)
    whole = [i for i in first if i + reach <= length + padding]
    if ceil_mode and whole[-1] + reach < length + padding and whole[-1] + stride < length:
        whole.append(whole[-1] + stride)
    return whole


def pooled(x, reduce, kernel, stride=None, padding=0, dilation=1, ceil_mode=False):
    """``reduce(n, c, cells, held)`` for each window: the values of its cells in the image, and how many it has with the padding."""
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(both, (kernel, kernel if stride is None else stride, padding, dilation))
    image = x if x.ndim == 4 else x[None]
    height, width = image.shape[2:]
    rows = starts(height, dh * (kh - 1) + 1, sh, ph, ceil_mode)
    columns = starts(width, dw * (kw - 1) + 1, sw, pw, ceil_mode)
    y = np.zeros((*image.shape[:2], len(rows), len(columns)))
    for n, c, i, j in np.ndindex(y.shape):
        seen = [(rows[i] + dh * a, columns[j] + dw * b) for a in range(kh) for b in range(kw)]
        inside = [image[n, c, r, s] for r, s in seen if 0 <= r < height and 0 <= s < width]
        held = sum(r < height + ph and s < width + pw for r, s in seen)
        y[n, c, i, j] = reduce((n, c, i, j), np.array(inside), held)
    return y if x.ndim == 4 else y[0]


def numpy_max(_, x, kernel_size, *rest, **options):
    return pooled(x, lambda _, v, __: v.max() if len(v) else -np.inf, kernel_size, *rest, **options)


def numpy_average(_, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    def mean(_, v, held):
        return v.sum() / (divisor_override or (held if count_include_pad else len(v)))

    return pooled(x, mean, kernel_size, stride, padding, 1, ceil_mode)


def numpy_norm(_, x, norm_type, kernel_size, stride=None, ceil_mode=False):
    def norm(_, v, __):
        largest = abs(v).max()
        return largest * (sum((abs(v) / largest) ** norm_type)) ** (1 / norm_type) if largest else 0.0

    return pooled(x, norm, kernel_size, stride, 0, 1, ceil_mode)


def numpy_stochastic(_, x, kernel_size, stride=None, training=True, uniform=None):
    def value(at, v, _):
        v = np.maximum(v, 0)
        if not v.any():
            return 0.0
        if not training:
            return sum(a / v.sum() * a for a in v)
        draw = uniform[at if x.ndim == 4 else at[1:]] * v.sum()
        return next(a for a, reached in zip(v, np.cumsum(v), strict=True) if reached > draw)

    return pooled(x, value, kernel_size, stride)


def unfolded(x, kernel, stride):
    """The windows of every channel, ``(N, C, cells, Ho, Wo)``."""
    (kh, kw), (sh, sw) = both(kernel), both(kernel if stride is None else stride)
    columns = F.unfold(x, (kh, kw), stride=(sh, sw)).unflatten(1, (x.shape[1], kh * kw))
    return columns.unflatten(-1, ((x.shape[2] - kh) // sh + 1, (x.shape[3] - kw) // sw + 1))


def torch_norm(_, x, norm_type, kernel_size, stride=None):
    return torch.linalg.vector_norm(unfolded(x, kernel_size, stride), norm_type, 2)


def torch_stochastic(_, x, kernel_size, stride=None, training=True, uniform=None):
    a = unfolded(x, kernel_size, stride).relu()
    sums = a.sum(2, keepdim=True)
    p = a / sums.where(sums > 0, 1)
    if not training:
        return (p * a).sum(2)
    chosen = torch.searchsorted(p.detach().cumsum(2).movedim(2, -1).contiguous(), uniform[..., None], right=True).movedim(-1, 2)
    return a.gather(2, chosen.clamp_max(a.shape[2] - 1)).squeeze(2)


def torch_global(_, x):
    return F.adaptive_avg_pool2d(x.reshape(1, -1, *x.shape[-2:]), 1).reshape(x.shape[:-2])


def numpy_k_max(_, x, k):
    """Strike out the smallest, the last of equal ones first, until k are left."""
    rows = []
    for row in x.reshape(-1, x.shape[-1]).tolist():
        while len(row) > k:
            row.pop(max(i for i, v in enumerate(row) if v == min(row)))
        rows.append(row)
    return np.array(rows).reshape(*x.shape[:-1], k)


def torch_k_max(_, x, k):
    kept = (x[..., None, :] > x[..., :, None]).sum(-1) < k
    return x[kept].view(*x.shape[:-1], k)


SMALL, IMAGES = randn(2, 2, 5, 4, seed=1), randn(2, 3, 9, 7, seed=2)
ACTIVE = randn(2, 2, 5, 6, seed=3).relu()
UNIFORM = rand(2, 2, 2, 3, seed=4, low=0.0)
UNEVEN = {"kernel_size": (2, 3), "stride": (3, 2)}
ZEROS = torch.zeros(2, 2, 5, 4, dtype=torch.float64)
WORD = randn(2, 3, 6, seed=5)


def in_numpy(call):
    return Oracle("the equations in NumPy, window by window", call, "numpy")


LAYER = {"kernel_size": (3, 2), "stride": 2, "padding": 1, "dilation": (1, 2), "ceil_mode": True}
FLOAT = r"input must be floating point \(N, C, H, W\) or \(C, H, W\), got torch.{} of shape {}"
BAD = (
    Bad(lambda: max_pool2d(SMALL.long(), 2), "max_pool2d: " + FLOAT.format("int64", r"\(2, 2, 5, 4\)")),
    Bad(lambda: avg_pool2d(SMALL[0, 0], 2), "avg_pool2d: " + FLOAT.format("float64", r"\(5, 4\)")),
    Bad(lambda: lp_pool2d(SMALL[None], 2, 2), "lp_pool2d: " + FLOAT.format("float64", r"\(1, 2, 2, 5, 4\)")),
    Bad(lambda: stochastic_pool2d(SMALL.int(), 2), "stochastic_pool2d: " + FLOAT.format("int32", r"\(2, 2, 5, 4\)")),
    Bad(lambda: max_pool2d(SMALL, 0), r"max_pool2d: kernel_size must be an integer of at least 1 or two of them, got 0"),
    Bad(lambda: avg_pool2d(SMALL, 2, 0), r"avg_pool2d: stride must be an integer of at least 1 or two of them, got 0"),
    Bad(lambda: max_pool2d(SMALL, 2, padding=-1), r"max_pool2d: padding must be an integer of at least 0 or two of them, got -1"),
    Bad(lambda: max_pool2d(SMALL, 2, dilation=0), r"max_pool2d: dilation must be an integer of at least 1 or two of them, got 0"),
    Bad(lambda: max_pool2d(SMALL, (3, 2), padding=2), r"padding must be at most half of the window's reach \(3, 2\), got \(2, 2\)"),
    Bad(lambda: max_pool2d(SMALL, (2, 3), padding=(1, 3), dilation=2), r"at most half of the window's reach \(3, 5\), got \(1, 3\)"),
    Bad(lambda: avg_pool2d(SMALL, 6), r"avg_pool2d: a kernel that spans 6 does not fit into an input of padded length 5"),
    Bad(lambda: avg_pool2d(SMALL, 2, divisor_override=0), r"avg_pool2d: divisor_override must not be zero, got 0"),
    Bad(lambda: lp_pool2d(SMALL, 0.5, 2), r"lp_pool2d: norm_type must be a finite number of at least 1, got 0.5"),
    Bad(lambda: lp_pool2d(SMALL, float("inf"), 2), r"lp_pool2d: norm_type must be a finite number of at least 1, got inf"),
    Bad(
        lambda: stochastic_pool2d(ACTIVE, 2, uniform=UNIFORM[0]),
        r"uniform must have the shape of the output, \(2, 2, 2, 3\), got \(2, 2, 3\)",
    ),
    Bad(lambda: global_avg_pool2d(WORD[0, 0]), r"global_avg_pool2d: input must be floating point .*, got torch.float64 of shape \(6,\)"),
    Bad(
        lambda: global_avg_pool2d(WORD.long()), r"global_avg_pool2d: input must be floating point .*, got torch.int64 of shape \(2, 3, 6\)"
    ),
    Bad(lambda: k_max_pool1d(WORD, 0), r"k_max_pool1d: k must lie in \[1, L\] for an input \(..., L\) of shape \(2, 3, 6\), got 0"),
    Bad(lambda: k_max_pool1d(WORD, 7), r"k_max_pool1d: k must lie in \[1, L\] .*, got 7"),
    Bad(lambda: k_max_pool1d(WORD[0, 0, 0], 1), r"k_max_pool1d: k must lie in \[1, L\] for an input \(..., L\) of shape \(\), got 1"),
    Bad(lambda: receptive_field((3, 3), (1,)), r"receptive_field: expected as many strides as kernels, got 1 and 2"),
)

CASES = [
    Case(
        METHOD,
        "maximum",
        function(max_pool2d),
        lambda: [
            Sample((SMALL,), {"kernel_size": 2}),
            Sample((IMAGES,), {**UNEVEN, "padding": (1, 1), "dilation": (3, 1), "ceil_mode": True}, "all arguments"),
            Sample((IMAGES,), {"kernel_size": (3, 2), "stride": (2, 3), "padding": (0, 1), "dilation": (1, 2)}, "padding and dilation"),
            Sample((IMAGES,), {"kernel_size": 3, "stride": 2, "ceil_mode": True}, "ceiling that adds nothing"),
            Sample((IMAGES,), {"kernel_size": 2, "ceil_mode": True}, "ceiling that adds a row and a column"),
            Sample((IMAGES[:, :, :, :2],), {"kernel_size": 1, "stride": (3, 5), "ceil_mode": True}, "a last window outside"),
            Sample((IMAGES[0],), {"kernel_size": (1, 3), "stride": 1}, "without batch"),
            Sample((IMAGES.round(),), {"kernel_size": 3, "stride": 1}, "ties"),
        ],
        (Oracle("torch.nn.functional.max_pool2d", lambda _, *a, **k: F.max_pool2d(*a, **k)), in_numpy(numpy_max)),
        hard=lambda: [
            Sample((SMALL + 1e4,), {"kernel_size": 2}, "mean 1e4"),
            Sample((ZEROS,), {"kernel_size": 3, "stride": 1}, "all zero"),
            Sample((SMALL * 1e30,), {"kernel_size": 2}, "values of 1e30"),
        ],
        degenerate=lambda: [
            Sample((SMALL[:0],), {"kernel_size": 2}, "empty batch"),
            Sample((SMALL[:, :, :1, :1],), {"kernel_size": 1}, "one pixel"),
            Sample((torch.full((1, 1, 2, 2), -torch.inf, dtype=torch.float64),), {"kernel_size": 2}, "minus infinity"),
        ],
        bad=BAD,
        gradcheck=2,
        dtypes=HALVES,
    ),
    Case(
        METHOD,
        "maximum, layer",
        lambda: MaxPool2d(**LAYER),
        lambda: [Sample((SMALL,)), Sample((IMAGES,), name="images")],
        (
            Oracle("torch.nn.functional.max_pool2d", lambda _, x: F.max_pool2d(x, **LAYER)),
            in_numpy(lambda _, x: numpy_max(_, x, **LAYER)),
        ),
    ),
    Case(
        METHOD,
        "average",
        function(avg_pool2d),
        lambda: [
            Sample((SMALL,), {"kernel_size": 2}),
            Sample((IMAGES,), {"kernel_size": (3, 2), "stride": (2, 3), "padding": (1, 0)}, "padding counts"),
            Sample(
                (IMAGES,), {"kernel_size": (2, 3), "padding": 1, "count_include_pad": False, "ceil_mode": True}, "padding does not count"
            ),
            Sample((IMAGES,), {"kernel_size": (2, 3), "stride": 2, "padding": 1, "ceil_mode": True}, "ceiling, padding counts"),
            Sample((IMAGES,), {"kernel_size": 2, "ceil_mode": True}, "ceiling without padding"),
            Sample((IMAGES,), {**UNEVEN, "padding": (0, 1), "divisor_override": 5}, "another divisor"),
            Sample((IMAGES[0],), {"kernel_size": 3, "stride": 1}, "without batch"),
        ],
        (Oracle("torch.nn.functional.avg_pool2d", lambda _, *a, **k: F.avg_pool2d(*a, **k)), in_numpy(numpy_average)),
        hard=lambda: [Sample((SMALL + 1e4,), {"kernel_size": 2}, "mean 1e4"), Sample((ZEROS,), {"kernel_size": 2}, "all zero")],
        degenerate=lambda: [Sample((SMALL[:0],), {"kernel_size": 2}, "empty batch"), Sample((SMALL,), {"kernel_size": 1}, "window of one")],
        gradcheck=2,
        dtypes=HALVES,
    ),
    Case(
        METHOD,
        "norm",
        function(lp_pool2d),
        lambda: [
            Sample((SMALL,), {"norm_type": 3.0, "kernel_size": 2}),
            Sample((IMAGES,), {"norm_type": 1.5, **UNEVEN}, "uneven"),
            Sample((IMAGES,), {"norm_type": 1, "kernel_size": 3, "stride": 2}, "p = 1"),
        ],
        (Oracle("torch.linalg.vector_norm of torch.nn.functional.unfold", torch_norm), in_numpy(numpy_norm)),
        hard=lambda: [
            Sample((SMALL + 1e4,), {"norm_type": 4.0, "kernel_size": 2}, "mean 1e4"),
            Sample((ZEROS,), {"norm_type": 2.0, "kernel_size": 2}, "all zero"),
            Sample((SMALL * 1e4,), {"norm_type": 60.0, "kernel_size": 2}, "powers of 1e240"),
            Sample((SMALL * 1e-4,), {"norm_type": 60.0, "kernel_size": 2}, "powers of 1e-240"),
        ],
        degenerate=lambda: [Sample((SMALL[:0, :, :2],), {"norm_type": 2.0, "kernel_size": 2}, "empty batch")],
        gradcheck=1,
        dtypes=HALVES,
    ),
    Case(
        METHOD,
        "stochastic, training",
        function(stochastic_pool2d),
        lambda: [
            Sample((ACTIVE + 0.1,), {"kernel_size": 2, "uniform": UNIFORM}),
            Sample((ACTIVE,), {"kernel_size": 2, "uniform": UNIFORM}, "zeros"),
            Sample(
                (IMAGES,), {"kernel_size": (3, 2), "stride": (2, 1), "uniform": rand(2, 3, 4, 6, seed=6, low=0.0)}, "overlap, negatives"
            ),
        ],
        (Oracle("torch.searchsorted on torch.nn.functional.unfold", torch_stochastic), in_numpy(numpy_stochastic)),
        hard=lambda: [Sample((ZEROS[:, :, :4],), {"kernel_size": 2, "uniform": UNIFORM[..., :2]}, "all zero")],
        degenerate=lambda: [Sample((ACTIVE[:0],), {"kernel_size": 2, "uniform": UNIFORM[:0]}, "empty batch")],
        gradcheck=1,
        dtypes=(torch.float64, torch.float32),  # rounded activations and thresholds choose other cells
    ),
    Case(
        METHOD,
        "stochastic, evaluation",
        function(stochastic_pool2d, training=False),
        lambda: [
            Sample((ACTIVE + 0.1,), {"kernel_size": 2}),
            Sample((IMAGES,), {"kernel_size": (3, 2), "stride": (2, 1)}, "overlap, negatives"),
        ],
        (
            Oracle("torch.nn.functional.unfold", lambda _, *a, **k: torch_stochastic(_, *a, **k, training=False)),
            in_numpy(lambda _, *a, **k: numpy_stochastic(_, *a, **k, training=False)),
        ),
        hard=lambda: [Sample((ACTIVE * 1e4,), {"kernel_size": 2}, "values of 1e4")],
        gradcheck=1,
        dtypes=HALVES,
    ),
    Case(
        METHOD,
        "stochastic, layer",
        lambda: StochasticPool2d((3, 2), (2, 1)),
        lambda: [Sample((ACTIVE + 0.1,)), Sample((IMAGES,), name="images")],
        (
            Oracle("torch.nn.functional.unfold", lambda _, x: torch_stochastic(_, x, (3, 2), (2, 1), training=False)),
            in_numpy(lambda _, x: numpy_stochastic(_, x, (3, 2), (2, 1), training=False)),
        ),
        training=False,
    ),
    Case(
        METHOD,
        "global average",
        function(global_avg_pool2d),
        lambda: [Sample((SMALL,)), Sample((IMAGES[0],), name="without batch"), Sample((IMAGES[0, 0],), name="one channel")],
        (
            Oracle(
                "torch.nn.functional.adaptive_avg_pool2d",
                lambda _, x: F.adaptive_avg_pool2d(x.reshape(1, -1, *x.shape[-2:]), 1).reshape(x.shape[:-2]),
            ),
            in_numpy(lambda _, x: sum(x[..., i, j] for i, j in np.ndindex(x.shape[-2:])) / (x.shape[-1] * x.shape[-2])),
        ),
        hard=lambda: [Sample((SMALL + 1e4,), name="mean 1e4")],
        degenerate=lambda: [Sample((SMALL[:0],), name="empty batch")],
        gradcheck=2,
        dtypes=HALVES,
    ),
    Case(
        METHOD,
        "k-max",
        function(k_max_pool1d),
        lambda: [Sample((WORD, 3)), Sample((WORD[0, 0], 2), name="one row"), Sample((WORD, 6), name="all of them")],
        (
            Oracle("comparison of all pairs in torch", torch_k_max),
            Oracle("striking out the smallest, in Python", numpy_k_max, "numpy"),
        ),
        hard=lambda: [Sample((WORD * 1e30, 2), name="values of 1e30")],
        degenerate=lambda: [Sample((WORD[:0], 2), name="empty batch"), Sample((WORD[..., :1], 1), name="length one")],
        gradcheck=2,
        dtypes=HALVES,
    ),
]
