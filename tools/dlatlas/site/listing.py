"""The pages that list: home, areas, methods, claims, errata, glossary and the source files."""

from __future__ import annotations

from collections import Counter
from html import escape

from dlatlas.catalog.model import Area, Method, Topic
from dlatlas.evidence.store import module_path
from dlatlas.site import proof
from dlatlas.site.context import Context, Page
from dlatlas.site.markup import heading, inline, paragraphs, tag
from dlatlas.site.topic import modules


def home_page(context: Context) -> Page:
    """What the site is, three uses, its numbers, and the areas as cards."""
    place = Page("", context.say("site"), "", "home")
    say = context.say
    counts = [
        ("areas", len(context.catalog.areas), ""),
        ("topics", len(context.catalog.topics), ""),
        ("entries", len(context.catalog.entries), ""),
        ("methods", len(context.statuses), "methods/"),
        ("verified-methods", Counter(context.statuses.values())["verified"], "methods/"),
    ]
    numbers = "".join(tag("div", tag("dt", say(name)) + tag("dd", tag("a", f"{n:,}", href=url) if url else f"{n:,}")) for name, n, url in counts)
    hero = tag("h1", say("site")) + tag("p", say("tagline"), class_="tagline") + tag("p", say("lead"), class_="lead") + tag("dl", numbers, class_="numbers")
    uses = "".join(
        tag("section", tag("h3", say(name)) + tag("p", say(f"{name}-text")) + tag("p", tag("a", say(label), href=url), class_="use-link"))
        for name, label, url in (("use-read", "browse-topics", "#areas"), ("use-run", "browse-methods", "methods/"), ("use-check", "browse-claims", "claims/"))
    )
    cards = "".join(_area_card(context, place, area) for area in context.catalog.areas)
    body = "\n\n".join(
        (
            tag("div", hero, class_="hero"),
            f"## {say('uses')} {{#uses}}",
            tag("div", uses, class_="uses"),
            f"## {say('areas')} {{#areas}}",
            tag("div", cards, class_="cards"),
        )
    )
    return Page("", say("site"), body, "home", description=say("lead"), meta={"hide": ["navigation", "toc"]})


def _area_card(context: Context, page: Page, area: Area) -> str:
    topics = [context.topics[t] for t in area.topics if t in context.topics]
    names = "".join(tag("li", tag("a", escape(t.title.get(context.lang)), href=page.url(context.topic_address(t)))) for t in topics)
    title = tag("h3", tag("a", escape(area.title.get(context.lang)), href=page.url(f"{area.id}/")))
    return tag("section", title + tag("p", context.html(area.summary)) + tag("ul", names), class_="card")


def area_page(context: Context, area: Area) -> Page:
    """The topics of an area, each with its first sentences and its counts."""
    place = Page(f"{area.id}/", area.title.get(context.lang), "", "area")
    items = "\n".join(_topic_row(context, place, context.topics[t]) for t in area.topics if t in context.topics)
    head = _title(context, area.title.get(context.lang), area.title.get(context.other)) + tag("div", paragraphs(area.summary.get(context.lang)), class_="summary")
    return Page(place.address, place.title, f"{head}\n\n{tag('ol', items, class_='topics')}", "area", description=area.summary.get(context.lang), meta={"area": area.id, "hide": ["toc"]})


def _title(context: Context, title: str, other: str = "") -> str:
    second = " " + tag("span", escape(other), lang=context.other, class_="title-other") if other and other != title else ""
    return tag("h1", escape(title) + second)


def _topic_row(context: Context, page: Page, topic: Topic) -> str:
    statuses = Counter(context.statuses[m.id] for m in topic.methods)
    counts = [context.count("entries", len(context.shown[topic.id]))]
    if topic.methods:
        counts.append(context.count("methods", len(topic.methods)))
    if statuses["verified"]:
        counts.append(context.count("verified", statuses["verified"]))
    other = topic.title.get(context.other)
    second = " " + tag("span", escape(other), lang=context.other, class_="title-other") if other != topic.title.get(context.lang) else ""
    title = tag("h2", tag("a", escape(topic.title.get(context.lang)), href=page.url(context.topic_address(topic))) + second)
    opening = topic.summary.get(context.lang).strip().split("\n\n")[0]
    return tag("li", title + tag("p", inline(opening), class_="opening-line") + tag("p", " · ".join(counts), class_="entry-facts"))


