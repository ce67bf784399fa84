"""The reference of programming interfaces: every public name of the implementations, and the library behind the command."""

from __future__ import annotations

from html import escape

from dlatlas.evidence.store import module_path
from dlatlas.site import proof
from dlatlas.site.context import Context, Page
from dlatlas.site.implementation import public_names
from dlatlas.site.markup import tag

LIBRARY = (
    "dlatlas.catalog.model.Catalog",
    "dlatlas.catalog.model.Entry",
    "dlatlas.catalog.model.Topic",
    "dlatlas.catalog.model.Method",
    "dlatlas.catalog.load.load",
    "dlatlas.search.search",
    "dlatlas.evidence.store.Evidence",
    "dlatlas.links.health.read",
)
"""What programs may import of ``dlatlas``."""


def reference_page(context: Context) -> Page:
    """A table of the implementations' names, linked to the topics that document them, then the library."""
    place = Page("api/", context.say("api-reference"), "", "page")
    intro = context.say("api-intro")
    headers = [context.say(key) for key in ("module", "names", "topic")]
    rows = [row for module in sorted(context.owners) if (row := _row(context, place, module)) is not None]
    library = "\n\n".join(f"::: {name}\n    options:\n      heading_level: 3" for name in LIBRARY)
    body = (
        f"{tag('div', tag('h1', place.title) + tag('p', intro))}\n\n## {context.say('api-methods')} {{#implementations}}\n\n"
        f"{proof.table(headers, rows, 'api-table')}\n\n## {context.say('api-library')} {{#library}}\n\n{library}"
    )
    return Page(place.address, place.title, body, "page", description=intro)


def _row(context: Context, page: Page, module: str) -> list[str] | None:
    path = module_path(context.root, module)
    if path is None:
        return None
    topic = context.owners[module]
    names = ", ".join(tag("code", escape(name)) for name in public_names(path.read_text("utf-8")))
    source = tag("a", tag("code", escape(module)), href=page.url(context.source_address(module)))
    return [source, names, context.topic_link(page, topic, "#api")]
