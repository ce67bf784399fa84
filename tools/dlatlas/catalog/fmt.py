"""The one form of the catalog's files: the same data is always the same text.

:func:`formatted` keeps every value, the order of list items and every comment. Fields stand in
the order of the record types; ids, links, relations and the like stand in one line; text is in
double quotes, names and ids are plain where that is safe, and topic summaries are blocks.
A comment on a line of its own stays before the value it stands before; one behind a value stays
behind it, unless several share what becomes one line: those move before it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import yaml

from dlatlas.catalog.model import Area, Entry, IgnoredLink, Term, Topic
from dlatlas.catalog.yamlread import FLOAT, compose, parse_yaml, scalar
from dlatlas.files import write_atomically

FILES: dict[str, Any] = {
    "areas.yml": list[Area],
    "topic.yml": Topic,
    "entries.yml": list[Entry],
    "glossary.yml": list[Term],
    "ignore-links.yml": list[IgnoredLink],
}
"""What a file of each name holds."""

BLOCK = {
    "Entry": {"title", "note", "links", "relations"},
    "Area": {"summary"},
    "Topic": {"requires", "summary", "methods", "equations", "claims", "errata"},
    "Method": {"deviations"},
    "Equation": {"checked_by"},
    "Claim": {"expect"},
    "Erratum": {"checked_by"},
}
"""Fields of a record whose value takes lines of its own; others stand in one line."""

ONE_LINE = {"Link", "Relation", "Expectation", "Both"}
"""Records that stand in one line as items of a list."""

NAMES = {
    "id", "type", "lang", "topics", "topic", "level", "rel", "to", "framework", "license", "kind", "authors", "venue", "object",
    "experiment", "paper", "method", "checked_by", "value", "was",
    "verdicts",
}  # fmt: skip
"""Fields whose strings are plain where that is safe; strings of other fields are always quoted."""

RESOLVER = yaml.resolver.Resolver()
PRINTABLE = re.compile(r"[\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*")
UNSAFE = re.compile(r"[-?:,\[\]{}#&*!|>'\"%@`=<.~ ]|.*(?::(?:\s|$)|\s#|\s$)", re.S)
ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}
COMMENT = re.compile(r"#.*")


class FormatError(ValueError):
    """A text cannot be formatted; the message says where and why."""


def formatted(text: str, name: str) -> str:
    """The canonical form of a file named ``name`` (such as ``entries.yml``).

    Raises:
        FormatError: the text is not strict YAML, or uses anchors, aliases or tags, which would be lost.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    before = parse_yaml(text)
    if before.errors:
        line, _, message = before.errors[0]
        raise FormatError(f"line {line}: {message}")
    node = compose(text)[0]
    if node is None:
        return text.rstrip() + "\n" if text.strip() else ""
    comments = list(_comments(text))
    units = _Layout(name).units(node)
    end = _attach(units, comments)
    result = "\n".join([*(line for unit in units for line in unit.text()), *end]) + "\n"
    after = parse_yaml(result)
    if after.errors or after.data != before.data or (comments and len(list(_comments(result))) != len(comments)):
        raise FormatError("the formatted text would not hold the same values and comments; nothing was changed")
    return result


