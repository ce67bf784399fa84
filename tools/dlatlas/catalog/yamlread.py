"""Read YAML strictly: no repeated keys, no guessed types, and a line for every value.

PyYAML's parser follows YAML 1.1, where ``no`` is false and ``1412.6980`` a number that
loses its last zero. Here a plain scalar is a number, a boolean or null only when it
looks exactly like one in YAML 1.2; everything else is a string.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

INTEGER = re.compile(r"[-+]?\d+")
"""A plain scalar that is a whole number."""

FLOAT = re.compile(r"[-+]?(\d+\.\d*|\.\d+|\d+)([eE][-+]?\d+)?")
"""A plain scalar that is a floating-point number."""

Path_ = tuple[str | int, ...]


@dataclass
class Document:
    """Plain data with the 1-based line on which each value (by its path) begins, and what was wrong."""

    data: Any = None
    lines: dict[Path_, int] = field(default_factory=dict)
    errors: list[tuple[int, str, str]] = field(default_factory=list)  # (line, rule, message)

    def line(self, path: Path_) -> int:
        """The line of ``path``, or of the nearest value that contains it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_yaml(path: Path) -> Document:
    """Read one YAML file; problems are collected in ``errors``, never raised."""
    try:
        return parse_yaml(path.read_text("utf-8"))
    except UnicodeDecodeError as error:
        return Document(errors=[(1, "yaml-syntax", f"not UTF-8: byte {error.start}: {error.reason}")])


def parse_yaml(text: str) -> Document:
    """Read a text as :func:`read_yaml` reads a file."""
    node, error = compose(text)
    document = Document(errors=[error] if error else [])
    if node is not None:
        document.data = _value(node, (), document, set())
    return document


def compose(text: str) -> tuple[yaml.Node | None, tuple[int, str, str] | None]:
    """The tree of the one document in a text, or what was wrong as (line, rule, message)."""
    loader = _Loader(text)
    try:
        return loader.get_single_node(), None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return None, (mark.line + 1 if mark else 1, "yaml-syntax", " ".join(filter(None, (error.context, error.problem))))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return None, (line, "yaml-syntax", f"character #x{error.character:04x} is not allowed: {error.reason}")
    finally:
        loader.dispose()


class _Loader(getattr(yaml, "CLoader", yaml.Loader)):  # type: ignore[misc]
    """Composes without guessing the types of scalars, which takes a third of the time and would guess by YAML 1.1."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        return ""

    def descend_resolver(self, node: Any, index: Any) -> None:
        pass

    def ascend_resolver(self) -> None:
        pass


def _value(node: yaml.Node, path: Path_, document: Document, above: set[int]) -> Any:
    line = node.start_mark.line + 1
    document.lines[path] = line
    if id(node) in above:
        document.errors.append((line, "yaml-syntax", "an alias that contains itself"))
        return None
    if isinstance(node, yaml.ScalarNode):
        return scalar(node)
    above = above | {id(node)}
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, i), document, above) for i, item in enumerate(node.value)]
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key_line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            document.errors.append((key_line, "yaml-syntax", "a key must be a plain string"))
            continue
        key = key_node.value
        if key in mapping:
            document.errors.append((key_line, "yaml-repeated-key", f"key {key!r} stands twice in one mapping; the first one would be lost"))
            continue
        mapping[key] = _value(value_node, (*path, key), document, above)
        document.lines[(*path, key)] = key_line
    return mapping


def scalar(node: yaml.ScalarNode) -> Any:
    """The value of a scalar: text unless it is plain and looks exactly like something else."""
    text = node.value
    if node.style:  # quoted or a block; the C parser says "" for plain, the Python one None
        return text
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if INTEGER.fullmatch(text):
        return int(text)
    if FLOAT.fullmatch(text):
        return float(text)
    return text
