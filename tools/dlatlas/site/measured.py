"""Tables of stored measurements, in the places that hand-written pages name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dlatlas.site.context import Context
from dlatlas.site.markup import tag

Tables = Mapping[str, tuple[str, Callable[[Context, Any], str]]]
"""By the name of a place: the file that holds what was measured, and what makes HTML of it."""


def stored(context: Context, source: str) -> Any:
    """What a file of the checkout holds, None where nothing was measured yet."""
    path = context.root / source
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def fill(context: Context, file: Path, tables: Tables) -> None:
    """Put each table where a page has ``<!-- table: name -->``; where nothing was measured yet, the page says so."""
    if not file.is_file():
        return
    text = file.read_text("utf-8")
    for name, (source, table) in tables.items():
        found = stored(context, source)
        text = text.replace(f"<!-- table: {name} -->", table(context, found) if found else tag("p", context.say("not-run")))
    file.write_text(text, "utf-8")
