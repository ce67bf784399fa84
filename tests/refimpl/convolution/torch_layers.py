"""The layers of ``numpy_layers`` by ``torch.nn.functional``, so that one description of a network serves both oracles."""

from __future__ import annotations

import torch
import torch.nn.functional as F

relu = torch.relu


def conv(x, w, bias=None, stride=1, padding=0, groups=1, dilation=1):
    return F.conv2d(x, w, bias, stride, padding, dilation, groups)


def max_pool(x, kernel, stride, padding=0, ceil=False):
    return F.max_pool2d(x, kernel, stride, padding, 1, ceil)


def average_pool(x, kernel, stride):
    return F.avg_pool2d(x, kernel, stride)


def batch_norm(x, p, name, eps, training):
    mean, var = (p[f"{name}.{kind}"].clone() for kind in ("running_mean", "running_var"))
    return F.batch_norm(x, mean, var, p[f"{name}.weight"], p[f"{name}.bias"], training, 0.1, eps)


def linear(x, p, name):
    return F.linear(x, p[f"{name}.weight"], p[f"{name}.bias"])


def adaptive_average(x, size):
    return F.adaptive_avg_pool2d(x, size)


def join(parts):
    return torch.cat(parts, 1)


def flat(x):
    return x.flatten(1)


def response_norm(x, size, alpha, beta, k):
    return F.local_response_norm(x[..., None], size, alpha * size, beta, k)[..., 0]
