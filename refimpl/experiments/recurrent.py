"""Experiments on sequence models: the scale of attention scores."""

from __future__ import annotations

from typing import Any

import torch

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure, panels
from refimpl.recurrent.attention import attend, dot_scores

__all__ = ["attention_scale"]

SIZES = (16, 32, 64, 128, 256, 512, 1024)
QUERIES, KEYS = 400, 64
SCALES = {"dot": lambda d: 1.0, "root": lambda d: d**-0.5, "size": lambda d: 1 / d}


def _attention_scale(seed: int) -> Outcome:
    """Normal queries, each with its own normal keys: the scores' variance, the largest weight, and how far weights can still move."""
    generator = torch.Generator().manual_seed(seed)
    variance: dict[str, list[float]] = {name: [] for name in SCALES}
    largest: dict[str, list[float]] = {name: [] for name in SCALES}
    slope: dict[str, list[float]] = {name: [] for name in SCALES}
    for d in SIZES:
        query, key = torch.randn(QUERIES, 1, d, generator=generator), torch.randn(QUERIES, KEYS, d, generator=generator)
        for name, scale in SCALES.items():
            scores = dot_scores(query, key, scale(d))  # (QUERIES, 1, KEYS)
            _, weights = attend(scores, key)
            variance[name].append(scores.var().item())
            largest[name].append(weights.amax(-1).mean().item())
            slope[name].append((weights * (1 - weights)).sum(-1).mean().item())  # trace of the softmax's Jacobian
    values = {
        "root_variance_min": min(variance["root"]),
        "root_variance_max": max(variance["root"]),
        "root_largest_change": largest["root"][-1] / largest["root"][0],
        "dot_largest": largest["dot"][-1],
        "dot_slope": slope["dot"][-1],
        "root_slope": slope["root"][-1],
        "size_largest_times_keys": largest["size"][-1] * KEYS,
    }
    curves = {f"{what} {name}": (SIZES, found[name]) for what, found in (("variance", variance), ("largest", largest)) for name in SCALES}
    return Outcome(values, curves)


def _attention_scale_figure(outcomes: list[Outcome]) -> dict[str, Any]:
    names = {"dot": ("q · k", "q · k"), "root": ("q · k / √d", "q · k / √d"), "size": ("q · k / d", "q · k / d")}
    size = axis("size d of query and key", "查询与键的维数 d", scale="log")
    alt = {
        "en": "Two panels over sizes d from 16 to 1024. Left, the variance of the scores: it grows as d for the dot product, "
        "stays at 1 with division by the root of d, and falls as 1 / d with division by d. Right, the mean largest weight among 64 keys: "
        "it rises towards 1 for the dot product, is level for the root, and falls to 1/64 with division by d.",
        "zh": "两幅图，横轴为维数 d，从 16 到 1024。左图是得分的方差：点积随 d 增长，除以 √d 时保持为 1，除以 d 时按 1/d 下降。"
        "右图是 64 个键中最大权重的均值：点积时升向 1，除以 √d 时持平，除以 d 时降到 1/64。",
    }
    drawn = [
        figure(
            "lines",
            title={"en": en, "zh": zh},
            x=size,
            y=axis(en, zh, scale="log"),
            series=[curve(outcomes, f"{what} {name}", *label) for name, label in names.items()],
            alt=alt,
        )
        for what, en, zh in (
            ("variance", "variance of the scores", "得分的方差"),
            ("largest", "largest of 64 weights", "64 个权重中的最大值"),
        )
    ]
    return panels({"en": "Attention scores and their scale", "zh": "注意力得分与缩放"}, drawn, alt)


attention_scale = Experiment(run=_attention_scale, seeds=(0, 1, 2, 3, 4), figure=_attention_scale_figure)
