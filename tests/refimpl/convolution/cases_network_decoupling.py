"""Cases of network decoupling: the kernel that its terms add up to, against projections by eigenvectors."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from refimpl.convolution.depthwise_separable import equivalent_kernel
from refimpl.convolution.network_decoupling import decouple, decouple_conv, residual_energy
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn

METHOD = "network-decoupling"


def approximate(weight, terms):
    """The sum of the terms."""
    return equivalent_kernel(*decouple(weight, terms), weight.shape[1])


def numpy_projection(_, weight, terms):
    """For each input channel: project its rows on the leading eigenvectors of W^T W."""
    out = np.empty_like(weight)
    for m in range(weight.shape[1]):
        rows = weight[:, m].reshape(len(weight), -1)
        values, vectors = np.linalg.eigh(rows.T @ rows)
        leading = vectors[:, np.argsort(values)[::-1][:terms]]
        out[:, m] = (rows @ leading @ leading.T).reshape(out[:, m].shape)
    return out


def torch_projection(_, weight, terms):
    """The same from the left: project the columns on the leading eigenvectors of W W^T."""
    columns = weight.detach().transpose(0, 1).flatten(2)
    _, vectors = torch.linalg.eigh(columns @ columns.mT)
    leading = vectors[..., vectors.shape[-1] - terms :]
    return (leading @ leading.mT @ columns).transpose(0, 1).reshape(weight.shape)


def numpy_energy(_, weight):
    """Squared norm of what each number of terms leaves."""
    most = min(len(weight), weight[0, 0].size)
    whole = (weight**2).sum()
    return np.array([1.0, *(((weight - numpy_projection(None, weight, t)) ** 2).sum() / whole for t in range(1, most + 1))])


TALL, WIDE = randn(7, 3, 2, 3, seed=1), randn(4, 2, 3, 3, seed=2)
BAD = (
    Bad(lambda: decouple(TALL[0], 1), r"decouple: weight must be floating point \(O, C, kH, kW\), got torch.float64 of shape \(3, 2, 3\)"),
    Bad(lambda: decouple(TALL.long(), 1), r"decouple: weight must be floating point .*, got torch.int64 of shape \(7, 3, 2, 3\)"),
    Bad(lambda: decouple(TALL[:0], 1), r"decouple: weight must be floating point .* of shape \(0, 3, 2, 3\)"),
    Bad(lambda: residual_energy(TALL[0]), r"residual_energy: weight must be floating point .* of shape \(3, 2, 3\)"),
    Bad(lambda: decouple(TALL, 7), r"decouple: terms must lie in \[1, 6\] for a kernel \(7, 3, 2, 3\), got 7"),
    Bad(lambda: decouple(WIDE, 5), r"decouple: terms must lie in \[1, 4\] for a kernel \(4, 2, 3, 3\), got 5"),
    Bad(lambda: decouple(WIDE, 0), r"decouple: terms must lie in \[1, 4\] .*, got 0"),
    Bad(
        lambda: decouple_conv(nn.Conv2d(4, 4, 3, groups=2), 1),
        r"decouple_conv: expected one group and zero padding, got groups=2, padding_mode='zeros'",
    ),
    Bad(lambda: decouple_conv(nn.Conv2d(4, 4, 3, padding_mode="reflect"), 1), r"got groups=1, padding_mode='reflect'"),
)
ORACLES = (
    Oracle("projection on eigenvectors in torch", torch_projection),
    Oracle("projection on eigenvectors in NumPy", numpy_projection, "numpy"),
)

CASES = [
    Case(
        METHOD,
        "kernel",
        function(approximate),
        lambda: [
            Sample((WIDE, 2)),
            Sample((TALL, 3), name="more outputs than taps"),
            Sample((TALL, 1), name="one term"),
            Sample((TALL, 6), name="exact"),
            Sample((WIDE, 4), name="exact, fewer outputs than taps"),
        ],
        ORACLES,
        hard=lambda: [Sample((TALL + 1e4, 2), name="mean 1e4"), Sample((WIDE * 1e-6, 3), name="values of 1e-6")],
        bad=BAD,
        gradcheck=0,  # made once from trained weights, which it detaches
        tolerance={torch.bfloat16: 3e-2},  # two factors rounded to 8 bits each
    ),
    Case(
        METHOD,
        "residual energy",
        function(residual_energy),
        lambda: [Sample((WIDE,)), Sample((TALL,), name="more outputs than taps")],
        (Oracle("projections on eigenvectors in NumPy", numpy_energy, "numpy"),),
        gradcheck=0,  # as above
        dtypes=(torch.float64, torch.float32),
    ),
]
