"""Write files so that an interrupted run leaves the old one whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path


def write_atomically(path: Path, data: str | bytes | Iterable[str]) -> None:
    """Write a file, whole or in parts, under another name in its folder, which is made where it is missing, and rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            for part in (data,) if isinstance(data, (str, bytes)) else data:
                file.write(part.encode("utf-8") if isinstance(part, str) else part)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def cache_folder() -> Path:
    """``$DLATLAS_CACHE``, or the folder for this program in the user's cache."""
    if named := os.environ.get("DLATLAS_CACHE"):
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("dlatlas")
