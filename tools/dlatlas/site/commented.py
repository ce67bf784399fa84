"""Show a Python module like a commented edition: prose on the left, the code it speaks of on the right.

``rows`` cuts a file at its docstrings, comment blocks, classes and functions. Every line of the
file lies in exactly one row, either as prose or as code, so that the rows together are the file.
"""

from __future__ import annotations

import ast
import io
import tokenize
from dataclasses import dataclass
from html import escape
from itertools import groupby
from operator import itemgetter

from pygments import lex
from pygments.lexers import PythonLexer
from pygments.token import STANDARD_TYPES, Token, _TokenType

from dlatlas.site.docstring import prose
from dlatlas.site.markup import tag


@dataclass(frozen=True)
class Note:
    """A docstring or a block of comments, with the lines that it takes (1-based, both included)."""

    first: int
    last: int
    text: str


@dataclass(frozen=True)
class Row:
    """Lines ``first`` to ``last`` of the file: the notes in them, and the rest, which is code."""

    first: int
    last: int
    notes: tuple[Note, ...]

    def code(self) -> list[int]:
        """Numbers of the lines that are not prose."""
        taken = {n for note in self.notes for n in range(note.first, note.last + 1)}
        return [n for n in range(self.first, self.last + 1) if n not in taken]


def rows(source: str) -> list[Row]:
    """Cut a module into rows.

    Raises:
        SyntaxError: ``source`` is not a Python module.
    """
    tree = ast.parse(source)
    count = len(source.splitlines())
    comments = _comments(source)
    docs, starts = _structure(tree)
    starts |= {note.first for note in comments}
    for note in comments:  # a comment right above a definition belongs to it
        starts.discard(note.last + 1)
    notes = sorted(docs + comments, key=lambda note: note.first)
    module = next((note for note in docs if note.first == 1 or _leads(tree, note)), None)
    if module is not None and module.last < count:
        starts.add(module.last + 1)
    cuts = sorted({1, *(n for n in starts if n <= count)})
    spans = zip(cuts, [n - 1 for n in cuts[1:]] + [count], strict=True)
    return [Row(first, last, tuple(n for n in notes if first <= n.first <= last)) for first, last in spans] if count else []


def _leads(tree: ast.Module, note: Note) -> bool:
    return bool(tree.body) and isinstance(tree.body[0], ast.Expr) and tree.body[0].lineno == note.first


def _comments(source: str) -> list[Note]:
    """Blocks of whole-line comments that stand between statements (tool directives are code)."""
    found: list[Note] = []
    depth = 0
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.OP:
            depth += (token.string in "([{") - (token.string in ")]}")
        if token.type != tokenize.COMMENT or depth or lines[token.start[0] - 1][: token.start[1]].strip():
            continue
        line, text = token.start[0], token.string.lstrip("#")
        if token.string.startswith(("#!", "# type:", "# noqa", "# ruff:", "# fmt:", "# pragma:")):
            continue
        if found and found[-1].last == line - 1:
            found[-1] = Note(found[-1].first, line, found[-1].text + "\n" + text)
        else:
            found.append(Note(line, line, text))
    return [Note(n.first, n.last, "\n".join(t.removeprefix(" ") for t in n.text.split("\n"))) for n in found]


def _structure(tree: ast.Module) -> tuple[list[Note], set[int]]:
    """Docstrings that take whole lines, and the lines where definitions begin."""
    docs: list[Note] = []
    starts: set[int] = set()

    def visit(body: list[ast.stmt], defines: bool) -> None:
        previous: ast.stmt | None = None
        for i, node in enumerate(body):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                described = previous if isinstance(previous, (ast.Assign, ast.AnnAssign)) else None
                if i == 0 or described is not None:
                    docs.append(Note(node.lineno, node.end_lineno or node.lineno, node.value.value))
                    if described is not None:
                        starts.add(described.lineno)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                if defines and (node in tree.body or ast.get_docstring(node) is not None):
                    starts.add(min([node.lineno, *(d.lineno for d in node.decorator_list)]))
                if node.body[0].lineno > node.lineno:
                    visit(node.body, isinstance(node, ast.ClassDef))
            elif defines and isinstance(previous, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                starts.add(node.lineno)
            previous = node

    visit(tree.body, True)
    return docs, starts


def render(source: str, prefix: str, permalink: str) -> str:
    """HTML of the rows.

    Args:
        prefix: put before the row ids (``<prefix>-L12``), so that two modules fit on one page.
        permalink: accessible name of a row's link to itself, with ``{n}`` for the line.
    """
    lines = _highlight(source)
    return tag("div", "".join(_render_row(row, lines, prefix, permalink) for row in rows(source)), class_="edition")


def _render_row(row: Row, lines: list[str], prefix: str, permalink: str) -> str:
    numbers = row.code()
    while numbers and not lines[numbers[-1] - 1].strip():
        numbers.pop()
    while numbers and not lines[numbers[0] - 1].strip():
        numbers.pop(0)
    anchor = f"{prefix}-L{row.first}"
    mark = tag("a", "#", href=f"#{anchor}", class_="edition-link", aria_label=permalink.format(n=row.first))
    text = "".join(prose(note.text) for note in row.notes)
    left = tag("div", text + mark, class_="edition-prose", lang="en") if text or numbers else ""
    code = "".join(_line(n, lines[n - 1]) for n in numbers)
    right = tag("div", tag("pre", tag("code", code)), class_="edition-code highlight") if numbers else ""
    kind = "edition-row" + ("" if text else " no-prose") + ("" if numbers else " no-code")
    return tag("div", left + right, class_=kind, id=anchor) if left else ""


def whole(source: str) -> str:
    """HTML of a file as one listing, in which line 42 has the id ``__codelineno-0-42``."""
    lines = _highlight(source.rstrip("\n"))
    code = "".join(_line(n, line, f"__codelineno-0-{n}") for n, line in enumerate(lines, 1))
    return tag("div", tag("pre", tag("code", code)), class_="edition-code highlight")


def _line(number: int, line: str, anchor: str | None = None) -> str:
    """One line; the style sheet numbers it, and indents what it wraps by ``--i`` characters and a little more."""
    indent = len(line) - len(line.lstrip(" "))
    return tag("span", f"{line}\n", class_="ln", id=anchor, data_n=number, style=f"--i:{indent}" if indent else None)


def _highlight(source: str) -> list[str]:
    """One piece of HTML a line, colored with Pygments' short class names; neighbors of one class share their element."""
    lines = [""]
    tokens = ((_css(kind), text) for kind, text in lex(source, PythonLexer(stripnl=False, ensurenl=False)))
    for name, group in groupby(tokens, itemgetter(0)):
        for i, part in enumerate("".join(text for _, text in group).split("\n")):
            if i:
                lines.append("")
            if part:
                piece = escape(part, quote=False)
                lines[-1] += f'<span class="{name}">{piece}</span>' if name else piece
    return lines


PLAIN = frozenset({Token.Text, Token.Text.Whitespace, Token.Name, Token.Operator, Token.Operator.Word})
"""Kinds of tokens that the style sheet gives the color of code itself."""


def _css(kind: _TokenType) -> str:
    while kind not in STANDARD_TYPES:
        kind = kind.parent
    return "" if kind in PLAIN else STANDARD_TYPES[kind]
