import copy
import itertools
import math
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from dlatlas.site.figures import FigureError, draw

from tests.tools.site.conftest import FIGURE


def figure(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(FIGURE), **changes}


def svgs(html: str) -> list[ET.Element]:
    return [ET.fromstring(text) for text in re.findall(r"<svg.*?</svg>", html, re.DOTALL)]


def ticks(svg: ET.Element) -> list[str]:
    return [text.text or "" for text in svg.iter("text") if text.get("class", "").startswith("f-tick")]


def points(svg: ET.Element) -> list[list[tuple[float, float]]]:
    return [[(float(p.split(",")[0]), float(p.split(",")[1])) for p in line.get("points", "").split()] for line in svg.iter("polyline")]


def test_lines_follow_the_data_on_a_logarithmic_axis() -> None:
    (svg,) = svgs(draw(FIGURE, "en", "f"))
    falling, level = points(svg)
    steps = [b[1] - a[1] for a, b in itertools.pairwise(falling)]
    assert steps[0] == pytest.approx(steps[1], abs=0.2) and steps[0] > 20
    assert len({y for _, y in level}) == 1
    assert falling[0][1] == level[0][1]


def test_ticks_bracket_the_data() -> None:
    (svg,) = svgs(draw(FIGURE, "en", "f"))
    assert {"1", "0.1", "0.01", "3"} <= set(ticks(svg))
    small = figure(series=[{"label": "a", "x": [1, 2], "y": [1e-8, 1.0]}])
    assert "10⁻⁸" in ticks(svgs(draw(small, "en", "f"))[0])


def test_the_picture_has_a_text_alternative_in_the_page_s_language() -> None:
    (svg,) = svgs(draw(FIGURE, "zh", "f"))
    assert svg.get("role") == "img" and svg.get("aria-labelledby") == "f-0-title f-0-desc"
    assert svg.find("title").text == "步长"  # type: ignore[union-attr]
    assert "本实现: 1 → 0.01" in (svg.find("desc").text or "")  # type: ignore[union-attr]


def test_the_text_alternative_may_be_given() -> None:
    (svg,) = svgs(draw(figure(alt={"en": "One falls, one stays.", "zh": "一降一平。"}), "zh", "f"))
    assert svg.find("desc").text == "一降一平。"  # type: ignore[union-attr]


def test_labels_are_escaped() -> None:
    html = draw(figure(title={"en": "<script>&", "zh": "x"}), "en", "f")
    assert "<script>" not in html and "&lt;script&gt;&amp;" in html


def test_bars_start_at_zero_and_show_their_spread() -> None:
    bars = figure(
        kind="bars", y={"label": "n", "scale": "linear"}, series=[{"label": "a", "x": ["p", "q"], "y": [2.0, -1.0], "spread": [0.5, 0]}]
    )
    (svg,) = svgs(draw(bars, "en", "f"))
    up, down = (r for r in svg.iter("rect"))
    assert float(up.get("y")) + float(up.get("height")) == pytest.approx(float(down.get("y")), abs=0.11)  # type: ignore[arg-type]
    assert float(up.get("height")) == pytest.approx(2 * float(down.get("height")), abs=0.3)  # type: ignore[arg-type]
    assert sum(p.get("class") == "f-error" for p in svg.iter("path")) == 1
    assert {"p", "q"} <= set(ticks(svg))


def test_scatter_draws_every_point() -> None:
    dots = figure(kind="scatter", series=[{"label": "a", "x": list(range(40)), "y": [1 + i % 7 for i in range(40)]}])
    (svg,) = svgs(draw(dots, "en", "f"))
    assert sum(1 for _ in svg.iter("circle")) == 40


def test_panels_share_what_they_do_not_name() -> None:
    panels = {**FIGURE, "panels": [{"title": {"en": "A", "zh": "甲"}}, {"title": {"en": "B", "zh": "乙"}, "kind": "scatter"}]}
    html = draw(panels, "en", "f")
    assert len(svgs(html)) == 2
    assert [s.find("title").text for s in svgs(html)] == ["A", "B"]  # type: ignore[union-attr]
    assert html.count("<li>") == 2


def test_a_name_has_one_color_in_all_panels() -> None:
    def series(*names: str) -> list[dict[str, Any]]:
        return [{"label": name, "x": [1, 2], "y": [1.0, 2.0]} for name in names]

    html = draw({**FIGURE, "panels": [{"series": series("data", "model")}, {"series": series("model", "other")}]}, "en", "f")
    first, second = svgs(html)
    assert [line.get("class") for line in first.iter("polyline")] == ["f-line f-0", "f-line f-1"]
    assert [line.get("class") for line in second.iter("polyline")] == ["f-line f-1", "f-line f-2"]
    assert re.findall(r"f-key f-(\d).*?>([a-z]+)<", html.replace("</i>", ">")) == [("0", "data"), ("1", "model"), ("2", "other")]


def test_a_constant_series_can_be_drawn() -> None:
    flat = figure(y={"label": "n"}, series=[{"label": "a", "x": [1], "y": [3.0]}])
    (svg,) = svgs(draw(flat, "en", "f"))
    assert all(math.isfinite(y) for line in points(svg) for _, y in line)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "pie"}, "kind is 'pie'"),
        ({"series": []}, "no series"),
        ({"series": [{"label": "a", "x": [1, 2], "y": [1.0]}]}, "series 'a'"),
        ({"series": [{"label": "a", "x": [1], "y": [0.0]}]}, "0.0 on a logarithmic axis"),
        ({"series": [{"label": "a", "x": [1], "y": [math.nan]}]}, "not finite"),
    ],
)
def test_what_cannot_be_drawn_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(FigureError, match=re.escape(message)):
        draw(figure(**changes), "en", "claim")
