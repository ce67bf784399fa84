"""Change single values of a catalog file and leave the rest, comments included, in its one form."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import yaml

from dlatlas.catalog.fmt import formatted, quoted
from dlatlas.catalog.yamlread import Path_, compose


def edited(text: str, name: str, values: Mapping[Path_, str]) -> str:
    """The text of a file named ``name`` with texts replaced, or added to their mapping where it lacks their key.

    Args:
        values: the new texts by their paths in the document.

    Raises:
        FormatError: the file cannot be formatted.
        KeyError: a path leads to no value and to no mapping that could take one.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    root = compose(text)[0]
    changes = sorted((_change(root, path, value) for path, value in values.items()), reverse=True)
    for start, end, new in changes:  # from the last to the first, so that positions stay right
        text = text[:start] + new + text[end:]
    return formatted(text, name)


def diff(old: str, new: str, file: str) -> str:
    """What a change does to a file, as ``diff -u`` prints it."""
    lines = difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), f"a/{file}", f"b/{file}")
    return "".join(lines)


def _change(root: Any, path: Path_, value: str) -> tuple[int, int, str]:
    """Where the text changes, from and to, and what stands there then."""
    node = _node(root, path)
    if node is not None:
        return node.start_mark.index, node.end_mark.index, quoted(value) + ("\n" if node.style in ("|", ">") else "")
    above = _node(root, path[:-1])
    if not isinstance(above, yaml.MappingNode) or not above.value:
        raise KeyError(f"no value and no mapping at {'.'.join(map(str, path))}")
    first = above.value[0][0].start_mark  # formatting brings the fields into their order
    between = ", " if above.flow_style else "\n" + " " * first.column
    return first.index, first.index, f"{path[-1]}: {quoted(value)}{between}"


def _node(node: Any, path: Path_) -> Any:
    """The node at a path, or None."""
    for step in path:
        node = node.value[step] if isinstance(step, int) else next((value for key, value in node.value if key.value == step), None)
        if node is None:
            return None
    return node
