"""The commands by which a reader runs what a page shows."""

from __future__ import annotations

from html import escape

from dlatlas.catalog.model import Topic
from dlatlas.site.context import Context
from dlatlas.site.implementation import modules
from dlatlas.site.markup import tag

INSTALL = 'pip install -e ".[refimpl,dev]" -c constraints.txt'


def commands(context: Context, topic: Topic) -> str:
    """One listing a command, so that each is copied by one click; empty without an implementation."""
    methods = context.implemented(topic)
    if not methods:
        return ""
    lines = [(INSTALL, context.say("run-install"), "sh")]
    for module, held in modules(methods).items():
        names = dict.fromkeys((method.object or "").split(":")[1] for method in held)
        lines.append((f"from {module} import {', '.join(names)}", context.say("run-import"), "python"))
        lines.append((f"python -m {module}", context.say("run-demo"), "sh"))
        lines += [(f"dlatlas test {method.id}", context.say("run-tests"), "sh") for method in held]
    lines += [(f"dlatlas claims run {claim.id}", context.say("run-claim"), "sh") for claim in topic.claims]
    items = "".join(tag("li", tag("span", what) + _listing(command, kind)) for command, what, kind in lines)
    return tag("p", context.say("run-note")) + tag("ul", items, class_="commands")


def _listing(command: str, kind: str) -> str:
    return tag("pre", tag("code", escape(command, quote=False), class_=f"language-{kind}"))
