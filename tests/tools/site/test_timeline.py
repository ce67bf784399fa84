import re
import xml.etree.ElementTree as ET

from dlatlas.site.context import Context, Page
from dlatlas.site.figures.timeline import Lane, area_timeline, catalog_timeline, timeline

HOME = Page("", "Home", "", "home")


def dots(html: str) -> dict[str, tuple[float, float]]:
    """Centers of the dots by address."""
    svg = ET.fromstring(re.search(r"<svg.*</svg>", html, re.DOTALL)[0])  # type: ignore[index]
    found = {}
    for link in svg.iter("a"):
        if (circle := link.find("circle")) is not None:
            found[link.get("href", "")] = (float(circle.get("cx", "")), float(circle.get("cy", "")))
    return found


def lanes(context: Context) -> list[Lane]:
    entries = [entry for entry in context.catalog.entries if entry.date]
    return [Lane("Training", "training/", entries[:1]), Lane("Compression", "compression/", entries[1:]), Lane("Empty", "x/", [])]


def test_dots_follow_the_years_and_lie_in_their_lanes(english: Context) -> None:
    found = dots(timeline(english, HOME, lanes(english), "t"))
    adam, damage = found["training/optimizers/#entry-kingma-2014-adam"], found["compression/pruning/#entry-lecun-1989-optimal-brain-damage"]
    assert damage[0] < adam[0] and damage[1] > adam[1]
    per_year = (adam[0] - damage[0]) / (2014 - 1989)
    assert per_year * 25 < 960 - 250


def test_a_dot_says_its_work_and_year(chinese: Context) -> None:
    html = timeline(chinese, HOME, lanes(chinese), "t")
    assert 'aria-label="最优脑损伤 (1989)"' in html and "<title>最优脑损伤 (1989)</title>" in html
    assert "1989 年至 2014 年的 2 份资料" in html and "Empty" not in html


def test_works_of_one_year_are_stacked(english: Context) -> None:
    adam = lanes(english)[0].entries[0]
    html = timeline(english, HOME, [Lane("A", "a/", [adam, adam, adam])], "t")
    heights = sorted(float(y) for y in re.findall(r'cy="([\d.]+)"', html))
    assert heights[1] - heights[0] == heights[2] - heights[1] > 2 * 4


def test_no_figure_of_fewer_than_two_dated_works(english: Context) -> None:
    assert area_timeline(english, HOME, english.catalog.areas[0]) == ""
    assert catalog_timeline(english, HOME) == ""
