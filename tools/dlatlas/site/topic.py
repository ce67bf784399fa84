"""The topic page: idea, equations, code line by line, proof, claims, reading, errata, commands."""

from __future__ import annotations

from html import escape

from dlatlas.catalog.model import Topic
from dlatlas.site import live, proof
from dlatlas.site.context import Context, Page
from dlatlas.site.figures.stored import topic_figures
from dlatlas.site.implementation import api, implementation, modules
from dlatlas.site.markup import formula, heading, paragraphs, tag
from dlatlas.site.reading import reading_list


def topic_page(context: Context, topic: Topic) -> Page:
    """The page of one topic in the context's language."""
    area = context.areas[topic.id]
    place = Page(context.topic_address(topic), topic.title.get(context.lang), "", "topic")
    sections = [
        ("", _opening(context, place, topic)),
        ("equations", _equations(context, topic)),
        ("live", live.block(context, topic.id)),
        ("implementation" if context.implemented(topic) else "state", implementation(context, place, topic)),
        ("proof", _proof(context, topic)),
        ("speed", proof.speed(context, [m.id for m in topic.methods])),
        ("figures", "\n\n".join(topic_figures(context, topic.id))),
        ("claims", _claims(context, topic)),
        ("reading", reading_list(context, place, topic)),
        ("errata", "\n\n".join(proof.erratum(context, erratum) for erratum in topic.errata)),
        ("run", _run(context, topic)),
        ("api", api(context, topic)),
    ]
    body = "\n\n".join((f"## {context.say(name)} {{#{name}}}\n\n" if name else "") + content for name, content in sections if content)
    index = area.topics.index(topic.id)
    neighbors = {
        name: {"title": escape(other.title.get(context.lang)), "url": place.url(context.topic_address(other))}
        for name, at in (("previous", index - 1), ("next", index + 1))
        if 0 <= at < len(area.topics) and (other := context.topics.get(area.topics[at])) is not None
    }
    return Page(
        place.address,
        place.title,
        body,
        "topic",
        description=_first_sentence(topic.summary.get(context.lang)),
        crumbs=((area.title.get(context.lang), f"{area.id}/"),),
        meta={"area": area.id, "topic": topic.id, **neighbors},
    )


def _first_sentence(text: str) -> str:
    paragraph = text.strip().split("\n")[0]
    for mark in (". ", "。"):
        if mark in paragraph:
            return paragraph.split(mark)[0] + mark.strip()
    return paragraph


def _opening(context: Context, page: Page, topic: Topic) -> str:
    summary = tag("div", paragraphs(topic.summary.get(context.lang)), class_="summary")
    opening = tag("div", summary + _aside(context, page, topic), class_="opening")
    title = tag("h1", context.both(topic.title), data_pagefind_weight=10)
    found_by = {"data_aliases": ", ".join(topic.aliases), "data_pagefind_index_attrs": "data-aliases"} if topic.aliases else {}
    return tag("div", title + opening, class_="topic-head", **found_by)


def _aside(context: Context, page: Page, topic: Topic) -> str:
    before = [
        tag("li", context.topic_link(page, context.topics[required.topic]) + tag("span", context.html(required.why)))
        for required in topic.requires
        if required.topic in context.topics
    ]
    after = [tag("li", context.topic_link(page, other)) for other in context.next_topics.get(topic.id, ())]
    state = [
        tag("li", tag("span", context.html(method.title), class_="state-name") + proof.badge(context, context.statuses[method.id]))
        for method in topic.methods
    ]
    blocks = {
        "before": tag("ul", "".join(before)) if before else tag("p", context.say("no-before")),
        "after": tag("ul", "".join(after), class_="plain-list") if after else tag("p", context.say("no-after")),
        "state": tag("ul", "".join(state), class_="state") if state else "",
    }
    sections = [tag("section", tag("p", context.say(name), class_="aside-title") + content) for name, content in blocks.items() if content]
    return tag("aside", "".join(sections), class_="facts", aria_label=topic.title.get(context.lang))


def _equations(context: Context, topic: Topic) -> str:
    methods = [m.id for m in topic.methods]
    items = []
    for equation in sorted(topic.equations, key=lambda e: methods.index(e.method) if e.method in methods else -1):
        note = tag("p", context.html(equation.note)) if equation.note else ""
        shown = tag("div", formula(equation.tex, display=True), class_="formula")
        said = tag("div", note + proof.equation_mark(context, equation, methods), class_="equation-note")
        items.append(tag("li", shown + said, id=f"eq-{equation.id}"))
    return tag("ol", "".join(items), class_="equations") if items else ""


def _proof(context: Context, topic: Topic) -> str:
    parts = []
    for method in context.implemented(topic):
        parts.append(heading(3, method.title.get(context.lang), f"proof-{method.id}"))
        parts.append(tag("div", proof.method_proof(context, method), class_="proof"))
    return "\n\n".join(parts)


def _claims(context: Context, topic: Topic) -> str:
    return "\n\n".join(tag("section", proof.claim(context, claim), class_="claim-block", id=f"claim-{claim.id}") for claim in topic.claims)


def _run(context: Context, topic: Topic) -> str:
    if not context.implemented(topic):
        return ""
    lines: list[tuple[str, str]] = []
    for module, methods in modules(context.implemented(topic)).items():
        lines.append((f"python -m {module}", context.say("run-demo")))
        lines += [(f"dlatlas test {method.id}", context.say("run-tests")) for method in methods]
    lines += [(f"dlatlas claims run {claim.id}", context.say("run-claim")) for claim in topic.claims]
    width = max(len(command) for command, _ in lines)
    listing = "\n".join(f"{command:<{width}}  # {comment}" for command, comment in lines)
    return f'{tag("p", context.say("run-note"))}\n\n```sh\npip install -e ".[refimpl,dev]" -c constraints.txt\n{listing}\n```'
