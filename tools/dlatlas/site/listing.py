"""The pages that list: areas, claims, errata, glossary, timeline and the source files."""

from __future__ import annotations

from collections import Counter
from html import escape

from dlatlas.catalog.model import Area, Topic
from dlatlas.evidence.store import module_path
from dlatlas.site import proof
from dlatlas.site.commented import whole
from dlatlas.site.context import Context, Page
from dlatlas.site.figures.timeline import area_timeline, catalog_timeline
from dlatlas.site.implementation import helpers, modules
from dlatlas.site.markup import heading, inline, paragraphs, tag


def area_page(context: Context, area: Area) -> Page:
    """The topics of an area, each with its first sentences and its counts."""
    place = Page(f"{area.id}/", area.title.get(context.lang), "", "area")
    items = "\n".join(_topic_row(context, place, topic) for topic in context.topics_of(area))
    summary = area.summary.get(context.lang)
    head = tag("h1", context.both(area.title)) + tag("div", paragraphs(summary), class_="summary")
    body = f"{head}\n\n{tag('ol', items, class_='topics')}\n\n{area_timeline(context, place, area)}"
    return Page(place.address, place.title, body, "area", description=summary, meta={"area": area.id, "hide": ["toc"]})


def _topic_row(context: Context, page: Page, topic: Topic) -> str:
    statuses = Counter(context.statuses[m.id] for m in topic.methods)
    counts = [context.count("entries", len(context.shown[topic.id]))]
    if topic.methods:
        counts.append(context.count("methods", len(topic.methods)))
    if statuses["verified"]:
        counts.append(context.count("verified", statuses["verified"]))
    other = tag("span", escape(topic.title.get(context.other)), lang=context.other, class_="title-other")
    title = tag("h2", f"{context.topic_link(page, topic)} {other if topic.title.en != topic.title.zh else ''}")
    opening = topic.summary.get(context.lang).strip().split("\n\n")[0]
    return tag("li", title + tag("p", inline(opening), class_="opening-line") + tag("p", " · ".join(counts), class_="entry-facts"))


def claims_page(context: Context) -> Page:
    """Every claim with its numbers and figure."""
    place = Page("claims/", context.say("claims"), "", "page")
    parts = [tag("div", tag("h1", place.title) + tag("p", context.say("claims-intro")))]
    for topic in context.catalog.topics:
        for claim in topic.claims:
            where = tag("p", context.topic_link(place, topic, f"#claim-{claim.id}"))
            parts.append(tag("section", where + proof.claim(context, place, claim), class_="claim-block", id=f"claim-{claim.id}"))
    if len(parts) == 1:
        parts.append(tag("p", context.say("no-claims")))
    return Page(place.address, place.title, "\n\n".join(parts), "page", description=context.say("claims-intro"), meta={"hide": ["toc"]})


def errata_page(context: Context) -> Page:
    """Every recorded mistake of a source."""
    place = Page("errata/", context.say("errata"), "", "page")
    parts = [tag("div", tag("h1", place.title) + tag("p", context.say("errata-intro")))]
    for topic in context.catalog.topics:
        if topic.errata:
            parts.append(heading(2, topic.title.get(context.lang), f"errata-{topic.id}"))
            parts.append(tag("p", context.topic_link(place, topic)))
            parts += [proof.erratum(context, place, erratum) for erratum in topic.errata]
    if len(parts) == 1:
        parts.append(tag("p", context.say("no-errata")))
    return Page(place.address, place.title, "\n\n".join(parts), "page", description=context.say("errata-intro"))


def timeline_page(context: Context) -> Page:
    """The works to read first, along the years."""
    place = Page("timeline/", context.say("timeline-page"), "", "page")
    intro = context.say("timeline-intro")
    body = tag("h1", place.title) + tag("p", intro) + catalog_timeline(context, place)
    return Page(place.address, place.title, tag("div", body), "page", description=intro, meta={"hide": ["navigation", "toc"]})


def glossary_page(context: Context) -> Page:
    """The glossary as one table."""
    place = Page("glossary/", context.say("glossary"), "", "table")
    headers = [context.say(key) for key in ("english", "chinese", "term-traditional", "term-aliases")]
    rows = [
        [
            tag("span", escape(term.term.en), lang="en"),
            tag("span", escape(term.term.zh), lang="zh"),
            tag("span", escape(term.term.zh_hant), lang="zh-Hant") if term.term.zh_hant else "",
            escape(", ".join(term.aliases)),
        ]
        for term in context.catalog.glossary
    ]
    body = tag("h1", place.title) + tag("p", context.say("glossary-intro")) + proof.table(headers, rows, "glossary")
    return Page(place.address, place.title, tag("div", body), "table", description=context.say("glossary-intro"), meta={"hide": ["toc"]})


def source_pages(context: Context) -> list[Page]:
    """One page a module with the whole file, so that a line has an address that holds."""
    users: dict[str, dict[str, Topic]] = {}
    for topic in context.catalog.topics:
        for module in modules(topic.methods):
            for name in (module, *helpers(context, module)):
                users.setdefault(name, {})[topic.id] = topic
    found = (_source_page(context, module, list(topics.values())) for module, topics in users.items())
    return [page for page in found if page is not None]


def _source_page(context: Context, module: str, topics: list[Topic]) -> Page | None:
    path = module_path(context.root, module)
    if path is None:
        return None
    place = Page(context.source_address(module), module, "", "source")
    used = ", ".join(context.topic_link(place, topic, "#implementation") for topic in topics)
    raw = tag("a", escape(path.name), href=f"{path.name}.txt")
    head = tag("div", tag("h1", tag("code", escape(module))) + tag("p", f"{context.say('source-intro')} {used}") + tag("p", raw))
    body = f"{head}\n\n{whole(path.read_text('utf-8'))}"
    return Page(place.address, module, body, "source", meta={"hide": ["toc"], "file": path.name})