def format_file(path: Path, *, write: bool = True) -> bool:
    """Give a file its canonical form, atomically; returns whether it has another one.

    Raises:
        FormatError: as :func:`formatted`; also where the file is not UTF-8.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"not UTF-8: byte {error.start}: {error.reason}") from error
    result = formatted(text, path.name)
    if result != text and write:
        write_atomically(path, result)
    return result != text


@dataclass
class _Unit:
    """One line of output, or the lines of one block text, with the span of the source that it stands for."""

    start: int
    end: int
    last_line: int  # of the span
    column: int  # in the source
    indent: int
    line: str
    blank: bool = False  # an empty line before it
    below: list[str] = field(default_factory=list)  # lines of a block text
    before: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)

    def text(self) -> Iterator[str]:
        if self.blank:
            yield ""
        pad = " " * self.indent
        one = len(self.behind) == 1 and self.line
        yield from (pad + comment for comment in (self.before if one else self.before + self.behind))
        if self.line:
            yield self.line + (f"  {self.behind[0]}" if one else "")
        yield from self.below
        yield from (pad + comment for comment in self.after)


@dataclass
class _Comment:
    text: str
    index: int
    line: int
    column: int
    own_line: bool
    after_dash: bool  # nothing but comments between it and the dash of its list item


def _comments(text: str) -> Iterator[_Comment]:
    """Comments stand between the tokens of YAML and in the headers of block texts."""
    tokens = list(yaml.scan(text, Loader=getattr(yaml, "CLoader", yaml.Loader)))
    for token, following in pairwise(tokens):
        if isinstance(token, yaml.AnchorToken | yaml.AliasToken | yaml.TagToken | yaml.DirectiveToken):
            raise FormatError(f"line {token.start_mark.line + 1}: the formatter does not keep anchors, aliases, tags and directives")
        spans = [(token.end_mark.index, following.start_mark.index)]
        if isinstance(token, yaml.ScalarToken) and token.style in ("|", ">"):
            header_end = text.find("\n", token.start_mark.index)
            spans.insert(0, (token.start_mark.index, header_end if header_end >= 0 else len(text)))
        for start, end in spans:
            for found in COMMENT.finditer(text, start, end):
                index = found.start()
                line_start = text.rfind("\n", 0, index) + 1
                yield _Comment(
                    found[0].rstrip(),
                    index,
                    line=text.count("\n", 0, index),
                    column=index - line_start,
                    own_line=not text[line_start:index].strip(),
                    after_dash=isinstance(token, yaml.BlockEntryToken),
                )


def _attach(units: list[_Unit], comments: list[_Comment]) -> list[str]:
    """Give each comment to its unit; returns what stands at the end of the file."""
    end: list[str] = []
    order = sorted(units, key=lambda unit: unit.start)  # stable: a list item comes before its first field
    starts = [unit.start for unit in order]
    for comment in comments:
        at = bisect_right(starts, comment.index)
        holder = order[at - 1] if at else None
        following = order[at] if at < len(order) else None
        if holder and comment.index < holder.end:
            (holder.before if comment.own_line else holder.behind).append(comment.text)
        elif holder and not comment.own_line and holder.last_line == comment.line:
            holder.behind.append(comment.text)
        elif following is None:
            (holder.after if holder and comment.column else end).append(comment.text)
        elif holder and not comment.after_dash and comment.column > following.column and holder.indent > following.indent:
            holder.after.append(comment.text)
        else:
            following.before.append(comment.text)
    return end


class _Layout:
    def __init__(self, name: str) -> None:
        self.kind: Any = FILES.get(name)
        self.apart = name == "entries.yml"

    def units(self, root: yaml.Node) -> list[_Unit]:
        found: list[_Unit] = []
        if isinstance(root, yaml.ScalarNode) or not root.value:
            return [self._unit(root, root, 0, self._inline(root, "", False))]
        self._block(root, self.kind, "", 0, "", found)
        if self.apart and isinstance(root, yaml.SequenceNode):
            items = [unit for unit in found if unit.indent == 0 and not unit.line]
            for unit in items[1:]:
                unit.blank = True
        return found

    def _unit(self, first: yaml.Node, last: yaml.Node, indent: int, line: str) -> _Unit:
        end = _end(last)
        return _Unit(first.start_mark.index, end.index, end.line, first.start_mark.column, indent, line)

    def _block(self, node: Any, kind: Any, name: str, indent: int, lead: str, found: list[_Unit]) -> None:
        """Lines of a collection; ``lead`` is what stands before its first key on the same line."""
        if isinstance(node, yaml.SequenceNode):
            item_kind = _item(kind)
            for item in node.value:
                mark = item.start_mark
                found.append(_Unit(mark.index, mark.index, -1, mark.column - 2, indent, ""))
                if _is_tall(item) and _type_name(item_kind) not in ONE_LINE:
                    self._block(item, item_kind, name, indent + 2, " " * indent + "- ", found)
                else:
                    found.append(self._unit(item, item, indent, " " * indent + "- " + self._inline(item, name, False, item_kind)))
            return
        for position, (key, value) in enumerate(_ordered(node.value, kind)):
            start = (lead if position == 0 and lead else " " * indent) + _key(key.value) + ":"
            below_kind = _field(kind, key.value)
            tall = key.value in BLOCK.get(_type_name(kind), ()) or kind is None
            if tall and _is_tall(value):
                found.append(self._unit(key, key, indent, start))
                self._block(value, below_kind, key.value, indent + 2, "", found)
                continue
            text = self._literal(value, name)
            if text is None:
                found.append(self._unit(key, value, indent, f"{start} {self._inline(value, key.value, False, below_kind)}"))
            else:
                unit = self._unit(key, value, indent, f"{start} |")
                unit.below = [" " * (indent + 2) + line if line else "" for line in text.split("\n")[:-1]]
                found.append(unit)

    @staticmethod
    def _literal(node: yaml.Node, parent: str) -> str | None:
        """The text of a summary that can stand as a block."""
        if parent != "summary" or not isinstance(node, yaml.ScalarNode) or not isinstance(scalar(node), str):
            return None
        text: str = node.value
        lines = text.split("\n")
        if len(lines) < 2 or lines[-1] or not lines[-2] or text[0] in " \n" or not all(map(PRINTABLE.fullmatch, lines)):
            return None
        return None if any(line and not line.strip() for line in lines) else text

    def _inline(self, node: Any, name: str, flow: bool, kind: Any = None) -> str:
        if isinstance(node, yaml.SequenceNode):
            return "[" + ", ".join(self._inline(item, name, True, _item(kind)) for item in node.value) + "]"
        if isinstance(node, yaml.MappingNode):
            pairs = _ordered(node.value, kind)
            parts = (f"{_key(key.value)}: {self._inline(value, key.value, True, _field(kind, key.value))}" for key, value in pairs)
            return "{" + ", ".join(parts) + "}"
        value = scalar(node)
        if not isinstance(value, str):
            return "null" if value is None else node.value
        return value if name in NAMES and _is_plain(value, flow) else quoted(value)


def _is_tall(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and bool(node.value)


def _end(node: yaml.Node) -> Any:
    """Where a value really ends; the mark of a block collection is at the next token."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return node.end_mark


