"""Score documents against the groups of a query, and say where the points come from.

Words are scored by BM25F: the occurrences in all fields, each with the weight of the field and
held against the field's length, are summed and then saturate, so that a word in the title of a
document counts most and its tenth occurrence hardly anything. A group's points grow with how
rare it is. Whole names, groups that stand next to each other, and what is essential whatever
the query, add to this; a document that lacks groups loses their share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from dlatlas.search.groups import Group, Understood
from dlatlas.search.tables import FIELDS

WEIGHTS = {"title": 5.0, "aliases": 4.0, "authors": 4.0, "venue": 3.0, "topics": 0.8, "related": 0.8, "note": 1.2, "address": 0.4}
"""What an occurrence in a field counts."""

LENGTH = {"title": 0.4, "aliases": 0.3, "authors": 0.2, "venue": 0.2, "topics": 0.2, "related": 0.4, "note": 0.3, "address": 0.3}
"""How much a field longer than the average dilutes what is found in it, from 0 (not) to 1."""

TAGS = {"home": 4.0, "topic": 2.0, "area": 1.2, "type": 4.0, "has": 1.5, "level": 3.0, "lang": 3.0, "framework": 3.0}
"""What a filter's value counts where a word of the query stands for it; ``home`` is the first of a work's topics."""

BY_TOPIC = 0.7
"""The part of a group that a row has whose topic alone has it."""

SATURATION = 3.0
"""Strength at which a group has half of its points."""

POINTS = 4.0
"""Points of a group of weight one that is everywhere."""

ADJACENT = 0.35
"""Points of two neighboring groups next to each other in a field of weight one."""

READING = 3.0
"""Points of what belongs to the topic that the whole query names, and as many again for a prior of one."""

SMALL = 0.3
"""Points of a function word of the query in the title."""

QUESTION = 4.0
"""Points of a title that asks for the same as the query."""

PRIOR = 0.6
"""Points of a prior of one."""


@dataclass(frozen=True)
class Row:
    """A candidate: its row number, id, prior, tags and prepared fields."""

    doc: int
    id: str
    prior: float
    tags: str
    fields: list[str]


@dataclass
class Ranker:
    """Scores rows against one query; ``names`` and ``kin`` are points of single documents."""

    understood: Understood
    lengths: Mapping[str, float]
    names: Mapping[int, float] = field(default_factory=dict)
    topics: Mapping[str, float] = field(default_factory=dict)  # tags of the topics that the whole query names, and how well
    kin: dict[int, float] = field(default_factory=dict)
    _found: dict[int, list[tuple[Group, dict[str, float]]]] = field(default_factory=dict)

    def share(self, row: Row) -> float:
        """The part of what is needed of the query, by weight, that a row has."""
        found = self._groups(row)
        return self._share([one for one in found if one[0].needed] or found)

    def score(self, row: Row) -> float:
        """The points of a row."""
        return sum(points for _, points in self._parts(row))

    def explain(self, row: Row) -> list[dict[str, object]]:
        """Where the points of a row come from, the most first, and what of the query it lacks."""
        parts = sorted(((what, round(points, 4)) for what, points in self._parts(row)), key=lambda part: -part[1])
        missing = [f"without {group.label}" for group, places in self._groups(row) if not places]
        return [{"what": what, "points": points} for what, points in (*parts, *((what, 0.0) for what in missing))]

    def _parts(self, row: Row) -> list[tuple[str, float]]:
        found = self._groups(row)
        share = self._share(found)
        parts = [(f"{group.label} in {place}", points * share**2) for group, places in found for place, points in places.items()]
        small = sum(f" {word} " in row.fields[0] for word in self.understood.small) if share > 0.5 else 0
        question = any(f" {words} " in row.fields[0] for words in self.understood.question)
        worth = [worth for tag, worth in self.topics.items() if f" {tag} " in row.tags]
        parts += [
            ("words next to each other", self._adjacent(row) * share**2),
            ("the question's words in title", SMALL * small),
            ("title asks the same", QUESTION * question * share**2),
            ("reading of the topic", READING * (1 + row.prior) * max(worth, default=0.0)),
            ("name", self.names.get(row.doc, 0.0)),
            ("near a better match", self.kin.get(row.doc, 0.0)),
            ("essential", PRIOR * row.prior),
        ]
        return [part for part in parts if part[1]]

    def _groups(self, row: Row) -> list[tuple[Group, dict[str, float]]]:
        """Each group with its points by place, remembered."""
        if (found := self._found.get(row.doc)) is None:
            found = self._found[row.doc] = [(group, self._group(group, row)) for group in self.understood.groups]
        return found

    def _share(self, found: list[tuple[Group, dict[str, float]]]) -> float:
        whole = sum(group.weight for group, _ in found if not group.unknown)
        had = sum(group.weight * (BY_TOPIC if places.keys() <= {"its topic"} else 1.0) for group, places in found if places)
        return had / whole if whole else 1.0

    def _group(self, group: Group, row: Row) -> dict[str, float]:
        """Points of a group by the place where it was found."""
        strength: dict[str, float] = {}
        text = "\n".join(row.fields)
        said = []
        for alternative in group.alternatives:
            if alternative.tag:
                if f" {alternative.tokens} " in row.tags:
                    place, worth = _tag(alternative.tokens, row.tags)
                    strength[place] = max(strength.get(place, 0.0), worth * alternative.quality)
            elif alternative.apart or f" {alternative.tokens} " in text:
                said.append(alternative)
        for k, name in enumerate(FIELDS) if said else ():
            field = row.fields[k]
            best = 0.0
            for alternative in said:
                if alternative.apart:
                    count = int(all(f" {token} " in field for token in alternative.tokens.split()))
                else:
                    count = field.count(f" {alternative.tokens} ")
                best = max(best, alternative.quality * count)
            if best:
                length = 1 - LENGTH[name] + LENGTH[name] * (field.count(" ") - 1) / max(self.lengths[name], 1.0)
                strength[name] = WEIGHTS[name] * best / length
        whole = sum(strength.values())
        return {place: POINTS * group.weight * part / (SATURATION + whole) for place, part in strength.items()}

    def _adjacent(self, row: Row) -> float:
        """Points for groups that stand next to each other in a field as in the query."""
        points = 0.0
        for first, second in pairwise(self.understood.groups):
            together = f" {first.alternatives[0].tokens} {second.alternatives[0].tokens} "
            best = max((WEIGHTS[name] for k, name in enumerate(FIELDS) if together in row.fields[k]), default=0.0)
            points += ADJACENT * min(first.weight, second.weight) * best
        return points


def _tag(tag: str, tags: str) -> tuple[str, float]:
    """The name and the worth of a tag that a row has."""
    kind, value = tag.split("=", 1)
    home = kind == "topic" and f" home={value} " in tags
    return f"its {kind}", TAGS["home" if home else kind]
