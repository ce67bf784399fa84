"""The home page: what the site is, three uses, its numbers, the map of topics and the areas."""

from __future__ import annotations

from collections import Counter
from html import escape

from dlatlas.catalog.model import Area
from dlatlas.site.context import Context, Page
from dlatlas.site.map import topic_map
from dlatlas.site.markup import tag

USES = (("use-read", "browse-topics", "#areas"), ("use-run", "browse-methods", "methods/"), ("use-check", "browse-claims", "claims/"))
"""The three uses: words, words of the link, address."""


def home_page(context: Context) -> Page:
    """What the site is, three uses, its numbers, the map of topics, and the areas as cards."""
    place = Page("", context.say("site"), "", "home")
    say = context.say
    counts = [
        ("areas", len(context.catalog.areas), ""),
        ("topics", len(context.catalog.topics), ""),
        ("entries", len(context.catalog.entries), ""),
        ("methods", len(context.statuses), "methods/"),
        ("verified-methods", Counter(context.statuses.values())["verified"], "methods/"),
    ]
    numbers = [tag("dt", say(name)) + tag("dd", tag("a", f"{n:,}", href=url) if url else f"{n:,}") for name, n, url in counts]
    hero = (
        tag("h1", say("site"))
        + tag("p", say("tagline"), class_="tagline")
        + tag("p", say("lead"), class_="lead")
        + tag("dl", "".join(tag("div", pair) for pair in numbers), class_="numbers")
    )
    uses = "".join(
        tag("section", tag("h3", say(name)) + tag("p", say(f"{name}-text")) + tag("p", tag("a", say(label), href=url)))
        for name, label, url in USES
    )
    sections = {
        "uses": tag("div", uses, class_="uses"),
        "map": topic_map(context, place),
        "areas": tag("div", "".join(_area_card(context, place, area) for area in context.catalog.areas), class_="cards"),
    }
    body = "\n\n".join(f"## {say(name)} {{#{name}}}\n\n{content}" for name, content in sections.items() if content)
    hero = tag("div", hero, class_="hero")
    return Page("", say("site"), f"{hero}\n\n{body}", "home", description=say("lead"), meta={"hide": ["navigation", "toc"]})


def _area_card(context: Context, page: Page, area: Area) -> str:
    names = "".join(tag("li", context.topic_link(page, topic)) for topic in context.topics_of(area))
    title = tag("h3", tag("a", escape(area.title.get(context.lang)), href=page.url(f"{area.id}/")))
    return tag("section", title + tag("p", context.html(area.summary)) + tag("ul", names), class_="card")
