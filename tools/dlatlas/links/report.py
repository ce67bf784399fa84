"""What a check found, for people: which results fail, a table by verdict, and one line that sums up."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from dlatlas.catalog.load import Loaded
from dlatlas.catalog.model import IgnoredLink
from dlatlas.links.ignore import Ignored
from dlatlas.links.result import Result

ORDER = ("gone", "broken-tls", "unreachable", "unknown", "moved", "blocked", "opaque", "ok")
"""Verdicts, the worst first."""

STRICT = ("gone", "broken-tls", "unreachable", "unknown", "moved")
"""Verdicts that fail with ``--strict``; a host that refuses robots, or a short link, says nothing about the page."""


NOTED = ("withdrawn", "archived", "newer-version")
"""What is worth knowing of a link that works: a withdrawn paper, a repository that nobody keeps, an old version."""


@dataclass(frozen=True, order=True)
class Place:
    """Where the catalog names a link."""

    file: str
    line: int
    id: str


@dataclass
class Report:
    """Results with what is needed to tell them: which verdicts fail, which are expected, and where the links stand.

    ``every`` lists the links that work as well.
    """

    results: Sequence[Result]
    strict: bool = False
    every: bool = False
    ignored: Ignored = field(default_factory=Ignored)
    places: Mapping[str, Place] = field(default_factory=dict)

    def fails(self, result: Result) -> bool:
        """Whether a result makes the check fail: gone twice, or with ``strict`` any trouble; none that a rule expects."""
        bad = result.verdict in STRICT if self.strict else result.verdict == "gone" and result.confirmed
        return bad and self.rule(result) is None

    def rule(self, result: Result) -> IgnoredLink | None:
        """The rule of ``catalog/ignore-links.yml`` that expects a result."""
        return self.ignored.rule(result)

    @property
    def failed(self) -> list[Result]:
        return [result for result in self.results if self.fails(result)]

    @property
    def shown(self) -> list[Result]:
        """The results to look at, the worst first: not those that work, cannot be judged, or are expected; withdrawn papers are."""
        found = [result for result in self.results if self.every or (self._troubles(result) and self.rule(result) is None)]
        return sorted(found, key=lambda result: (ORDER.index(result.verdict), not result.confirmed, result.url))

    @staticmethod
    def _troubles(result: Result) -> bool:
        return result.verdict not in ("ok", "opaque") or (result.verdict == "ok" and result.reason == "withdrawn")

    def rows(self) -> Iterator[tuple[str, str, str, str, str]]:
        """Lines of the table: verdict, reason, address, where it leads, entry."""
        for result in self.shown:
            place = self.places.get(result.url)
            yield verdict(result), result.reason, result.url, result.final_url or "", place.id if place else ""

    def summary(self) -> str:
        """``12 ok, 3 moved, 1 gone (1 twice), 2 expected``."""
        counts = Counter(result.verdict for result in self.results)
        twice = sum(result.confirmed for result in self.results)
        known = [name for name in reversed(ORDER) if counts[name]]
        parts = [f"{counts[name]:,} {name}" + (f" ({twice:,} twice)" if name == "gone" and twice else "") for name in known]
        expected = sum(self.rule(result) is not None for result in self.results)
        noted = Counter(result.reason for result in self.results if result.verdict == "ok" and result.reason in NOTED)
        parts += [f"{expected:,} of them expected"] if expected else []
        parts += [f"{noted[reason]:,} {reason}" for reason in NOTED if noted[reason]]
        return ", ".join(parts) or "no links"


URL_SAFE = "%:/?#[]@!$&'()*+,;=~-._"
HEADERS = ("verdict", "reason", "url", "leads to", "entry")


def verdict(result: Result) -> str:
    """The verdict in words; a link that is gone for the first time may be back tomorrow."""
    if result.verdict != "gone":
        return result.verdict
    return "gone (twice)" if result.confirmed else "gone (once)"


def places_of(loaded: Loaded) -> dict[str, Place]:
    """Where each link of the catalog stands."""
    found: dict[str, Place] = {}
    for entry in loaded.catalog.entries:
        origin = loaded.origins["entry", entry.id]
        for i, link in enumerate(entry.links):
            found.setdefault(link.url, Place(origin.file, origin.line("links", i, "url"), entry.id))
    return found


def markdown(report: Report) -> str:
    """Tables by verdict in Markdown."""
    lines = [f"{report.summary()}."]
    groups: dict[str, list[tuple[str, ...]]] = {}
    for name, *cells in report.rows():
        groups.setdefault(name, []).append(tuple(cells))
    for name, rows in groups.items():
        lines += ["", f"## {name}: {len(rows):,}", "", *table(("reason", "link", "leads to", "entry"), rows)]
    return "\n".join(lines) + "\n"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a Markdown table; nothing in a cell can end it or become markup."""
    yield f"| {' | '.join(headers)} |"
    yield f"|{' --- |' * len(headers)}"
    for row in rows:
        yield f"| {' | '.join(_cell(cell) for cell in row)} |"


def _cell(text: str) -> str:
    if text.startswith(("http://", "https://")):
        return f"<{quote(text, safe=URL_SAFE)}>"
    plain = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*_\[\]|@#])", r"\\\1", plain)
