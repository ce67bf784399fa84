"""Figures as SVG that follow the page's color scheme; ``draw`` makes those of claims, the other modules one kind each."""

from __future__ import annotations

from dlatlas.site.figures.chart import draw
from dlatlas.site.figures.svg import FigureError

__all__ = ["FigureError", "draw"]
