"""Rules on references between records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dlatlas.catalog.lint.registry import Finding, rule
from dlatlas.catalog.load import Loaded

SOURCES = {
    "implements": {"code"},
    "explains": {"article", "book", "code", "course", "list", "paper", "slides", "tool", "video"},
    "translates": {"article", "book", "course", "paper", "slides", "video"},
    "extends": {"article", "book", "code", "course", "dataset", "paper", "tool"},
}
"""Types of entry from which a relation may start; relations not named here may start anywhere."""


@rule("dangling-reference")
def dangling_reference(loaded: Loaded) -> Iterable[Finding]:
    """A relation, topic, prerequisite, method's paper or equation's method names an id that does not exist."""
    entries = {id for kind, id in loaded.origins if kind == "entry"} | {former for entry in loaded.catalog.entries for former in entry.was}
    topics = {id for kind, id in loaded.origins if kind == "topic"}
    for entry in loaded.catalog.entries:
        for i, relation in enumerate(entry.relations):
            if relation.to not in entries:
                yield Finding("entry", entry.id, f"{relation.rel}: no entry {relation.to!r}", ("relations", i, "to"))
        for i, slug in enumerate(entry.topics):
            if slug not in topics:
                yield Finding("entry", entry.id, f"no topic {slug!r}", ("topics", i))
    for topic in loaded.catalog.topics:
        methods = {method.id for method in topic.methods}
        for i, requirement in enumerate(topic.requires):
            if requirement.topic not in topics:
                yield Finding("topic", topic.id, f"requires: no topic {requirement.topic!r}", ("requires", i, "topic"))
        for i, method in enumerate(topic.methods):
            if method.paper is not None and method.paper not in entries:
                yield Finding("topic", topic.id, f"method {method.id}: no entry {method.paper!r} for its paper", ("methods", i, "paper"))
        for i, equation in enumerate(topic.equations):
            if equation.method is not None and equation.method not in methods:
                message = f"equation {equation.id}: no method {equation.method!r} in this topic"
                yield Finding("topic", topic.id, message, ("equations", i, "method"))


@rule("requires-cycle")
def requires_cycle(loaded: Loaded) -> Iterable[Finding]:
    """Prerequisites form a circle: no reader could start. A topic that requires itself is the shortest one."""
    graph = {topic.id: [requirement.topic for requirement in topic.requires] for topic in loaded.catalog.topics}
    for cycle in cycles(graph):
        at = graph[cycle[0]].index(cycle[1 % len(cycle)])
        yield Finding("topic", cycle[0], "requires form a circle: " + " → ".join((*cycle, cycle[0])), ("requires", at))


def cycles(graph: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """One cycle for each edge that closes one in a depth-first walk; empty exactly when the graph has none."""
    found: list[list[str]] = []
    done: set[str] = set()
    for start in graph:
        path, walks = [start], [iter(graph[start])]
        while path and start not in done:
            step = next(walks[-1], None)
            if step is None:
                done.add(path.pop())
                walks.pop()
            elif step in path:
                found.append(path[path.index(step) :])
            elif step in graph and step not in done:
                path.append(step)
                walks.append(iter(graph[step]))
    return found


@rule("relation-type")
def relation_type(loaded: Loaded) -> Iterable[Finding]:
    """A relation starts from a type that cannot have it, or leads to itself.

    Only code implements; only texts, talks and courses translate; `official` belongs to implements.
    """
    for entry in loaded.catalog.entries:
        for i, relation in enumerate(entry.relations):
            allowed = SOURCES.get(relation.rel)
            if allowed is not None and entry.type not in allowed:
                message = f"a {entry.type} cannot be the source of {relation.rel!r}; expected {', '.join(sorted(allowed))}"
                yield Finding("entry", entry.id, message, ("relations", i, "rel"))
            if relation.to == entry.id:
                yield Finding("entry", entry.id, f"{relation.rel}: leads to the entry itself", ("relations", i, "to"))
            if relation.official and relation.rel != "implements":
                yield Finding(
                    "entry", entry.id, f"official belongs to implements only, not to {relation.rel!r}", ("relations", i, "official")
                )
            if relation in entry.relations[:i]:
                yield Finding("entry", entry.id, f"{relation.rel} {relation.to!r} stands twice", ("relations", i))


@rule("mirrored-relation")
def mirrored_relation(loaded: Loaded) -> Iterable[Finding]:
    """Two entries hold the same relation to each other. It is stored once; the reverse is derived."""
    stored = {(relation.rel, entry.id, relation.to) for entry in loaded.catalog.entries for relation in entry.relations}
    order = {entry.id: i for i, entry in enumerate(loaded.catalog.entries)}
    for entry in loaded.catalog.entries:
        for i, relation in enumerate(entry.relations):
            if (relation.rel, relation.to, entry.id) in stored and order.get(relation.to, len(order)) < order[entry.id]:
                yield Finding("entry", entry.id, f"{relation.rel} {relation.to!r}: that entry holds it already", ("relations", i))


@rule("pick-order")
def pick_order(loaded: Loaded) -> Iterable[Finding]:
    """The picks of a topic are not 1, 2, 3 …, each once: they are the order in which its essential works are read."""
    picked: dict[str, dict[int, str]] = {}
    for entry in loaded.catalog.entries:
        if entry.pick is not None:
            first = picked.setdefault(entry.home, {}).setdefault(entry.pick, entry.id)
            if first != entry.id:
                yield Finding("entry", entry.id, f"pick {entry.pick} is also that of {first!r}", ("pick",))
    for topic, numbers in picked.items():
        gap = next(number for number in range(1, len(numbers) + 2) if number not in numbers)
        if gap < max(numbers):
            later = min(number for number in numbers if number > gap)
            yield Finding("entry", numbers[later], f"pick {later}, but topic {topic!r} has no pick {gap}", ("pick",))


@rule("no-requirement", "warning")
def no_requirement(loaded: Loaded) -> Iterable[Finding]:
    """A topic does not say what to read before it. One that needs nothing says so: `requires: []`."""
    for topic in loaded.catalog.topics:
        origin = loaded.origins["topic", topic.id]
        if (*origin.path, "requires") not in origin.document.lines:
            yield Finding("topic", topic.id, "requires is missing")
