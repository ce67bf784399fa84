"""The code of a topic: its modules line by line, the modules that they use, and the reference of their names."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from html import escape
from pathlib import Path

from dlatlas.catalog.model import Method, Topic
from dlatlas.evidence.store import module_path, modules_of
from dlatlas.site.commented import render
from dlatlas.site.context import Context, Page
from dlatlas.site.markup import heading, tag

DEMONSTRATION = "refimpl.demo"
"""Only the demonstrations use this module; it belongs to no method."""


def modules(methods: Iterable[Method]) -> dict[str, list[Method]]:
    """Methods by the module that holds them, in order."""
    found: dict[str, list[Method]] = {}
    for method in methods:
        if method.module:
            found.setdefault(method.module, []).append(method)
    return found


def helpers(context: Context, module: str) -> list[str]:
    """The modules that ``module`` is built from, beside itself."""
    return [name for name in modules_of(context.root, module) if name not in (module, DEMONSTRATION)]


def implementation(context: Context, page: Page, topic: Topic) -> str:
    """Every module of the topic line by line, then what is only planned."""
    held = modules(topic.methods)
    shown: set[str] = set(held)
    parts = []
    for module, methods in held.items():
        path = module_path(context.root, module)
        if path is None:
            continue
        title = ("、" if context.lang == "zh" else ", ").join(method.title.get(context.lang) for method in methods)
        offered, unfolded = offered_parts(path.read_text("utf-8"))
        used = sorted((name for name in helpers(context, module) if name not in shown), key=lambda name: name not in offered)
        shown |= set(used)
        editions = [_edition(context, page, module, path), *(_helper(context, page, name, name in offered, unfolded) for name in used)]
        content = _deviations(context, methods) + "".join(editions)
        parts.append(f"{heading(3, title, f'code-{_last(module)}')}\n\n{tag('div', content, class_='module')}")
    planned = "".join(tag("li", context.html(method.title)) for method in topic.methods if not method.object)
    if planned:
        note = context.say("planned-others" if parts else "planned-note")
        parts.append(tag("div", tag("p", note) + tag("ul", planned), class_="planned"))
    return "\n\n".join(parts)


def _deviations(context: Context, methods: Iterable[Method]) -> str:
    """The deviations in the page's language; the English ones stand in the module's own docstring, which follows."""
    if context.lang == "en":
        return ""
    items = "".join(tag("li", context.html(text)) for method in methods for text in method.deviations)
    return tag("p", context.say("deviations"), class_="aside-title") + tag("ul", items) if items else ""


def _helper(context: Context, page: Page, module: str, offered: bool, unfolded: bool) -> str:
    """A module that a method is built from: a link where it is another topic's own, else folded away.

    What the method offers as its own stands open where the method's module has no names but such.
    """
    path = module_path(context.root, module)
    if path is None:
        return ""
    name = f"{context.say('part-module' if offered else 'uses-module')} {tag('code', escape(module))}"
    owner = context.owners.get(module)
    if owner is not None:
        return tag("p", f"{name}: {context.topic_link(page, owner, f'#code-{_last(module)}')}", class_="note")
    return tag("details", tag("summary", name) + _edition(context, page, module, path), class_="helper", open=offered and unfolded)


def _edition(context: Context, page: Page, module: str, path: Path) -> str:
    source = page.url(context.source_address(module))
    copy = tag("button", context.say("copy-file"), type="button", class_="copy-file", data_source=f"{source}{path.name}.txt")
    whole = tag("a", context.say("whole-file"), href=source)
    tools = tag("div", tag("code", escape(module)) + whole + copy, class_="edition-tools")
    return tools + render(path.read_text("utf-8"), _last(module), context.say("row-link"))


def _last(module: str) -> str:
    return module.rpartition(".")[2]


def api(context: Context, topic: Topic) -> str:
    """What MkDocs turns into the reference of the topic's public names."""
    paths = {module: module_path(context.root, module) for module in modules(topic.methods)}
    return "\n\n".join(f"::: {module}.{name}" for module, path in paths.items() if path for name in public_names(path.read_text("utf-8")))


def offered_parts(source: str) -> tuple[set[str], bool]:
    """The modules whose names a module offers as its own, and whether it offers nothing else."""
    names = set(public_names(source))
    imports = [node for node in ast.parse(source).body if isinstance(node, ast.ImportFrom) and node.module]
    taken = {node.module: names & {alias.name for alias in node.names} for node in imports}
    return {module for module, some in taken.items() if some}, names <= set().union(*taken.values())


def public_names(source: str) -> list[str]:
    """What a module offers: ``__all__`` where it is written out, else its functions and classes without underscore."""
    body = ast.parse(source).body
    for node in body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return list(ast.literal_eval(node.value))
    return [node.name for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")]
