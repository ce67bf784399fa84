"""What the last checks found about each link, as the site shows it: ``state/links.json``.

The file is a list of ``{url, verdict, reason, status, final_url, archive, since, checked, confirmed}``,
sorted by address. Days are written as 2026-01-31. It is the only thing that the pages read of the checker.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from time import gmtime, strftime

from dlatlas.files import write_atomically
from dlatlas.links.result import VERDICTS, Result

FILE = Path("state") / "links.json"
"""Where the health of the links stands, under the root."""


class HealthError(ValueError):
    """``state/links.json`` is not what this program writes; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Health:
    """One link: what the last check found, and since when every check has found it.

    ``archive`` is a stored copy; ``since`` and ``checked`` are days; ``confirmed`` says that a gone link
    was found gone more than once, on different days.
    """

    url: str
    verdict: str
    reason: str
    status: int | None = None
    final_url: str | None = None
    archive: str | None = None
    since: str | None = None
    checked: str | None = None
    confirmed: bool = False

    @classmethod
    def of(cls, result: Result, archive: str | None = None) -> Health:
        """The health that the result of a check tells; ``archive`` is the stored copy that the catalog names."""
        told = (result.url, result.verdict, result.reason, result.status, result.final_url)
        return cls(*told, archive, _day(result.since), _day(result.checked_at), result.confirmed)

    @property
    def dead(self) -> bool:
        """Whether a page should say that the link leads nowhere."""
        return self.verdict == "gone" and self.confirmed


def read(root: Path, file: Path = FILE) -> Mapping[str, Health]:
    """The health of every link that was checked, by address; empty when nothing has been checked.

    Raises:
        HealthError: the file is not what this program writes.
    """
    path = root / file
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise HealthError(f"{path}: not UTF-8: byte {error.start}: {error.reason}") from error
    try:
        records = json.loads(text)
    except ValueError as error:
        raise HealthError(f"{path}: not JSON: {error}") from error
    if not isinstance(records, list):
        raise HealthError(f"{path}: expected a list of links, got {type(records).__name__}")
    found = [_record(path, number, record) for number, record in enumerate(records, 1)]
    return {health.url: health for health in found}


def _record(path: Path, number: int, record: object) -> Health:
    names = {field.name for field in fields(Health)}
    if not isinstance(record, dict) or not {"url", "verdict", "reason"} <= record.keys() <= names:
        raise HealthError(f"{path}: link {number}: expected a mapping of {', '.join(sorted(names))}, got {record!r}")
    if record["verdict"] not in VERDICTS:
        raise HealthError(f"{path}: link {number}: expected a verdict of {', '.join(VERDICTS)}, got {record['verdict']!r}")
    return Health(**record)


def write(root: Path, links: Iterable[Health], file: Path = FILE) -> Path:
    """Write the health of all links, one a line, and return the file."""
    lines = (json.dumps(asdict(health), ensure_ascii=False) for health in sorted(links, key=lambda health: health.url))
    path = root / file
    write_atomically(path, "[\n" + ",\n".join(lines) + "\n]\n")
    return path


def _day(seconds: float) -> str | None:
    return strftime("%Y-%m-%d", gmtime(seconds)) if seconds else None
