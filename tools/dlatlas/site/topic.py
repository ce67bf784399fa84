"""The topic page, in reading order: idea, equations, code line by line, proof, figures and claims, reading, what next."""

from __future__ import annotations

from html import escape

from dlatlas.catalog.model import Topic
from dlatlas.site import live, proof
from dlatlas.site.commands import commands
from dlatlas.site.context import Context, Page
from dlatlas.site.equations import equations
from dlatlas.site.figures.stored import topic_figures
from dlatlas.site.implementation import api, implementation
from dlatlas.site.markup import heading, tag
from dlatlas.site.opening import next_topics, opening
from dlatlas.site.reading import reading_list


def topic_page(context: Context, topic: Topic) -> Page:
    """The page of one topic in the context's language."""
    area = context.areas[topic.id]
    place = Page(context.topic_address(topic), topic.title.get(context.lang), "", "topic")
    sections = [
        ("", opening(context, place, topic)),
        ("equations", equations(context, topic)),
        ("implementation" if context.implemented(topic) else "state", implementation(context, place, topic)),
        ("run", commands(context, topic)),
        ("proof", _proof(context, topic)),
        ("speed", proof.speed(context, [m.id for m in topic.methods])),
        ("figures", "\n\n".join(topic_figures(context, topic.id))),
        ("live", live.block(context, topic.id)),
        ("claims", _claims(context, place, topic)),
        ("errata", "\n\n".join(proof.erratum(context, place, erratum) for erratum in topic.errata)),
        ("reading", reading_list(context, place, topic)),
        ("what-next", next_topics(context, place, topic)),
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


def _proof(context: Context, topic: Topic) -> str:
    parts = []
    for method in context.implemented(topic):
        parts.append(heading(3, method.title.get(context.lang), f"proof-{method.id}"))
        parts.append(tag("div", proof.method_proof(context, method), class_="proof"))
    return "\n\n".join(parts)


def _claims(context: Context, place: Page, topic: Topic) -> str:
    shown = ((f"claim-{claim.id}", proof.claim(context, place, claim)) for claim in topic.claims)
    return "\n\n".join(tag("section", html, class_="claim-block", id=name) for name, html in shown)
