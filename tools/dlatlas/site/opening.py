"""How a topic page begins and ends: the idea, what comes before and after, and where to go next."""

from __future__ import annotations

from dlatlas.catalog.model import Method, Topic
from dlatlas.site.badges import badge
from dlatlas.site.context import Context, Page
from dlatlas.site.markup import paragraphs, tag


def opening(context: Context, page: Page, topic: Topic) -> str:
    """Title in both languages, the summary, and beside it what comes before and after and the state of the methods."""
    summary = tag("div", paragraphs(topic.summary.get(context.lang)), class_="summary")
    content = tag("div", summary + _facts(context, page, topic), class_="opening")
    return tag("div", tag("h1", context.both(topic.title)) + content, class_="topic-head")


def _facts(context: Context, page: Page, topic: Topic) -> str:
    before = [
        tag("li", context.topic_link(page, context.topics[required.topic]) + tag("span", context.html(required.why)))
        for required in topic.requires
        if required.topic in context.topics
    ]
    after = [tag("li", context.topic_link(page, other)) for other in context.next_topics.get(topic.id, ())]
    state = [tag("li", _name(context, method) + badge(context, context.statuses[method.id])) for method in topic.methods]
    blocks = {
        "before": tag("ul", "".join(before)) if before else tag("p", context.say("no-before")),
        "after": tag("ul", "".join(after), class_="plain-list") if after else tag("p", context.say("no-after")),
        "state": tag("ul", "".join(state), class_="state") if state else "",
    }
    sections = [tag("section", tag("p", context.say(name), class_="aside-title") + content) for name, content in blocks.items() if content]
    return tag("aside", "".join(sections), class_="facts", aria_label=topic.title.get(context.lang))


def _name(context: Context, method: Method) -> str:
    """A method's title, which leads to what it was verified against."""
    title = context.html(method.title)
    return tag("span", tag("a", title, href=f"#proof-{method.id}") if method.object else title, class_="state-name")


def next_topics(context: Context, page: Page, topic: Topic) -> str:
    """The topics that build on this one, each with why it does."""
    items = []
    for other in context.next_topics.get(topic.id, ()):
        why = next((context.html(required.why) for required in other.requires if required.topic == topic.id), "")
        items.append(tag("li", context.topic_link(page, other) + tag("p", why)))
    return tag("ul", "".join(items), class_="next-topics") if items else ""
