"""Residual networks without normalization, by depth: He's initialization and Fixup's."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from refimpl.convolution.resnet import BasicBlock
from refimpl.data import digits_split
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.training.fixup import FixupBasicBlock
from refimpl.training.kaiming import kaiming_normal_

__all__ = ["fixup_depth"]

CHANNELS, DEPTHS, EXAMPLES = 8, (2, 5, 10, 20, 40), 100


def stack(kind: str, blocks: int, generator: torch.Generator) -> nn.Sequential:
    """A convolution with ReLU, and so many residual blocks without normalization."""
    body: list[nn.Module] = []
    for _ in range(blocks):
        block = FixupBasicBlock(CHANNELS, CHANNELS) if kind == "fixup" else BasicBlock(CHANNELS, CHANNELS)
        if kind == "fixup":
            block.reset_parameters(blocks)
        else:
            block.bn1, block.bn2 = nn.Identity(), nn.Identity()
            for layer in (block.conv1, block.conv2):
                kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
        body.append(block)
    stem = nn.Conv2d(1, CHANNELS, 3, padding=1)
    kaiming_normal_(stem.weight, nonlinearity="relu", generator=generator)
    return nn.Sequential(stem, nn.ReLU(), *body)


@torch.no_grad()
def growth(model: nn.Sequential, x: Tensor) -> float:
    """Root mean square behind the residual blocks over that before them."""
    before = model[:2](x)
    return (model[2:](before).square().mean() / before.square().mean()).sqrt().item()


def _fixup_depth(seed: int) -> Outcome:
    x = digits_split(seed=seed).x[:EXAMPLES]
    values: dict[str, float] = {}
    curves: dict[str, tuple[tuple[int, ...], list[float]]] = {}
    for kind in ("he", "fixup"):
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        found = [growth(stack(kind, depth, generator), x) for depth in DEPTHS]
        values |= {f"{kind}_growth": found[-1], f"{kind}_growth_a_block": found[-1] ** (1 / DEPTHS[-1])}
        curves[kind] = (DEPTHS, found)
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Growth of the signal, no normalization", "zh": "无归一化时信号的增长"},
        x=axis("residual blocks", "残差块数"),
        y=axis("output / input", "输出 / 输入", scale="log"),
        series=[curve(outcomes, "he", "He", "He"), curve(outcomes, "fixup", "Fixup", "Fixup")],
        alt={
            "en": "Root mean square of the output over that of the input against the number of blocks, on a logarithmic axis: a "
            "rising straight line "
            "with He's weights, level at 1 with Fixup.",
            "zh": "输出与输入的均方根之比随残差块数的变化（对数轴）：He 权重为上升的直线，Fixup 保持为 1。",
        },
    )


fixup_depth = Experiment(_fixup_depth, seeds=(0, 1, 2), figure=_draw)
