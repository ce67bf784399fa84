"""The stored figure of every claim can be drawn in both languages and says in words what it shows."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

import pytest
from dlatlas.site.figures import draw

STORED = sorted((Path(__file__).parents[3] / "evidence" / "claims").glob("*.json"))


@pytest.mark.parametrize("path", STORED, ids=[path.stem for path in STORED])
def test_figure(path: Path):
    figure = json.loads(path.read_text("utf-8"))["figure"]
    for language in ("en", "zh"):
        drawn = draw(figure, language, path.stem)
        assert "<svg" in drawn and escape(figure["title"][language]) in drawn
        assert len(figure["alt"][language]) > 20
    assert figure["alt"]["en"] != figure["alt"]["zh"]
