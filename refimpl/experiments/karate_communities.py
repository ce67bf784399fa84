"""A graph convolutional network finds the communities of the karate club from one known member of each."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.experiments.sequences import learn
from refimpl.foundations.softmax_cross_entropy import cross_entropy
from refimpl.graphs.gcn import GCNConv
from refimpl.graphs.karate import karate_club

__all__ = ["karate_communities"]

HIDDEN, STEPS, CHECK, RATE = 8, 200, 10, 0.01


class TwoLayers(nn.Module):
    """Two graph convolutions with tanh between; a node's only feature is which one it is."""

    def __init__(self, nodes: int, classes: int) -> None:
        super().__init__()
        self.first, self.second = GCNConv(nodes, HIDDEN), GCNConv(HIDDEN, classes)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        return self.second(torch.tanh(self.first(x, edges)), edges)


def train(model: TwoLayers, edges: Tensor, community: Tensor, known: Tensor) -> list[float]:
    """Learn from the known members; the accuracy on the others every ``CHECK`` steps."""
    x, shares = torch.eye(len(community)), []
    hidden = torch.ones(len(community), dtype=torch.bool).index_fill(0, known, False)

    def check(step: int) -> None:
        if step % CHECK == 0:
            with torch.no_grad():
                shares.append((model(x, edges).argmax(1) == community)[hidden].double().mean().item())

    learn(lambda: cross_entropy(model(x, edges)[known], community[known]), model.parameters(), STEPS, RATE, after=check)
    return shares


def _karate_communities(seed: int) -> Outcome:
    edges, community = karate_club()
    classes, nodes = int(community.max()) + 1, len(community)
    known = torch.tensor([(community == c).nonzero()[0].item() for c in range(classes)])
    left = torch.bincount(community) - 1  # members of each community whose label is hidden
    values = {"largest_community": (left.max() / left.sum()).item()}
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for name, links in (("graph", edges), ("no_edges", edges[:, :0])):
        torch.manual_seed(seed)
        shares = train(TwoLayers(nodes, classes), links, community, known)
        values[f"{name}_accuracy"] = shares[-1]
        curves[name] = (list(range(CHECK, STEPS + 1, CHECK)), shares)
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "The 30 members whose community is not told", "zh": "未告知社区的 30 名成员"},
        x=axis("step", "步数"),
        y=axis("accuracy", "准确率"),
        series=[curve(outcomes, "graph", "with the graph", "使用图"), curve(outcomes, "no_edges", "without edges", "去掉边")],
        alt={
            "en": "Accuracy by training step on the members without a label: about three in four with the graph, about chance "
            "without its edges.",
            "zh": "无标签成员上的准确率随训练步数的变化：使用图时约为四分之三，去掉边则与随机猜测相近。",
        },
    )


karate_communities = Experiment(_karate_communities, seeds=(0, 1, 2, 3, 4), figure=_draw)
