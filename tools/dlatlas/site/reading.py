"""The reading list of a topic page: what to read first, then the rest by kind."""

from __future__ import annotations

from collections import Counter
from html import escape

from dlatlas.catalog.model import Entry, Topic
from dlatlas.export.bibtex import record
from dlatlas.site.context import Context, Page
from dlatlas.site.markup import tag
from dlatlas.site.reading_links import copies, title

GROUPS = {
    "group-paper": ("paper",),
    "group-code": ("code", "tool"),
    "group-course": ("course", "video", "slides"),
    "group-book": ("book", "article"),
    "group-list": ("list", "dataset"),
}
"""Headings of the list and the types of entries below each."""


def reading_list(context: Context, page: Page, topic: Topic) -> str:
    """The whole list as HTML and Markdown headings; ``page`` is the page it stands on."""
    entries = context.shown[topic.id]
    if not entries:
        return tag("p", context.say("no-reading"))
    picks = [entry for entry in entries if entry.pick is not None and entry.home == topic.id]
    rest = [entry for entry in entries if entry not in picks]
    parts = [_filters(context, entries)] if len(entries) > 8 else []
    if picks:
        parts.append(_group(context, page, topic, "read-first", picks, "ol"))
    for name, types in GROUPS.items():
        if found := [entry for entry in rest if entry.type in types]:
            parts.append(_group(context, page, topic, name, found, "ul"))
    return "\n\n".join(parts)


def _group(context: Context, page: Page, topic: Topic, name: str, entries: list[Entry], kind: str) -> str:
    items = "\n".join(_entry(context, page, entry) for entry in entries)
    return f"### {context.say(name)} {{#{name}}}\n\n{tag(kind, items, class_='entries')}"


def _filters(context: Context, entries: list[Entry]) -> str:
    """Controls that the page's script reveals; without it the whole list shows."""
    counts = {
        "type": Counter(entry.type for entry in entries),
        "lang": Counter(entry.lang for entry in entries),
        "level": Counter(entry.level for entry in entries if entry.level),
    }
    fields = []
    for name, found in counts.items():
        if len(found) > 1:
            options = [tag("option", context.say("filter-all"), value="")]
            options += [tag("option", f"{context.say(f'{name}-{value}')} ({n})", value=value) for value, n in found.most_common()]
            fields.append(tag("label", f"{context.say(f'filter-{name}')} {tag('select', ''.join(options), name=name)}"))
    pattern = context.say("filter-count", shown="{shown}", all="{all}")
    output = tag("output", pattern.format(shown=len(entries), all=len(entries)), data_text=pattern)
    return (
        tag("div", "".join(fields) + output, class_="filters", role="group", aria_label=context.say("reading"), hidden=True)
        if fields
        else ""
    )


def _entry(context: Context, page: Page, entry: Entry) -> str:
    meta = [tag("span", context.say(f"type-{entry.type}"), class_="chip")]
    if entry.lang.split("-")[0] != context.lang:
        meta.append(tag("span", context.say(f"lang-{entry.lang}"), class_="chip chip-lang"))
    if entry.level:
        meta.append(tag("span", context.say(f"level-{entry.level}"), class_="chip chip-level"))
    if entry.code:
        meta.append(tag("span", escape(entry.code.framework), class_="chip"))
    facts = " · ".join(filter(None, (_authors(entry), escape(entry.date or ""), escape(entry.venue or ""))))
    here = entry.home == page.address.split("/")[-2]
    body = (
        tag("div", title(context, entry) + " " + "".join(meta), class_="entry-title")
        + (tag("div", facts, class_="entry-facts") if facts else "")
        + (tag("p", context.html(entry.note)) if entry.note else "")
        + copies(context, entry)
        + _relations(context, page, entry)
        + _bibtex(context, entry)
    )
    data = {"data_type": entry.type, "data_lang": entry.lang, "data_level": entry.level}
    return tag("li", body, class_="entry", id=f"entry-{entry.id}" if here else None, **data)


def _authors(entry: Entry) -> str:
    names = [escape(name) for name in entry.authors]
    return ", ".join(names) if len(names) <= 6 else ", ".join(names[:5]) + " …"


def _relations(context: Context, page: Page, entry: Entry) -> str:
    found: dict[str, list[str]] = {}
    for relation in entry.relations:
        if (target := context.entries.get(relation.to)) is not None:
            mark = f" ({context.say('official')})" if relation.official else ""
            found.setdefault(f"rel-{relation.rel}", []).append(_reference(context, page, target) + mark)
    for name, source in context.incoming.get(entry.id, ()):
        found.setdefault(f"rev-{name}", []).append(_reference(context, page, source))
    parts = [tag("dt", context.say(name)) + tag("dd", "; ".join(dict.fromkeys(targets))) for name, targets in found.items()]
    return tag("dl", "".join(parts), class_="entry-relations") if parts else ""


def _bibtex(context: Context, entry: Entry) -> str:
    text = tag("pre", tag("code", escape(record(entry).rstrip(), quote=False)))
    return tag("details", tag("summary", context.say("bibtex")) + text, class_="bibtex")


def _reference(context: Context, page: Page, entry: Entry) -> str:
    return tag("a", escape(entry.title.get(context.lang)), href=page.url(context.entry_address(entry)))
