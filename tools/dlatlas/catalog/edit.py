"""Change single values of a catalog file and leave the rest, comments included, in its one form."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from dlatlas.catalog.fmt import FormatError, formatted, quoted
from dlatlas.catalog.load import Origin
from dlatlas.catalog.yamlread import Path_, compose
from dlatlas.files import write_atomically


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


class Edits:
    """Changes of several files of a catalog: first shown, then written."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._values: dict[str, dict[Path_, str]] = {}

    def set(self, origin: Origin, below: Path_, value: str) -> None:
        """Set the value at ``below`` in the record that stands at ``origin``."""
        self._values.setdefault(origin.file, {})[*origin.path, *below] = value

    def texts(self) -> Iterator[tuple[str, str, str]]:
        """Each file that changes, by its name under the root, with its text now and then.

        Raises:
            FormatError: a file cannot be formatted.
        """
        for file, values in sorted(self._values.items()):
            path = self._root / file
            old = path.read_bytes().decode("utf-8")
            try:
                yield file, old, edited(old, path.name, values)
            except FormatError as error:
                raise FormatError(f"{file}: {error}") from error

    def diff(self) -> str:
        """What would change."""
        return "".join(diff(old, new, file) for file, old, new in self.texts())

    def write(self) -> list[str]:
        """Write every file, each atomically, and return their names."""
        texts = list(self.texts())  # all or none: a file that cannot be formatted stops the rest
        for file, _, new in texts:
            write_atomically(self._root / file, new)
        return [file for file, _, _ in texts]


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
