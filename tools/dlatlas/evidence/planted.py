"""What became of the faults planted in each module: ``evidence/mutants.json``, by module.

Kept apart from :mod:`dlatlas.evidence.mutants`, which needs pytest and PyTorch, so that the site can read it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from pathlib import Path

import msgspec

from dlatlas.evidence.store import EvidenceError, module_path, tests_hash, text_hash, write_json

PLANTED = Path("evidence") / "mutants.json"


class Planted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The faults of one module: how many, how many no input can show, and those that no test found."""

    code: str
    """Hash of the module's own text."""
    tests: str
    """Hash of the tests of every module that uses it."""
    date: str
    faults: int = 0
    equivalent: int = 0
    survivors: tuple[str, ...] = ()

    @classmethod
    def of(cls, root: Path, module: str, users: Iterable[str]) -> Planted:
        """A record of ``module`` as it is now, tested with ``users``, without any fault yet."""
        return cls(code=text_hash(root, module), tests=tests_hash(root, *sorted(users)), date=datetime.date.today().isoformat())

    def fits(self, now: Planted, *, tests: bool) -> bool:
        """Whether the module, and with ``tests`` its tests too, are those of ``now``."""
        return self.code == now.code and (not tests or self.tests == now.tests)


def read_planted(root: Path) -> dict[str, Planted]:
    """The stored records by module.

    Raises:
        EvidenceError: the file cannot be read.
    """
    path = root / PLANTED
    if not path.is_file():
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Planted])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EvidenceError(f"{PLANTED.as_posix()} cannot be read: {error}") from error


def write_planted(root: Path, module: str, record: Planted) -> None:
    """Put a module's record beside those of the others; modules that are gone are left out."""
    records = read_planted(root) | {module: record}
    write_json(root / PLANTED, {name: r for name, r in records.items() if module_path(root, name)})
