"""The loaded catalog, kept in the user's cache folder under a key of everything it was made from.

The file begins with that key and a hash of the rest; a file that does not fit both, or that
cannot be decoded, counts as absent. It is never needed: where it cannot be written, nothing is.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import msgspec

from dlatlas.catalog.model import Catalog
from dlatlas.files import cache_folder, write_atomically

CODE = tuple(Path(__file__).with_name(name) for name in ("model.py", "yamlread.py", "load.py"))
"""What decides how the files are read."""

DIGEST = 32


def key_of(root: Path) -> bytes:
    """A hash of the names and content of all catalog files under ``root``, and of the code that reads them."""
    digest = hashlib.sha256()
    for path in (*CODE, *sorted(_files(os.fspath(root / "catalog")))):
        content = Path(path).read_bytes()
        digest.update(os.fsencode(os.path.relpath(path, root)) + b"\0%d\0" % len(content) + content)
    return digest.digest()


def _files(folder: str) -> list[str]:
    return [os.path.join(above, name) for above, _, names in os.walk(folder) for name in names if name.endswith((".yml", ".yaml"))]


def stored(root: Path, key: bytes) -> Catalog | None:
    """The catalog that was stored under this key, or None."""
    try:
        data = _path(root).read_bytes()
    except OSError:
        return None
    if data[:DIGEST] != key or data[DIGEST : 2 * DIGEST] != hashlib.sha256(data[2 * DIGEST :]).digest():
        return None
    try:
        return msgspec.msgpack.decode(data[2 * DIGEST :], type=Catalog)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None


def store(root: Path, key: bytes, catalog: Catalog) -> None:
    """Keep a catalog for later calls."""
    data = msgspec.msgpack.encode(catalog)
    with contextlib.suppress(OSError):
        write_atomically(_path(root), key + hashlib.sha256(data).digest() + data)


def _path(root: Path) -> Path:
    return cache_folder() / f"catalog-{hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]}.msgpack"
