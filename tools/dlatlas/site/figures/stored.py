"""Figures of a topic page whose data a run has stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from dlatlas.evidence.figures import FigureData, module_of, read, state
from dlatlas.site.context import Context
from dlatlas.site.figures import activations, convolution, heatmap, landscape, normalization, optimizers
from dlatlas.site.markup import tag

Drawer = Callable[[Mapping[str, Any], str, str, str], str]
"""Takes the data, the language, the figure's id and a note as HTML."""

DRAWERS: dict[str, Drawer] = {
    "activation-curves": activations.draw,
    "attention-map": heatmap.attention,
    "convolution-arithmetic": convolution.draw,
    "loss-landscape": landscape.draw,
    "lstm-gates": heatmap.gates,
    "normalization-axes": normalization.draw,
    "optimizer-paths": optimizers.draw,
}

PLACES: dict[str, tuple[str, ...]] = {
    "activations": ("activation-curves",),
    "attention": ("attention-map",),
    "convolution-arithmetic": ("convolution-arithmetic",),
    "lstm": ("lstm-gates",),
    "normalization": ("normalization-axes", "loss-landscape"),
    "optimizers": ("optimizer-paths",),
}
"""Figures by the topic on whose page they stand."""


def topic_figures(context: Context, topic: str) -> list[str]:
    """HTML of the topic's figures that have data, in order."""
    found = ((name, read(context.root, name)) for name in PLACES.get(topic, ()))
    return [DRAWERS[name](stored.data, context.lang, f"figure-{name}", _note(context, name, stored)) for name, stored in found if stored]


def _note(context: Context, name: str, stored: FigureData) -> str:
    module, command = tag("code", escape(module_of(name))), tag("code", escape(stored.command))
    text = context.say("figure-note", module=module, date=escape(stored.date), seconds=stored.seconds, command=command)
    stale = state(context.root, name) == "stale"
    return text + (f" {tag('span', context.say('stale'), class_='badge badge-stale')} {context.say('stale-note')}" if stale else "")