def _ordered(pairs: list[Any], kind: Any) -> list[Any]:
    """The fields in the order of the record type, unknown ones last."""
    order = {name: i for i, name in enumerate(_fields(kind))}
    return sorted(pairs, key=lambda pair: order.get(pair[0].value, len(order)))


def _fields(kind: Any) -> dict[str, Any]:
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return {}
    return {f.encode_name: f.type for f in msgspec.structs.fields(kind)}


def _field(kind: Any, name: str) -> Any:
    """The type of a field without ``None`` and annotations."""
    found = _fields(kind).get(name)
    options = [option for option in get_args(found) if option is not type(None)]
    if hasattr(found, "__metadata__") or (options and type(None) in get_args(found)):
        found = options[0]
    return found if found is not None else str


def _item(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) in (tuple, list) else str


def _type_name(kind: Any) -> str:
    return getattr(kind, "__name__", "")


def _key(name: str) -> str:
    return name if _is_plain(name, True) else quoted(name)


def _is_plain(text: str, flow: bool) -> bool:
    """Whether a string needs no quotes, for our reader, PyYAML and YAML 1.2 alike."""
    if not text or UNSAFE.match(text) or PRINTABLE.fullmatch(text) is None or FLOAT.fullmatch(text):
        return False
    if flow and re.search(r"[,\[\]{}:?]", text):
        return False
    return str(RESOLVER.resolve(yaml.ScalarNode, text, (True, False))) == "tag:yaml.org,2002:str"


def quoted(text: str) -> str:
    """A string in double quotes, on one line."""
    return '"' + "".join(ESCAPES.get(c) or (c if PRINTABLE.fullmatch(c) else _escape(ord(c))) for c in text) + '"'


def _escape(code: int) -> str:
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
