"""Printing: Rich on a terminal, plain tab-separated lines in a pipe, JSON for programs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
"""Characters that a terminal obeys instead of showing them, or that turn the direction of the text around them."""


def one_line(value: object) -> str:
    """A value as one line of characters that a terminal shows; others become a replacement character."""
    return UNSEEN.sub("\ufffd", " ".join(str(value).split()))


def print_json(data: Any) -> None:
    """Print indented JSON, letters of all scripts as they are."""
    print(json.dumps(data, indent=2, ensure_ascii=False))


def print_rows(rows: Iterable[Sequence[object]]) -> None:
    """Print one line of tab-separated cells a row."""
    for row in rows:
        print("\t".join(map(one_line, row)))


def print_table(headers: Sequence[str], rows: Iterable[Sequence[object]], *, wide: str | None = None) -> None:
    """Print a table on a terminal, and one line of tab-separated cells a row in a pipe.

    ``wide`` names the column that takes the room that is left and wraps.
    """
    if not sys.stdout.isatty():
        print_rows(rows)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for header in headers:
        table.add_column(header, overflow="fold", ratio=1 if header == wide else None)
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    Console().print(table)


def print_fields(title: str, fields: Iterable[tuple[str, object]]) -> None:
    """Print one record: its title and its fields, a name and a value each; empty values are left out."""
    shown = [(name, _lines(value)) for name, value in fields if value not in (None, "", (), [])]
    if not sys.stdout.isatty():
        print(one_line(title))
        for name, value in shown:
            print(f"{name}: {value}")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    console.print(Text(one_line(title), style="bold"))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in shown:
        grid.add_row(Text(name), Text(value))
    console.print(grid)


def _lines(value: object) -> str:
    return UNSEEN.sub(lambda m: m[0] if m[0] == "\n" else "\ufffd", str(value).replace("\t", " "))


def nearest(wanted: str, known: Iterable[str], count: int = 3) -> str:
    """``; did you mean …?`` with the nearest known names, or nothing."""
    import difflib

    found = difflib.get_close_matches(wanted[:100], list(known), count, 0.6)
    return f"; did you mean {' or '.join(found)}?" if found else ""
