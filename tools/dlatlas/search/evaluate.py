"""How well the search finds: recall at five and mean reciprocal rank over judged queries.

``python -m dlatlas.search.evaluate`` runs the judged queries of the checkout on its catalog, prints both numbers for each
kind of query and stores them in ``evidence/search_quality.json``; ``--half dev --missed`` also names what was not found.

A judged query has results that must be among the first five (``must``) and results that may fill the other places
(``fine``). With room for 5 - |must| of the latter, recall is what of ``must`` is there plus what of ``fine`` is there, at
most the room, over |must| + min(room, |fine|): without ``must``, |relevant in the first five| / min(5, |relevant|). The
reciprocal rank is that of the first result of ``must``, or of ``fine`` where nothing must be there.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlatlas.catalog.cache import key_of
from dlatlas.catalog.load import load
from dlatlas.catalog.model import Catalog
from dlatlas.files import write_atomically
from dlatlas.root import find_root
from dlatlas.search import search

DEPTH = 5
HALVES = ("dev", "final")
GOAL = {"overall": 0.98, "kind": 0.95}
"""The least recall over all queries of a half, and over those of each kind."""


@dataclass(frozen=True)
class Judged:
    """A query with its answers: names of entries (``id``), topics and methods (``topic:id``, ``method:id``)."""

    query: str
    kind: str
    must: frozenset[str] = frozenset()
    fine: frozenset[str] = frozenset()
    filters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What the search made of a judged query."""

    judged: Judged
    found: tuple[str, ...]
    recall: float
    reciprocal_rank: float


def judged(root: Path, half: str, catalog: Catalog) -> list[Judged]:
    """The judged queries of one half, ``in:<topic>`` replaced by everything that belongs to the topic.

    Raises:
        ValueError: a judged answer is not in the catalog.
    """
    import yaml

    path = root / "tests/tools/search/judged" / f"{half}.yml"
    members = _members(catalog)
    known = frozenset().union(*members.values())
    found = []
    for record in yaml.safe_load(path.read_text("utf-8")):
        must = frozenset(record.get("must", ()))
        fine = frozenset(name for given in record.get("fine", ()) for name in members.get(given, (given,))) - must
        if unknown := (must | fine) - known:
            raise ValueError(f"{path}: {record['query']!r}: not in the catalog: {', '.join(sorted(unknown))}")
        found.append(Judged(record["query"], record["kind"], must, fine, record.get("filters", {})))
    return found


def _members(catalog: Catalog) -> dict[str, frozenset[str]]:
    """The names of what belongs to each topic, under ``in:<topic>``."""
    members = {f"in:{topic.id}": {f"topic:{topic.id}", *(f"method:{method.id}" for method in topic.methods)} for topic in catalog.topics}
    for entry in catalog.entries:
        for topic in entry.topics:
            members[f"in:{topic}"].add(entry.id)
    return {name: frozenset(names) for name, names in members.items()}


def score(query: Judged, found: Sequence[str]) -> tuple[float, float]:
    """Recall at five and the reciprocal rank of a list of names for a judged query."""
    top, room = set(found[:DEPTH]), DEPTH - len(query.must)
    there = len(query.must & top) + min(room, len(query.fine & top))
    first = next((rank for rank, name in enumerate(found[:DEPTH], 1) if name in (query.must or query.fine)), None)
    return there / (len(query.must) + min(room, len(query.fine))), 1 / first if first else 0.0


def name_of(hit: dict[str, Any]) -> str:
    """How a judged answer names a hit: by its id, with its type before it where it is a topic or a method."""
    return f"{hit['type']}:{hit['id']}" if hit["type"] in ("topic", "method") else str(hit["id"])


def run(root: Path, queries: Iterable[Judged]) -> list[Outcome]:
    """What the search finds for each query."""
    outcomes = []
    for query in queries:
        found = tuple(map(name_of, search(root, query.query, filters=query.filters, limit=DEPTH).hits))
        outcomes.append(Outcome(query, found, *score(query, found)))
    return outcomes


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Number of queries, recall and mean reciprocal rank, over all and for each kind."""
    kinds = {kind: _means([one for one in outcomes if one.judged.kind == kind]) for kind in dict.fromkeys(o.judged.kind for o in outcomes)}
    return {**_means(outcomes), "kinds": kinds}


def _means(outcomes: Sequence[Outcome]) -> dict[str, float]:
    return {
        "queries": len(outcomes),
        "recall": round(statistics.fmean(one.recall for one in outcomes), 4),
        "mrr": round(statistics.fmean(one.reciprocal_rank for one in outcomes), 4),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Print the measured quality; store it when both halves were measured."""
    parser = argparse.ArgumentParser(prog="python -m dlatlas.search.evaluate", description="Measure the search on judged queries.")
    parser.add_argument("--root", help="folder that holds catalog/ (default: around the working folder)")
    parser.add_argument("--half", choices=HALVES, help="only this half; nothing is stored")
    parser.add_argument("--missed", action="store_true", help="name what was not among the first five")
    args = parser.parse_args(argv)
    root = find_root(args.root)
    catalog = load(root)
    halves = {half: run(root, judged(root, half, catalog)) for half in ([args.half] if args.half else HALVES)}
    for half, outcomes in halves.items():
        _print(half, summary(outcomes))
        if args.missed:
            _print_missed(outcomes)
    if not args.half:
        data = {
            "catalog": key_of(root).hex()[:16],
            "date": datetime.date.today().isoformat(),
            "entries": len(catalog.entries),
            "goal": GOAL,
            "halves": {half: summary(outcomes) for half, outcomes in halves.items()},
        }
        write_atomically(root / "evidence/search_quality.json", json.dumps(data, indent=1) + "\n")
    return 0


def _print(half: str, data: dict[str, Any]) -> None:
    print(f"{half:12}{'queries':>8}{'recall':>8}{'MRR':>8}")
    for kind, means in [*data["kinds"].items(), ("all", data)]:
        print(f"{kind:12}{means['queries']:8}{means['recall']:8.3f}{means['mrr']:8.3f}")


def _print_missed(outcomes: Iterable[Outcome]) -> None:
    for one in outcomes:
        if one.recall < 1:
            query = one.judged
            missing = sorted(query.must - set(one.found)) or ["enough of fine"]
            print(f"{query.query!r} {query.filters or ''} missed {', '.join(missing)}; found {', '.join(one.found)}")


if __name__ == "__main__":
    sys.exit(main())
