"""``dlatlas show``: one entry, topic or method."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import msgspec

from dlatlas.catalog.keys import canonical, identify
from dlatlas.catalog.load import load
from dlatlas.catalog.model import Both, Catalog, Entry, Method, Text, Topic
from dlatlas.cli.output import nearest, print_fields, print_json
from dlatlas.root import find_root

Found = Entry | Topic | tuple[Topic, Method]


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "id",
        metavar="ID",
        help="id of an entry, topic or method, or an address or arXiv id;"
        " topic:ID and method:ID choose where a topic and a method share an id",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a JSON object")
    form.add_argument("--bibtex", action="store_true", help="print an entry as BibTeX")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    root = find_root(args.root)
    catalog = load(root)
    found = find(catalog, args.id)
    if found is None:
        known = {*catalog.entry_by_id(), *catalog.topic_by_id(), *(method.id for _, method in catalog.methods())}
        print(f"dlatlas: no entry, topic or method {args.id!r}{nearest(args.id, known)}", file=sys.stderr)
        return 1
    if args.bibtex:
        return _show_bibtex(found)
    if isinstance(found, Entry):
        print_json({**msgspec.to_builtins(found), "incoming": _incoming(catalog, found)}) if args.json else _show_entry(catalog, found)
    elif isinstance(found, Topic):
        print_json({"type": "topic", **msgspec.to_builtins(found)}) if args.json else _show_topic(catalog, found)
    else:
        topic, method = found
        status = _status(root, catalog, method)
        print_json({"type": "method", **msgspec.to_builtins(method), **status}) if args.json else _show_method(topic, method, status)
    return 0


def _show_bibtex(found: Found) -> int:
    if not isinstance(found, Entry):
        print("dlatlas: only an entry has a BibTeX record", file=sys.stderr)
        return 1
    from dlatlas.export.bibtex import record

    print(record(found), end="")
    return 0


def find(catalog: Catalog, id: str) -> Found | None:
    """The record with this id; an entry also by former id, address, arXiv id or DOI. A topic goes before its method."""
    kind, _, rest = id.partition(":")
    wanted = rest if kind in ("entry", "topic", "method") else id
    kinds = (kind,) if wanted is rest else ("entry", "topic", "method")
    if "entry" in kinds and (entry := catalog.entry_by_id().get(wanted)):
        return entry
    if "topic" in kinds and (topic := catalog.topic_by_id().get(wanted)):
        return topic
    if "method" in kinds and (pair := next((pair for pair in catalog.methods() if pair[1].id == wanted), None)):
        return pair
    if key := identify(id):
        return next((entry for entry in catalog.entries if key in _keys(entry)), None)
    return None


def _keys(entry: Entry) -> set[str]:
    ids = {f"{name}:{value}" for name, value in msgspec.to_builtins(entry.ids).items()}
    return {canonical(text) for text in (*ids, *entry.urls)}


def _incoming(catalog: Catalog, entry: Entry) -> list[dict[str, str]]:
    return [{"rel": rel, "from": source.id} for rel, source in catalog.incoming().get(entry.id, [])]


def _status(root: Any, catalog: Catalog, method: Method) -> dict[str, Any]:
    from dlatlas.catalog.summary import methods
    from dlatlas.evidence.store import Evidence

    record = next(m for m in methods(catalog, Evidence(root)) if m["id"] == method.id)
    return {key: record[key] for key in ("topic", "area", "status", "checks", "devices")}


def _title(title: Text | Both) -> str:
    return " · ".join(dict.fromkeys(filter(None, (title.get("en"), title.get("zh")))))


def _show_entry(catalog: Catalog, entry: Entry) -> None:
    fields: list[tuple[str, object]] = [
        ("id", entry.id),
        ("type", entry.type),
        ("language", entry.lang),
        ("authors", ", ".join(entry.authors)),
        ("date", entry.date),
        ("venue", entry.venue),
        ("topics", ", ".join(entry.topics)),
        ("level", entry.level),
        *((name, value) for name, value in msgspec.to_builtins(entry.ids).items()),
        *((link.kind, link.url + (f" (gone since {link.dead})" if link.dead else "")) for link in entry.links),
        *(("archive", link.archive) for link in entry.links),
        *((relation.rel, relation.to) for relation in entry.relations),
        *((f"{one['rel']} (from)", one["from"]) for one in _incoming(catalog, entry)),
    ]
    if entry.note:
        fields += [("note", entry.note.en), ("说明", entry.note.zh)]
    print_fields(_title(entry.title), fields)


def _show_topic(catalog: Catalog, topic: Topic) -> None:
    area = catalog.area_of()[topic.id]
    after = [other.id for other in catalog.topics if any(r.topic == topic.id for r in other.requires)]
    fields: list[tuple[str, object]] = [
        ("topic", topic.id),
        ("area", area.id),
        ("requires", ", ".join(requirement.topic for requirement in topic.requires)),
        ("next", ", ".join(after)),
        *(("method", f"{method.id}: {method.title.en}" + ("" if method.object else " (planned)")) for method in topic.methods),
        *(("claim", f"{claim.id}: {claim.statement.en}") for claim in topic.claims),
        ("entries", len(catalog.entries_of(topic.id))),
        ("summary", topic.summary.en.strip()),
        ("概述", topic.summary.zh.strip()),
    ]
    print_fields(_title(topic.title), fields)


def _show_method(topic: Topic, method: Method, status: dict[str, Any]) -> None:
    fields: list[tuple[str, object]] = [
        ("method", method.id),
        ("topic", topic.id),
        ("object", method.object or "planned"),
        ("status", status["status"]),
        ("checks", status["checks"]),
        ("devices", ", ".join(status["devices"])),
        ("paper", method.paper),
        ("oracle", method.oracle.en if method.oracle else None),
        *(("deviation", deviation.en) for deviation in method.deviations),
    ]
    print_fields(_title(method.title), fields)
