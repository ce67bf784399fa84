"""The equations of a topic, each with a mark that opens what checked it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from dlatlas.catalog.model import Equation, Topic
from dlatlas.evidence.store import Check, MethodEvidence
from dlatlas.site.context import Context
from dlatlas.site.markup import formula, tag
from dlatlas.site.proof import PRECISE, anchor, exact, number, test_name

Hit = tuple[str, str, Check, MethodEvidence]
"""A recorded run of a test: method, device, the comparison, and the record that holds it."""


def equations(context: Context, topic: Topic) -> str:
    """A numbered list in the order of the methods: formula, note and mark."""
    methods = [method.id for method in topic.methods]
    ordered = sorted(topic.equations, key=lambda e: methods.index(e.method) if e.method in methods else -1)
    items = "".join(_equation(context, equation, methods) for equation in ordered)
    return tag("ol", items, class_="equations") if items else ""


def _equation(context: Context, equation: Equation, methods: list[str]) -> str:
    shown = tag("div", formula(equation.tex, display=True), class_="formula")
    note = tag("p", context.html(equation.note), class_="equation-note") if equation.note else ""
    return tag("li", shown + note + mark(context, equation, methods), id=f"eq-{equation.id}")


def mark(context: Context, equation: Equation, methods: list[str]) -> str:
    """Closed, one word; open, for each test its name, what it compares, the largest error, versions and date."""
    wanted = [equation.method] if equation.method else methods
    hits = [hit for test in equation.checked_by if (hit := _worst(find(context, wanted, test))) is not None]
    statuses = {context.statuses.get(method or "") for method in [method for method, *_ in hits] or [equation.method]}
    tested = equation.checked_by and statuses & {"verified", "stale"}  # a run is recorded only if all its tests pass
    if not hits and not tested:
        return tag("p", context.say("not-checked"), class_="mark mark-none")
    stale = "stale" in statuses
    worst = _worst([hit for hit in hits if exact(hit[2])])
    told = context.say("largest-error", error=number(worst[2].error)) if worst else ""
    summary = tag("summary", tag("span", context.say("stale" if stale else "checked"), class_="mark-word") + tag("small", told))
    found = [_facts(context, hit) for hit in hits] or [_passed(context, test) for test in equation.checked_by]
    panels = "".join(_panel(context, rows) for rows in found)
    return tag("details", summary + tag("div", panels, class_="mark-panel"), class_="mark mark-stale" if stale else "mark")


def find(context: Context, methods: list[str], test: str) -> list[Hit]:
    """Recorded runs of a test, parametrized or not."""
    return [
        (method, device, check, record)
        for method in methods
        for device, record in context.evidence.of(method).items()
        for check in record.checks
        if check.test == test or check.test.startswith(test + "[")
    ]


def _worst(hits: list[Hit]) -> Hit | None:
    """The run with the largest error, among those in float64 that compare equal numbers where there are any."""
    return max(hits, key=lambda hit: (hit[2].dtype == PRECISE and exact(hit[2]), hit[2].error), default=None)


def _panel(context: Context, rows: Mapping[str, str]) -> str:
    content = "".join(tag("dt", context.say(name)) + tag("dd", value) for name, value in rows.items() if value)
    return tag("dl", content)


def _facts(context: Context, hit: Hit) -> dict[str, str]:
    method, device, check, record = hit
    target = f"#{anchor(method, device, check.test)}"
    error = context.say("error-within", error=number(check.error), tolerance=number(check.tolerance))
    return {
        "test": tag("a", test_name(check.test), href=target),
        "compares": escape(check.what),
        "oracle": escape(check.oracle),
        "error": error + (f" ({escape(check.dtype)})" if check.dtype else ""),
        "versions": versions(record.environment),
        "date": f"{escape(record.date[:10])}, {escape(device)}",
    }


def _passed(context: Context, test: str) -> dict[str, str]:
    """A test that records no error."""
    return {"test": test_name(test), "compares": context.say("no-number")}


def versions(environment: Mapping[str, str]) -> str:
    """The versions of a record's environment, PyTorch first."""
    return ", ".join(f"{name} {escape(environment[name])}" for name in ("torch", "numpy", "python") if name in environment)
