"""The catalog in figures and lists, as ``dlatlas topics|methods|stats --json`` print it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from dlatlas.catalog.model import Catalog, Entry
from dlatlas.evidence.store import Evidence


def topics(catalog: Catalog) -> list[dict[str, Any]]:
    """Every topic in reading order: ids, titles, prerequisites and how much it holds."""
    area = catalog.area_of()
    shown = Counter(slug for entry in catalog.entries for slug in dict.fromkeys(entry.topics))
    return [
        {
            "id": topic.id,
            "area": area[topic.id].id,
            "title": {"en": topic.title.en, "zh": topic.title.zh},
            "requires": [requirement.topic for requirement in topic.requires],
            "entries": shown[topic.id],
            "methods": [method.id for method in topic.methods],
            "implemented": sum(method.object is not None for method in topic.methods),
        }
        for topic in catalog.topics
    ]


def methods(catalog: Catalog, evidence: Evidence) -> list[dict[str, Any]]:
    """Every method: where it stands, its paper and oracle, and what its recorded checks say today."""
    area = catalog.area_of()
    found = []
    for topic, method in catalog.methods():
        recorded = evidence.of(method.id)
        found.append(
            {
                "id": method.id,
                "topic": topic.id,
                "area": area[topic.id].id,
                "object": method.object,
                "paper": method.paper,
                "oracle": {"en": method.oracle.en, "zh": method.oracle.zh} if method.oracle else None,
                "status": evidence.status(method),
                "checks": sum(len(record.checks) for record in recorded.values()),
                "devices": sorted(recorded),
            }
        )
    return found


def stats(catalog: Catalog, evidence: Evidence) -> dict[str, Any]:
    """Counts of what the catalog holds, and of the gaps in it."""
    status = Counter(method["status"] for method in methods(catalog, evidence))
    papers = [entry for entry in catalog.entries if entry.type == "paper"]
    return {
        "areas": len(catalog.areas),
        "entries": len(catalog.entries),
        "topics": len(catalog.topics),
        "methods": sum(status.values()),
        "implemented": sum(method.object is not None for _, method in catalog.methods()),
        "verified": status["verified"],
        "stale": status["stale"],
        "claims": sum(len(topic.claims) for topic in catalog.topics),
        "links": sum(len(entry.links) for entry in catalog.entries),
        "gaps": {
            "untitled": _count(catalog.entries, lambda e: e.untitled),
            "no_authors": _count(papers, lambda e: not e.authors),
            "no_date": _count(papers, lambda e: e.date is None),
            "no_note": _count(catalog.entries, lambda e: e.note is None),
            "no_link": _count(catalog.entries, lambda e: not e.links),
            "no_level": _count(catalog.entries, lambda e: e.level is None),
            "empty_topics": len({topic.id for topic in catalog.topics} - {slug for entry in catalog.entries for slug in entry.topics}),
            "planned_methods": sum(method.object is None for _, method in catalog.methods()),
        },
        "by_type": _sorted(Counter(entry.type for entry in catalog.entries)),
        "by_lang": _sorted(Counter(entry.lang for entry in catalog.entries)),
    }


def _count(entries: Iterable[Entry], lacks: Callable[[Entry], bool]) -> int:
    return sum(map(lacks, entries))


def _sorted(counter: Counter[str]) -> dict[str, int]:
    return dict(counter.most_common())
