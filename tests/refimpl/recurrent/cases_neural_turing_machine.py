"""Cases of the neural Turing machine: einsum and Fourier transform by autograd, and the equations in NumPy, row by row."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.recurrent.neural_turing_machine import NeuralTuringMachine, address, content_weights, read, shift, write
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "neural-turing-machine"
KINDS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


def address_in_torch(_, memory, before, key, strength, gate, shares, power):
    """Cosine by unit vectors, the shift as a product of Fourier transforms."""
    unit = memory / memory.norm(dim=2, keepdim=True)
    content = torch.softmax(strength * torch.einsum("bnw,bw->bn", unit, key / key.norm(dim=1, keepdim=True)), 1)
    mixed = gate * content + (1 - gate) * before
    rows, most = before.shape[1], shares.shape[1] // 2
    kernel = torch.zeros_like(before)
    for j, by in enumerate(range(-most, most + 1)):
        kernel = kernel + F.one_hot(torch.tensor(by % rows), rows) * shares[:, j : j + 1]
    moved = torch.fft.irfft(torch.fft.rfft(mixed) * torch.fft.rfft(kernel), rows)
    raised = torch.exp(power * torch.log(moved))
    return raised / raised.sum(1, keepdim=True)


def address_in_numpy(_, memory, before, key, strength, gate, shares, power):
    """One example at a time, row by row."""
    found = np.zeros(before.shape)
    rows, most = before.shape[1], shares.shape[1] // 2
    for b in range(len(memory)):
        scores = [strength[b, 0] * key[b] @ row / np.sqrt((key[b] @ key[b]) * (row @ row)) for row in memory[b]]
        content = np.exp(scores) / np.exp(scores).sum()
        mixed = gate[b, 0] * content + (1 - gate[b, 0]) * before[b]
        for i in range(rows):
            for j in range(rows):
                for by in range(-most, most + 1):
                    if (i - j - by) % rows == 0:
                        found[b, i] += mixed[j] * shares[b, by + most]
        found[b] = found[b] ** power[b, 0] / (found[b] ** power[b, 0]).sum()
    return found


def written(_, memory, weights, erase, add):
    return memory - torch.einsum("bnw,bn,bw->bnw", memory, weights, erase) + torch.einsum("bn,bw->bnw", weights, add)


def written_in_numpy(_, memory, weights, erase, add):
    new = np.zeros(memory.shape)
    for b, i, k in np.ndindex(memory.shape):
        new[b, i, k] = memory[b, i, k] * (1 - weights[b, i] * erase[b, k]) + weights[b, i] * add[b, k]
    return new


def machine(p, x, state, mathematics):
    """The whole, with the functions of ``mathematics``: cell, linear, heads."""
    h, c, memory, wrote, reading, seen = state
    outputs = []
    for x_t in x:
        h, c = mathematics["cell"](p, mathematics["join"](x_t, seen), h, c)
        y = h[0]
        said = mathematics["linear"](p, "writer", y)
        width = memory.shape[2]
        key, erase, add = said[:, : -2 * width], said[:, -2 * width : -width], said[:, -width:]
        wrote = mathematics["head"](memory, wrote, key)
        memory = mathematics["write"](None, memory, wrote, mathematics["sigmoid"](erase), add)
        reading = mathematics["head"](memory, reading, mathematics["linear"](p, "reader", y))
        seen = (reading[:, :, None] * memory).sum(1)
        outputs.append(mathematics["linear"](p, "output", mathematics["join"](y, seen)))
    return mathematics["stack"](outputs), h, c, memory, wrote, reading, seen


def cut(said, width):
    """k, beta, g, s, gamma before they are squashed."""
    return said[:, :width], said[:, width : width + 1], said[:, width + 1 : width + 2], said[:, width + 2 : -1], said[:, -1:]


def torch_head(memory, before, said):
    key, strength, gate, shares, power = cut(said, memory.shape[2])
    squashed = torch.log1p(strength.exp()), torch.sigmoid(gate), torch.softmax(shares, 1), 1 + torch.log1p(power.exp())
    return address_in_torch(None, memory, before, key, *squashed)


def torch_cell(p, x, h, c):
    h, c = torch.lstm_cell(x, (h[0], c[0]), *(p[f"controller.{kind}"] for kind in KINDS))
    return h.unsqueeze(0), c.unsqueeze(0)


TORCH = {
    "cell": torch_cell,
    "join": lambda a, b: torch.cat((a, b), 1),
    "linear": lambda p, name, v: F.linear(v, p[f"{name}.weight"], p[f"{name}.bias"]),
    "head": torch_head,
    "write": written,
    "sigmoid": torch.sigmoid,
    "stack": torch.stack,
}


def logistic(x):
    return (1 + np.tanh(x / 2)) / 2


def numpy_cell(p, x, h, c):
    w, u, b, d = (p[f"controller.{kind}"] for kind in KINDS)
    i, f, g, o = np.split(x @ w.T + b + h[0] @ u.T + d, 4, 1)
    c = logistic(f) * c[0] + logistic(i) * np.tanh(g)
    return (logistic(o) * np.tanh(c))[None], c[None]


def numpy_head(memory, before, said):
    key, strength, gate, shares, power = cut(said, memory.shape[2])
    parts = np.exp(shares) / np.exp(shares).sum(1, keepdims=True)
    return address_in_numpy(None, memory, before, key, np.log1p(np.exp(strength)), logistic(gate), parts, 1 + np.log1p(np.exp(power)))


NUMPY = {
    "cell": numpy_cell,
    "join": lambda a, b: np.concatenate((a, b), 1),
    "linear": lambda p, name, v: v @ p[f"{name}.weight"].T + p[f"{name}.bias"],
    "head": numpy_head,
    "write": written_in_numpy,
    "sigmoid": logistic,
    "stack": np.stack,
}


def weights(batch, rows, seed):
    return rand(batch, rows, seed=seed, low=-2.0).softmax(1)


def head(seed, rows=5, shifts=1):
    shares = rand(2, 2 * shifts + 1, seed=seed + 5, low=-2.0).softmax(1)
    numbers = [rand(2, 1, seed=seed + j, low=low, high=high) for j, low, high in ((2, 0.5, 3.0), (3, 0.1, 0.9), (4, 1.0, 4.0))]
    strength, gate, power = numbers
    return (randn(2, rows, 3, seed=seed), weights(2, rows, seed + 6), randn(2, 3, seed=seed + 1), strength, gate, shares, power)


def begun(seed):
    shapes = (1, 2, 4), (1, 2, 4), (2, 5, 3)
    h, c, memory = (randn(*shape, seed=seed + j) for j, shape in enumerate(shapes))
    return h, c, memory, weights(2, 5, seed + 4), weights(2, 5, seed + 5), randn(2, 3, seed=seed + 6)


X = randn(3, 2, 2, seed=1)
M, P = head(30)[:2]
Z = torch.zeros


def small(**options):
    return NeuralTuringMachine(**({"input_size": 2, "output_size": 3, "controller_size": 4, "rows": 5, "width": 3} | options))


BAD = (
    *(
        Bad(lambda name=name: small(**{name: 0}), rf"^NeuralTuringMachine: {name} must be positive, got 0$")
        for name in ("input_size", "output_size", "controller_size", "rows", "width", "shifts")
    ),
    Bad(lambda: small()(X[0]), r"^NeuralTuringMachine: input must have shape \(T, B, input_size\) with T > 0, got \(2, 2\)$"),
    Bad(lambda: small()(X[:0]), r"^NeuralTuringMachine: input must have shape \(T, B, input_size\) with T > 0, got \(0, 2, 2\)$"),
    Bad(lambda: read(M[0], P), r"^read: expected memory \(B, N, W\) and weights \(B, N\), got \(5, 3\) and \(2, 5\)$"),
    Bad(lambda: read(M[:, :, 0], P), r"^read: expected memory \(B, N, W\) and weights \(B, N\), got \(2, 5\) and \(2, 5\)$"),
    Bad(lambda: read(M, P[:1]), r"^read: expected memory \(B, N, W\) and weights \(B, N\), got \(2, 5, 3\) and \(1, 5\)$"),
    Bad(
        lambda: write(M, P[:, :2], M[:, 0], M[:, 0]),
        r"^write: expected memory \(B, N, W\) and weights \(B, N\), got \(2, 5, 3\) and \(2, 2\)$",
    ),
    Bad(
        lambda: address(M, P[:1], *head(30)[2:]),
        r"^address: expected memory \(B, N, W\) and before \(B, N\), got \(2, 5, 3\) and \(1, 5\)$",
    ),
    Bad(
        lambda: content_weights(M, P, P[:, :1]),
        r"^content_weights: expected memory \(B, N, W\), key \(B, W\) and strength \(B, 1\), got \(2, 5, 3\), \(2, 5\) and \(2, 1\)$",
    ),
    Bad(lambda: content_weights(M, M[:, 0], P[:, 0]), r"got \(2, 5, 3\), \(2, 3\) and \(2,\)$"),
    Bad(lambda: content_weights(M.unsqueeze(3), M[:, 0], P[:, :1]), r"got \(2, 5, 3, 1\), \(2, 3\) and \(2, 1\)$"),
    Bad(lambda: shift(P, P[:, :2]), r"^shift: expected weights \(B, N\) and shares \(B, 2 S \+ 1\), got \(2, 5\) and \(2, 2\)$"),
    Bad(lambda: shift(P[:, 0], P[:, :3]), r"^shift: expected .* got \(2,\) and \(2, 3\)$"),
    Bad(lambda: shift(P, P[:1, :3]), r"^shift: expected .* got \(2, 5\) and \(1, 3\)$"),
    Bad(lambda: shift(P, P[:, :3, None]), r"^shift: expected .* got \(2, 5\) and \(2, 3, 1\)$"),
)

CASES = [
    Case(
        METHOD,
        "addressing",
        function(address),
        lambda: [Sample(head(10)), Sample(head(20, 7, 2), name="shifts of two rows")],
        (
            Oracle("unit vectors and a Fourier transform, by autograd", address_in_torch),
            Oracle("the equations in NumPy, row by row", address_in_numpy, "numpy"),
        ),
        degenerate=lambda: [Sample(head(40, 1), name="one row"), Sample(head(50, 2, 2), name="shifts around more than once")],
        bad=BAD,
        tolerance={torch.bfloat16: 4e-2},  # weights to the power of 4
    ),
    Case(
        METHOD,
        "writing",
        function(write),
        lambda: [Sample((M, P, rand(2, 3, seed=60, low=0.0), randn(2, 3, seed=61)))],
        (Oracle("einsum", written), Oracle("NumPy, number by number", written_in_numpy, "numpy")),
        gradcheck=2,
        degenerate=lambda: [Sample((M[:0], P[:0], Z(0, 3).double(), Z(0, 3).double()), name="empty batch")],
    ),
    Case(
        METHOD,
        "reading",
        function(read),
        lambda: [Sample((M, P))],
        (
            Oracle("einsum", lambda _, m, w: torch.einsum("bnw,bn->bw", m, w)),
            Oracle("NumPy", lambda _, m, w: (m * w[:, :, None]).sum(1), "numpy"),
        ),
        gradcheck=2,
    ),
    Case(
        METHOD,
        "machine",
        lambda: randomize(small(shifts=2), scale=0.8),
        lambda: [Sample((X, begun(70)))],
        (
            Oracle("torch.lstm_cell and the heads above, by autograd", lambda p, x, state: machine(p, x, state, TORCH)),
            Oracle("the equations in NumPy", lambda p, x, state: machine(p, x, state, NUMPY), "numpy"),
        ),
        tolerance={torch.bfloat16: 0.15},  # three steps of some twenty rounded operations, each step reading what the last wrote
        gradcheck=0,  # three hundred parameters; its gradients are compared with the oracle's, its functions' numerically too
        compiles="its controller and its addressing are compiled in their own cases",
        exports="its controller and its addressing are exported in their own cases",
    ),
]