def methods_page(context: Context) -> Page:
    """Every method of the catalog with its status and what it was checked against."""
    place = Page("methods/", context.say("methods"), "", "table")
    headers = [context.say(key) for key in ("method", "topic", "status", "oracle", "error", "devices")]
    rows = [_method_row(context, place, topic, method) for topic, method in context.catalog.methods()]
    counts = Counter(context.statuses.values())
    summary = " · ".join(f"{proof.badge(context, status)} {counts[status]}" for status in ("verified", "stale", "unverified", "planned") if counts[status])
    body = _title(context, place.title) + tag("p", context.say("methods-intro")) + tag("p", summary) + proof.table(headers, rows, "methods")
    return Page(place.address, place.title, tag("div", body), "table", description=context.say("methods-intro"), meta={"hide": ["navigation", "toc"]})


def _method_row(context: Context, page: Page, topic: Topic, method: Method) -> list[str]:
    target = context.topic_address(topic)
    name = tag("a", context.html(method.title), href=page.url(f"{target}#proof-{method.id}" if method.object else target))
    return [
        f"{name} {tag('code', method.id)}",
        tag("a", escape(topic.title.get(context.lang)), href=page.url(target)),
        proof.badge(context, context.statuses[method.id]),
        context.html(method.oracle) if method.oracle else "",
        proof.largest_error(context, method),
        ", ".join(map(escape, context.evidence.of(method.id))),
    ]


def claims_page(context: Context) -> Page:
    """Every claim with its numbers and figure."""
    place = Page("claims/", context.say("claims"), "", "page")
    parts = [tag("div", _title(context, place.title) + tag("p", context.say("claims-intro")))]
    for topic in context.catalog.topics:
        for claim in topic.claims:
            where = tag("p", tag("a", escape(topic.title.get(context.lang)), href=place.url(f"{context.topic_address(topic)}#claim-{claim.id}")), class_="claim-topic")
            parts.append(tag("section", where + proof.claim(context, claim), class_="claim-block", id=f"claim-{claim.id}"))
    if len(parts) == 1:
        parts.append(tag("p", context.say("no-claims")))
    return Page(place.address, place.title, "\n\n".join(parts), "page", description=context.say("claims-intro"), meta={"hide": ["toc"]})


def errata_page(context: Context) -> Page:
    """Every recorded mistake of a source."""
    place = Page("errata/", context.say("errata"), "", "page")
    parts = [tag("div", _title(context, place.title) + tag("p", context.say("errata-intro")))]
    for topic in context.catalog.topics:
        if topic.errata:
            parts.append(heading(2, topic.title.get(context.lang), f"errata-{topic.id}"))
            parts.append(tag("p", tag("a", escape(topic.title.get(context.lang)), href=place.url(context.topic_address(topic)))))
            parts += [proof.erratum(context, erratum) for erratum in topic.errata]
    if len(parts) == 1:
        parts.append(tag("p", context.say("no-errata")))
    return Page(place.address, place.title, "\n\n".join(parts), "page", description=context.say("errata-intro"))


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
    body = _title(context, place.title) + tag("p", context.say("glossary-intro")) + proof.table(headers, rows, "glossary")
    return Page(place.address, place.title, tag("div", body), "table", description=context.say("glossary-intro"), meta={"hide": ["toc"]})


def source_pages(context: Context) -> list[Page]:
    """One page a module with the whole file, so that a line has an address that holds."""
    users: dict[str, list[Topic]] = {}
    for topic in context.catalog.topics:
        for module in modules(topic.methods):
            users.setdefault(module, []).append(topic)
    return [page for module, topics in users.items() if (page := _source_page(context, module, topics)) is not None]


def _source_page(context: Context, module: str, topics: list[Topic]) -> Page | None:
    path = module_path(context.root, module)
    if path is None:
        return None
    place = Page(context.source_address(module), module, "", "source")
    used = ", ".join(tag("a", escape(t.title.get(context.lang)), href=place.url(f"{context.topic_address(t)}#implementation")) for t in topics)
    text = path.read_text("utf-8").rstrip("\n")
    fence = "`" * max(3, max((len(run) for run in _backticks(text)), default=0) + 1)
    head = tag("div", tag("h1", tag("code", escape(module))) + tag("p", f"{context.say('source-intro')} {used}") + tag("p", tag("a", escape(path.name), href=f"{path.name}.txt")))
    return Page(place.address, module, f'{head}\n\n{fence}{{.python linenums="1"}}\n{text}\n{fence}', "source", meta={"hide": ["toc"], "file": path.name})


def _backticks(text: str) -> list[str]:
    return ["`" * len(run) for run in "".join(c if c == "`" else " " for c in text).split()]
