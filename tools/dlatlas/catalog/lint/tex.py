"""A rule on the structure of formulas; KaTeX itself judges them when the site is built."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dlatlas.catalog.lint.ours import prose
from dlatlas.catalog.lint.registry import Finding, rule
from dlatlas.catalog.load import Loaded

TOKEN = re.compile(r"\\(begin|end)\s*\{([^{}]*)\}|\\([A-Za-z]+|.)|([{}])", re.S)
INLINE = re.compile(r"(?<!\\)\$([^$]*)(?<!\\)\$")

ENVIRONMENTS = {
    "align", "align*", "alignat", "alignat*", "aligned", "alignedat", "array", "bmatrix", "bmatrix*", "Bmatrix", "Bmatrix*",
    "cases", "CD", "darray", "dcases", "drcases", "equation", "equation*", "gather", "gather*", "gathered", "matrix", "matrix*",
    "pmatrix", "pmatrix*", "rcases", "smallmatrix", "split", "subarray", "vmatrix", "vmatrix*", "Vmatrix", "Vmatrix*",
}  # fmt: skip
"""Environments that KaTeX knows."""


@rule("tex-structure")
def tex_structure(loaded: Loaded) -> Iterable[Finding]:
    r"""Braces, \left and \right, or \begin and \end of a formula do not pair, or KaTeX does not know the environment."""
    for topic in loaded.catalog.topics:
        for i, equation in enumerate(topic.equations):
            if problem := structure(equation.tex):
                yield Finding("topic", topic.id, f"equation {equation.id}: {problem}", ("equations", i, "tex"))
    for kind, id, path, text in prose(loaded):
        for language in ("en", "zh"):
            for found in INLINE.finditer(text.get(language)):
                if problem := structure(found[1]):
                    yield Finding(kind, id, f"{'.'.join(map(str, path))}.{language}: {problem} in ${found[1]}$", (*path, language))


def structure(tex: str) -> str | None:
    """What does not pair in a formula; None where all does."""
    open_: list[str] = []
    for found in TOKEN.finditer(tex):
        edge, name, command, brace = found.groups()
        if edge and name not in ENVIRONMENTS:
            return f"unknown environment {name!r}"
        pair = rf"\begin{{{name}}}" if edge else r"\left" if command in ("left", "right") else "{" if brace else None
        if pair is None:
            continue
        if edge == "begin" or command == "left" or brace == "{":
            open_.append(pair)
        elif not open_ or open_.pop() != pair:
            return f"{found[0]!r} closes nothing"
    return f"{open_[-1]!r} is not closed" if open_ else None
