"""Time and memory of loading synthetic catalogs: ``python -m tests.tools.catalog.bench_load [ENTRIES ...]``.

Each size is measured in a process of its own: once cold, then from the cache.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.tools.catalog.synthetic import make

SIZES = (1_000, 10_000, 100_000)


def measure(root: Path) -> str:
    """Seconds without and with the cache, and the largest memory in MiB that the cold load took."""
    from dlatlas.catalog.load import load

    def once() -> float:
        start = time.perf_counter()
        load(root)
        return time.perf_counter() - start

    cold = once()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{cold:8.3f}  {min(once() for _ in range(5)):10.4f}  {peak:8.0f}"


def main(sizes: list[int]) -> None:
    print(" entries   cold s  from cache s  peak MiB")
    for entries in sizes:
        with tempfile.TemporaryDirectory() as folder:
            root = make(Path(folder) / "root", entries)
            command = [sys.executable, "-m", "tests.tools.catalog.bench_load", "--one", str(root)]
            environment = {**os.environ, "DLATLAS_CACHE": f"{folder}/cache"}
            result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
            print(f"{entries:8}{result.stdout.rstrip()}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(measure(Path(sys.argv[2])))
    else:
        main([int(size) for size in sys.argv[1:]] or list(SIZES))
