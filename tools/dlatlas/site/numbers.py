"""The site's own numbers: how its build grows with the catalog, and what its gates measured."""

from __future__ import annotations

from html import escape
from typing import Any

from dlatlas.site import proof
from dlatlas.site.context import Context, Page
from dlatlas.site.markup import tag
from dlatlas.site.measured import stored

SCALE = "evidence/site_scale.json"
GATES = "evidence/site_gates.json"


def numbers_page(context: Context) -> Page:
    """Tables of the last recorded runs; says so where none is recorded."""
    place = Page("numbers/", context.say("numbers"), "", "page")
    intro = context.say("numbers-intro")
    parts = [tag("div", tag("h1", place.title) + tag("p", intro))]
    for name, told, file, table in (("scale", "scale-intro", SCALE, _scale), ("gates", "gates-intro", GATES, _gates)):
        found = stored(context, file)
        content = table(context, found) + proof.environment(context, found["environment"]) if found else tag("p", context.say("not-run"))
        parts.append(f"## {context.say(name)} {{#{name}}}\n\n{tag('p', context.say(told))}\n\n{content}")
    return Page(place.address, place.title, "\n\n".join(parts), "page", description=intro)


def _scale(context: Context, found: dict[str, Any]) -> str:
    headers = [context.say(key) for key in ("topics", "pages", "build-time", "per-page", "memory", "first-result", "edit-shows")]
    rows = [
        [
            f"{row['topics']:,}",
            f"{row['pages']:,}",
            f"{row['seconds']:.0f} s",
            f"{row['ms_per_page']:.1f} ms",
            f"{row['peak_mib']:,.0f} MiB",
            f"{row['first_result_ms']:.0f} ms",
            f"{row['edit_ms'] / 1000:.1f} s",
        ]
        for row in found["rows"]
    ]
    return proof.table(headers, rows, "numbers-table")


def _gates(context: Context, found: dict[str, Any]) -> str:
    headers = [context.say(key) for key in ("gate", "looked-at", "problems", "seconds")]
    rows = [
        [context.say(f"gate-{name.replace(' ', '-')}"), escape(_looked(gate)), str(len(gate["problems"])), f"{gate['seconds']:.1f}"]
        for name, gate in found["gates"].items()
    ]
    return proof.table(headers, rows, "numbers-table")


def _looked(gate: dict[str, Any]) -> str:
    """What a gate looked at: how many, and its own numbers."""
    parts = [str(gate["looked"])] if "looked" in gate else []
    if "heaviest" in gate:
        parts.append(f"≤ {gate['heaviest']['bytes'] / 1000:.0f} kB")
    if "scores" in gate:
        parts += ["/".join(map(str, scores.values())) for scores in gate["scores"].values()]
    return ", ".join(parts)
