"""Apply what rules propose: replace one value at a time and leave the file in its canonical form."""

from __future__ import annotations

from pathlib import Path

from dlatlas.catalog.edit import edited
from dlatlas.catalog.fmt import FormatError
from dlatlas.catalog.lint.registry import RULES
from dlatlas.catalog.load import Path_, read
from dlatlas.files import write_atomically

PASSES = 5
"""Rounds at most: a fix may let another rule see more, and none may go on for ever."""


def fix(root: Path) -> dict[str, int]:
    """Apply every fix under ``root``; returns how many values were changed in each file, by its name under the root.

    Raises:
        FormatError: a file that would be fixed cannot be rewritten; those before it are fixed.
    """
    changed: dict[str, int] = {}
    for _ in range(PASSES):
        fixes = _proposed(root)
        if not fixes:
            break
        for file, values in fixes.items():
            path = root / file
            try:
                write_atomically(path, edited(path.read_bytes().decode("utf-8"), path.name, values))
            except FormatError as error:
                raise FormatError(f"{file}: {error}") from error
            changed[file] = changed.get(file, 0) + len(values)
    return changed


def _proposed(root: Path) -> dict[str, dict[Path_, str]]:
    """New values by file and by path in its document, the first proposal for each value."""
    loaded = read(root)
    found: dict[str, dict[Path_, str]] = {}
    for rule in RULES.values():
        for finding in rule.check(loaded) if rule.check and rule.fixes else ():
            origin = loaded.origins.get((finding.kind, finding.id))
            if origin and finding.fixed is not None:
                path = (*origin.path, *finding.below)
                if path in origin.document.lines:
                    found.setdefault(origin.file, {}).setdefault(path, finding.fixed)
    return found
