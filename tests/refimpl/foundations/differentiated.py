"""Functions to differentiate in forward and reverse mode, with derivatives worked out by hand for two of them."""

from __future__ import annotations

import numpy as np
import torch


def formula(a, b):
    """A sum over a broadcast grid: a is (N, 1), b (K,)."""
    return (torch.sin(a) * torch.exp(-b) / (1 + a**2) - torch.log(b**2 + 2) * 0.7).sum()


def numpy_formula_gradient(a, b):
    """By the quotient rule, entry by entry."""
    d_a, d_b = np.zeros_like(a), np.zeros_like(b)
    for i in range(len(a)):
        for k in range(len(b)):
            x, y = a[i, 0], b[k]
            d_a[i, 0] += np.exp(-y) * (np.cos(x) * (1 + x * x) - 2 * x * np.sin(x)) / (1 + x * x) ** 2
            d_b[k] += -np.sin(x) * np.exp(-y) / (1 + x * x) - 0.7 * 2 * y / (y * y + 2)
    return d_a, d_b


def network(x, w, v):
    """Two layers, each kind of unit in the last one, and the sum of squares of each column, (1, O)."""
    h = torch.tanh(x @ w)
    return torch.square(torch.sigmoid(h @ v) + torch.relu(h @ v)).sum(0, keepdim=True)


def numpy_network_jvp(x, w, v, d_x, d_w, d_v):
    """Value and derivative along a direction, one number at a time."""
    out, slope = np.zeros((1, v.shape[1])), np.zeros((1, v.shape[1]))
    for n in range(len(x)):
        h, d_h = np.zeros(w.shape[1]), np.zeros(w.shape[1])
        for j in range(w.shape[1]):
            z = sum(x[n, i] * w[i, j] for i in range(x.shape[1]))
            d_z = sum(d_x[n, i] * w[i, j] + x[n, i] * d_w[i, j] for i in range(x.shape[1]))
            h[j], d_h[j] = np.tanh(z), d_z / np.cosh(z) ** 2
        for k in range(v.shape[1]):
            z = sum(h[j] * v[j, k] for j in range(len(h)))
            d_z = sum(d_h[j] * v[j, k] + h[j] * d_v[j, k] for j in range(len(h)))
            y = 1 / (1 + np.exp(-z)) + max(z, 0)
            out[0, k] += y * y
            slope[0, k] += 2 * y * d_z * (np.exp(-z) / (1 + np.exp(-z)) ** 2 + (z > 0))
    return out, slope


C = torch.linspace(0.5, 2.0, 12, dtype=torch.float64).view(3, 4)
"""A constant of the shape of the argument."""
STACK = torch.linspace(-1.0, 2.0, 36, dtype=torch.float64)

OPERATIONS = {
    "add": lambda x: x + C + 2,
    "constant + x": lambda x: C + (3 + x),
    "add to a larger one": lambda x: torch.add(x.reshape(3, 4, 1), torch.ones(3, 4, 2, dtype=torch.float64)),
    "sub": lambda x: (x - C) - 0.5,
    "constant - x": lambda x: C - (3 - x),
    "mul": lambda x: x * C * 2,
    "constant * x": lambda x: C * (3 * x),
    "div": lambda x: x / C / 3,
    "constant / x": lambda x: C / x + 3 / x,
    "x / x^2": lambda x: x / (x * x),
    "neg": lambda x: -x,
    "pow": lambda x: x**3 + torch.pow(x, 0.5) + x**-2 + x**1 + x**0,
    "exp": torch.exp,
    "log": torch.log,
    "sin": torch.sin,
    "cos": torch.cos,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": lambda x: torch.relu(x - 1),
    "sqrt": torch.sqrt,
    "square": torch.square,
    "matmul from the left": lambda x: x @ C.T,
    "matmul from the right": lambda x: C.T @ x,
    "matmul with itself": lambda x: torch.matmul(x.T, x),
    "sum over rows": lambda x: x.sum(0) ** 2,
    "sum over the last": lambda x: torch.sum(x, -1, keepdim=True) ** 2 * x,
    "sum over both": lambda x: x.sum((0, 1)) * x,
    "sum of all": lambda x: torch.sum(x) ** 2,
    "sum over no dimension, of all": lambda x: torch.sum(x, ()) ** 2,
    "sum of one number": lambda x: torch.sum(torch.sum(x)) ** 2,
    "reshape": lambda x: torch.reshape(x, (2, 6)) ** 2,
    "reshape to a list": lambda x: x.reshape(12) ** 2,
    "transpose": lambda x: (x.T * C.T) ** 2,
    "a row for all": lambda x: (x.sum(0, keepdim=True) + C) * C,
    "a row for each of a stack": lambda x: x.reshape(1, 12) * STACK.view(1, 3, 12),
    "a column for each of a stack": lambda x: x.reshape(12, 1) * STACK.view(1, 12, 3),
    "used twice": lambda x: torch.sin(x) * torch.exp(x) + torch.sin(x),
}
"""Each operation by itself, for a positive argument of shape (3, 4)."""
