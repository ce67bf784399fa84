"""onnxruntime-web as the site serves it: two scripts and the smallest WebAssembly build, compressed."""

from __future__ import annotations

import gzip
import json
import re
from functools import cache
from pathlib import Path

from dlatlas.site.node_tools import FOLDER, MODULES

__all__ = ["copy_runtime", "download_size", "version"]

SCRIPTS = {"ort.wasm.min.mjs": "ort.js", "ort-wasm-simd-threaded.mjs": "ort-wasm.js"}
"""What is copied, and the names it gets, which every host serves as JavaScript."""

BINARY = "ort.wasm.gz"


def version() -> str:
    """The version that ``package.json`` pins."""
    return json.loads((FOLDER / "package.json").read_text("utf-8"))["dependencies"]["onnxruntime-web"]


def copy_runtime(assets: Path) -> None:
    """Put the runtime into ``assets/live``; it is loaded only when a reader starts a demonstration."""
    live = assets / "live"
    live.mkdir(parents=True, exist_ok=True)
    for source, name in SCRIPTS.items():
        script = (_dist() / source).read_text("utf-8")
        (live / name).write_text(re.sub(r"\n//# sourceMappingURL=\S+\s*$", "\n", script), "utf-8")
    (live / BINARY).write_bytes(_compressed())


@cache
def download_size() -> int:
    """Bytes of the runtime that a reader loads, the scripts uncompressed."""
    return sum((_dist() / source).stat().st_size for source in SCRIPTS) + len(_compressed())


@cache
def _compressed() -> bytes:
    """The WebAssembly, compressed here since not every host compresses it; the browser unpacks it."""
    return gzip.compress((_dist() / "ort-wasm-simd-threaded.wasm").read_bytes(), 9, mtime=0)


def _dist() -> Path:
    return MODULES / "onnxruntime-web" / "dist"
