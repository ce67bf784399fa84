"""Find the folder that holds the catalog: a checkout, or the copy inside the installed package."""

from __future__ import annotations

import os
from pathlib import Path

MARK = Path("catalog") / "areas.yml"
"""The file that tells a root."""


class RootError(FileNotFoundError):
    """No catalog was found where one was asked for."""


def find_root(given: str | os.PathLike[str] | None = None) -> Path:
    """The root: ``given``, ``$DLATLAS_ROOT``, the checkout around the working folder, or the installed data.

    Raises:
        RootError: ``given`` or ``$DLATLAS_ROOT`` holds no catalog.
    """
    named = given or os.environ.get("DLATLAS_ROOT")
    if named:
        root = Path(named).resolve()
        if not (root / MARK).is_file():
            raise RootError(f"{root} holds no catalog: expected {root / MARK}")
        return root
    here = Path.cwd()
    package = Path(__file__).resolve().parent
    for root in (here, *here.parents, package.parents[1], package / "_data"):
        if (root / MARK).is_file():
            return root
    raise RootError(f"no catalog found: expected {MARK} in {here} or above it; name the folder with --root")
