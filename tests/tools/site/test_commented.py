import re
from html import unescape
from pathlib import Path

import pytest
from dlatlas.site.commented import Row, render, rows

from tests.tools.site.conftest import MODULE, REPOSITORY

ODD = '''\
#!/usr/bin/env python
# A comment before everything.

"""The module's docstring."""
x = """a string
# that looks like a comment
"""
y = [
    1,  # one
    # inside brackets: code
    2,
]

LIMIT = 3
"""What LIMIT means."""

if x:
    # A comment in a branch.
    y.append(3)


@property
# between decorator and definition
def f(): "docstring on the same line"


class A:
    # first
    def g(self):
        return 1

    def h(self):
        """Documented."""

    async def i(self): ...


def last():  # noqa
    return f"{x!r}"
# the end'''


def lines_of(found: list[Row]) -> list[int]:
    return [n for row in found for n in range(row.first, row.last + 1)]


@pytest.mark.parametrize("source", [MODULE, ODD, "", "x = 1", '"""Only a docstring."""', "\n\n\nx = 1\n\n"], ids=range(6))
def test_rows_are_the_file(source: str) -> None:
    found = rows(source)
    assert lines_of(found) == list(range(1, len(source.splitlines()) + 1))


@pytest.mark.parametrize("path", sorted((REPOSITORY / "refimpl").rglob("*.py")), ids=lambda p: p.stem)
def test_rows_are_every_module_of_the_repository(path: Path) -> None:
    source = path.read_text("utf-8")
    assert lines_of(rows(source)) == list(range(1, len(source.splitlines()) + 1))
    assert_every_line_is_shown(source)


def shown_code(source: str) -> dict[int, str]:
    html = render(source, "m", "line {n}")
    return {
        int(n): unescape(re.sub(r"<[^>]+>", "", text))
        for n, text in re.findall(r'<span class="ln" data-n="(\d+)"[^>]*>(.*?)\n</span>', html, re.DOTALL)
    }


@pytest.mark.parametrize("source", [MODULE, ODD])
def test_every_line_is_shown_as_code_or_as_prose(source: str) -> None:
    assert_every_line_is_shown(source)


def assert_every_line_is_shown(source: str) -> None:
    lines = source.splitlines()
    prose = {n for row in rows(source) for note in row.notes for n in range(note.first, note.last + 1)}
    shown = shown_code(source)
    assert not prose & shown.keys()
    assert all(text == lines[n - 1] for n, text in shown.items())
    left = set(range(1, len(lines) + 1)) - prose - shown.keys()
    assert not any(lines[n - 1].strip() for n in left)


def test_prose_stands_beside_the_code_it_speaks_of() -> None:
    found = {row.first: row for row in rows(MODULE)}
    lines = MODULE.splitlines()
    step = found[lines.index("# One step") + 1]
    assert [note.text.split("\n")[0] for note in step.notes] == ["One step", "Move ``x`` against ``g``."]
    assert [lines[n - 1] for n in step.code()][:1] == ["def step(x: float, g: float) -> float:"]
    branch = found[lines.index("    # Positive gradients go the other way.") + 1]
    assert [lines[n - 1].strip() for n in branch.code() if lines[n - 1]] == ["return x - g"]


def test_methods_without_a_docstring_stay_with_their_class() -> None:
    firsts = [MODULE.splitlines()[row.first - 1] for row in rows(MODULE)]
    assert "class Adam:" in firsts
    assert "    def update(self, g: float) -> float:" in firsts
    assert "    def __init__(self) -> None:" not in firsts


def test_comments_inside_strings_and_brackets_are_code() -> None:
    notes = [note.text for row in rows(ODD) for note in row.notes]
    assert "A comment in a branch." in notes
    assert "What LIMIT means." in notes
    assert not any("looks like" in text or "inside brackets" in text or "bin/env" in text for text in notes)


def test_a_row_has_a_permanent_link() -> None:
    html = render(MODULE, "adam", "Link to line {n}")
    line = MODULE.splitlines().index("class Adam:") + 1
    assert f'id="adam-L{line}"' in html
    assert f'href="#adam-L{line}" class="edition-link" aria-label="Link to line {line}"' in html


def test_a_module_that_does_not_parse_is_an_error() -> None:
    with pytest.raises(SyntaxError):
        rows("def f(:")
