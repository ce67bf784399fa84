"""The page of all methods: one table with status, oracle, error and speed, which sorts where scripts run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from html import escape
from typing import Any

from dlatlas.catalog.model import Method, Topic
from dlatlas.site import proof
from dlatlas.site.badges import badge
from dlatlas.site.context import Context, Page
from dlatlas.site.markup import tag

COLUMNS = ("method", "topic", "status", "oracle", "error", "speed", "devices")


def methods_page(context: Context) -> Page:
    """Every method of the catalog with its status, what it was checked against, its largest error and its speed."""
    place = Page("methods/", context.say("methods"), "", "table")
    rows = [_row(context, place, topic, method) for topic, method in context.catalog.methods()]
    counts = Counter(context.statuses.values())
    order = ("verified", "stale", "unverified", "planned")
    summary = " · ".join(f"{badge(context, status)} {counts[status]}" for status in order if counts[status])
    intro = context.say("methods-intro")
    note = tag("p", context.say("methods-speed-note"), class_="note")
    table = proof.table([context.say(key) for key in COLUMNS], rows, "methods sortable")
    body = tag("h1", place.title) + tag("p", intro) + tag("p", summary) + note + table
    return Page(place.address, place.title, tag("div", body), "table", description=intro, meta={"hide": ["navigation", "toc"]})


def _row(context: Context, page: Page, topic: Topic, method: Method) -> list[str]:
    target = context.topic_address(topic)
    name = tag("a", context.html(method.title), href=page.url(f"{target}#proof-{method.id}" if method.object else target))
    return [
        f"{name} {tag('code', method.id)}",
        context.topic_link(page, topic),
        badge(context, context.statuses[method.id]),
        context.html(method.oracle) if method.oracle else "",
        proof.largest_error(context, method),
        _speed(context, method),
        ", ".join(map(escape, context.evidence.of(method.id))),
    ]


def _speed(context: Context, method: Method) -> str:
    found = speed(row for row in context.bench.get("rows", ()) if row.get("method") == method.id)
    return f"{found[0]:.2f}× {tag('small', escape(found[1]))}" if found else ""


def speed(rows: Iterable[dict[str, Any]]) -> tuple[float, str] | None:
    """Our forward time on the CPU, not compiled, over that of PyTorch's own (else of the first alternative).

    It is a geometric mean over the cases; None where nothing of the kind was measured.
    """
    ratios: dict[str, list[float]] = {}
    for row in rows:
        if row.get("device") == "cpu" and row.get("mode") == "eager" and row.get("forward_ratio"):
            ratios.setdefault(str(row.get("against")), []).append(row["forward_ratio"])
    if not ratios:
        return None
    against = min(ratios, key=lambda name: not name.startswith("torch."))
    return math.exp(sum(map(math.log, ratios[against])) / len(ratios[against])), against
