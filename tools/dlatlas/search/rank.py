"""Score documents against the groups of a query, and say where the points come from.

Words are scored by BM25F: the occurrences in all fields, each with the weight of the field and
held against the field's length, are summed and then saturate, so that a word in the title of a
document counts most and its tenth occurrence hardly anything. A group's points grow with how
rare it is. Whole names, groups that stand next to each other, and what is essential whatever
the query, add to this; a document that lacks groups loses their share.
"""

from __future__ import annotations

from dataclasses import dataclass

from dlatlas.search.match import Group
from dlatlas.search.tables import FIELDS

WEIGHTS = {"title": 5.0, "aliases": 4.0, "authors": 4.0, "venue": 3.0, "topics": 0.8, "related": 0.8, "note": 1.2, "address": 0.4}
"""What an occurrence in a field counts."""

LENGTH = {"title": 0.4, "aliases": 0.3, "authors": 0.2, "venue": 0.2, "topics": 0.2, "related": 0.4, "note": 0.3, "address": 0.3}
"""How much a field longer than the average dilutes what is found in it, from 0 (not) to 1."""

TAGS = {"home": 2.0, "topic": 1.2, "area": 0.7, "type": 4.0, "has": 1.5, "level": 3.0, "lang": 3.0, "framework": 3.0}
"""What a filter's value counts where a word of the query stands for it."""

SATURATION = 3.0
POINTS = 4.0
ADJACENT = 0.35
PRIOR = 0.6


@dataclass(frozen=True)
class Row:
    """A candidate: its row number, prior, tags and prepared fields."""

    doc: int
    prior: float
    tags: str
    fields: tuple[str, ...]


class Ranker:
    """Scores rows against the groups of one query."""

    def __init__(self, groups: list[Group], lengths: dict[str, float], names: dict[int, float]) -> None:
        self.groups = groups
        self.lengths = [max(lengths[name], 1.0) for name in FIELDS]
        self.names = names
        self.total = sum(group.weight for group in groups) or 1.0

    def score(self, row: Row) -> tuple[float, float]:
        """Points of a row, and the share of the query (by weight) that it has."""
        points, share = 0.0, 0.0
        for group in self.groups:
            if found := self._group(group, row):
                share += group.weight
                points += sum(found.values())
        share = share / self.total if self.groups else 1.0
        return points * share + self._adjacent(row) * share + self.names.get(row.doc, 0.0) + PRIOR * row.prior, share

    def explain(self, row: Row) -> list[dict[str, object]]:
        """The parts of the score: what was found and its points."""
        _, share = self.score(row)
        parts: list[tuple[str, float]] = [("name", self.names.get(row.doc, 0.0)), ("essential", PRIOR * row.prior)]
        for group in self.groups:
            for place, points in self._group(group, row).items():
                parts.append((f"{group.label} in {place}", points * share))
        parts.append(("words next to each other", self._adjacent(row) * share))
        missing = [group.label for group in self.groups if not self._group(group, row)]
        told = [{"what": what, "points": round(points, 4)} for what, points in sorted(parts, key=lambda part: -part[1]) if points]
        return told + [{"what": f"without {label}", "points": 0.0} for label in missing]

    def _group(self, group: Group, row: Row) -> dict[str, float]:
        """Points of a group by the place where it was found."""
        strength: dict[str, float] = {}
        for k, name in enumerate(FIELDS):
            text = row.fields[k]
            best = 0.0
            for alternative in group.alternatives:
                if alternative.tag:
                    continue
                if alternative.apart:
                    count = all(f" {token} " in text for token in alternative.tokens.split())
                else:
                    count = text.count(f" {alternative.tokens} ")
                best = max(best, alternative.quality * count)
            if best:
                length = 1 - LENGTH[name] + LENGTH[name] * (text.count(" ") - 1) / self.lengths[k]
                strength[name] = WEIGHTS[name] * best / length
        for alternative in group.alternatives:
            if alternative.tag and f" {alternative.tokens} " in row.tags:
                kind, value = alternative.tokens.split("=", 1)
                if kind == "topic" and f" home={value} " in row.tags:
                    kind = "home"
                place = f"its {'topic' if kind == 'home' else kind}"
                strength[place] = max(strength.get(place, 0.0), TAGS[kind] * alternative.quality)
        whole = sum(strength.values())
        return {place: POINTS * group.weight * part / (SATURATION + whole) for place, part in strength.items()}

    def _adjacent(self, row: Row) -> float:
        """Points for groups that stand next to each other in a field as in the query."""
        points = 0.0
        for first, second in zip(self.groups, self.groups[1:], strict=False):
            together = f" {first.alternatives[0].tokens} {second.alternatives[0].tokens} "
            best = max((WEIGHTS[name] for k, name in enumerate(FIELDS) if together in row.fields[k]), default=0.0)
            points += ADJACENT * min(first.weight, second.weight) * best
        return points
