"""Level lines and shaded bands of a surface that is known on a grid."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence

from dlatlas.site.figures.svg import Point, Scale, path, simplify

Grid = Sequence[Sequence[float]]
"""Rows along y, values along x."""

_EDGES = {1: "lb", 2: "br", 3: "lr", 4: "rt", 6: "bt", 7: "lt", 8: "lt", 9: "bt", 11: "rt", 12: "lr", 13: "br", 14: "lb"}
"""Which edges (left, bottom, right, top) of a cell a level line crosses, by its corners above the level; see ``_crossings``."""


def lines(grid: Grid, level: float) -> list[list[Point]]:
    """Where the surface has the height ``level``: open or closed lines in units of cells (marching squares)."""
    segments = [segment for j in range(len(grid) - 1) for i in range(len(grid[0]) - 1) for segment in _crossings(grid, i, j, level)]
    ends: dict[Point, list[int]] = {}
    for index, segment in enumerate(segments):
        for end in segment:
            ends.setdefault(end, []).append(index)
    used: set[int] = set()
    found = []
    loose = [index for touching in ends.values() if len(touching) == 1 for index in touching]
    for start in (*loose, *range(len(segments))):
        if start not in used:
            found.append(_follow(segments, ends, used, start))
    return found


def _follow(segments: Sequence[tuple[Point, Point]], ends: dict[Point, list[int]], used: set[int], start: int) -> list[Point]:
    """The line that begins with a segment, from its loose end where it has one."""
    a, b = segments[start]
    if len(ends[b]) == 1:
        a, b = b, a
    used.add(start)
    line = [a, b]
    while (index := next((i for i in ends[line[-1]] if i not in used), None)) is not None:
        used.add(index)
        c, d = segments[index]
        line.append(d if c == line[-1] else c)
    return line


def _crossings(grid: Grid, i: int, j: int, level: float) -> list[tuple[Point, Point]]:
    """The pieces of the level line in the cell right of column ``i`` and above row ``j``."""
    low, high = grid[j], grid[j + 1]
    corners = (low[i], low[i + 1], high[i + 1], high[i])
    case = sum((value > level) << k for k, value in enumerate(corners))
    if case in (5, 10):  # a saddle: the middle says which corners are joined
        joined = (sum(corners) / 4 > level) == (case == 5)
        names = ("lt", "br") if joined else ("lb", "rt")
    elif case in _EDGES:
        names = (_EDGES[case],)
    else:
        return []

    def at(edge: str) -> Point:
        ends = {"b": (0, 1), "r": (1, 2), "t": (3, 2), "l": (0, 3)}[edge]
        a, b = corners[ends[0]], corners[ends[1]]
        part = (level - a) / (b - a)
        return {"b": (i + part, j), "t": (i + part, j + 1), "l": (i, j + part), "r": (i + 1, j + part)}[edge]

    return [(at(a), at(b)) for a, b in names]


def surface(grid: Grid, levels: Sequence[float], x: Scale, y: Scale) -> str:
    """Bands of shade between the levels, darker when higher, and the level lines; ``x`` and ``y`` map cells to SVG units."""
    bands = []
    for j in range(len(grid) - 1):
        heights = [
            bisect(levels, sum((grid[j][i], grid[j][i + 1], grid[j + 1][i], grid[j + 1][i + 1])) / 4) for i in range(len(grid[0]) - 1)
        ]
        start = 0
        for i in range(1, len(heights) + 1):
            if i == len(heights) or heights[i] != heights[start]:
                if heights[start]:
                    bands.append((heights[start], start, i, j))
                start = i
    shades = "".join(
        f'<path fill-opacity="{0.03 * height:.2g}" d="{"".join(_box(a, b, j) for h, a, b, j in bands if h == height)}"/>'
        for height in sorted({band[0] for band in bands})
    )
    to_units = f"matrix({x(1) - x(0):.4g} 0 0 {y(1) - y(0):.4g} {x(0):.4g} {y(0):.4g})"
    drawn = ([(x(a), y(b)) for a, b in line] for level in levels for line in lines(grid, level))
    curves = "".join(path(part) for line in drawn for part in _smoothed(line))
    return f'<g class="f-shade" transform="{to_units}">{shades}</g><path class="f-contour" d="{curves}"/>'


def _box(first: int, last: int, row: int) -> str:
    """Some cells of a row, in units of cells, which are short to write."""
    return f"M{first} {row}h{last - first}v1h{first - last}z"


def _smoothed(line: list[Point]) -> Iterator[list[Point]]:
    """A line without the points that nobody sees are missing; a closed one in two parts."""
    middle = len(line) // 2 if line[0] == line[-1] else len(line) - 1
    for part in (line[: middle + 1], line[middle:]):
        if len(part) > 1:
            yield simplify(part, 0.2)
