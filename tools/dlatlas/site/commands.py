"""The commands by which a reader runs what a page shows."""

from __future__ import annotations

from html import escape

from dlatlas.catalog.model import Method, Topic
from dlatlas.site.context import Context
from dlatlas.site.markup import tag

INSTALL = 'pip install -e ".[refimpl,dev]" -c constraints.txt'

FEW = 3
"""Up to so many methods are shown open."""


def commands(context: Context, topic: Topic) -> str:
    """One listing a command, so that each is copied by one click; a part for each method. Empty without an implementation."""
    methods = context.implemented(topic)
    if not methods:
        return ""
    first = _list([(context.say("run-install"), INSTALL)])
    parts = "".join(_method(context, method, len(methods) <= FEW) for method in methods)
    claims = _list([(context.say("run-claim"), f"dlatlas claims run {claim.id}") for claim in topic.claims])
    return tag("div", first + parts + claims, class_="commands")


def _method(context: Context, method: Method, shown: bool) -> str:
    module, _, name = (method.object or "").partition(":")
    lines = [
        (context.say("run-import"), f"from {module} import {name}"),
        (context.say("run-demo"), f"python -m {module}"),
        (context.say("run-tests"), f"dlatlas test {method.id}"),
    ]
    return tag("details", tag("summary", context.html(method.title)) + _list(lines), open=shown)


def _list(lines: list[tuple[str, str]]) -> str:
    items = "".join(tag("li", tag("span", what) + tag("pre", tag("code", escape(command, quote=False)))) for what, command in lines)
    return tag("ul", items) if items else ""
