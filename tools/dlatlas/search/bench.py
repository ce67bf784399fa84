"""Measure the search: ``python -m dlatlas.search.bench`` writes ``evidence/search.json``.

For each number of made-up documents it builds the index and then starts the whole command
``dlatlas search`` anew for each query. Beside it stand a plain scan, which is what a program
without an index would do, and tantivy, where it is installed, both on the prepared text that the
index holds; their build times are those of writing it down only. Times are of whole processes,
from start to exit, medians over repeats; beside each stands the processor's time, which a busy
machine disturbs less. The file is written after each row.

    python -m dlatlas.search.bench                        # 1,000 and 1,000,000 documents; several minutes, 4 GiB of disk
    python -m dlatlas.search.bench --documents 1000 --out -
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import date
from importlib.util import find_spec
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from dlatlas.catalog.load import load
from dlatlas.files import write_atomically
from dlatlas.root import find_root
from dlatlas.search import index, rivals
from dlatlas.search.build import build, source_of
from dlatlas.search.documents import Document
from dlatlas.search.synthetic import synthetic
from dlatlas.search.tables import FIELDS

QUERIES = (
    "lstm",
    "deep learning",
    "neural network",
    "剪枝",
    "卷积神经网络",
    "強化學習",
    "GAN训练技巧",
    "convolutoin neural netwrok",
    "batch normalisation pytorch code",
    "how do I stop my network from overfitting",
    "Bengio attention 2015",
    "drop out",
    '"machine translation" -type:code',
    "optimization type:paper year:2016..2018",
    "https://arxiv.org/pdf/2503.00001v2.pdf",
    "a network of learning",
)
"""What is asked: each kind of query, and words that nearly every document has."""

ENGINES = ("sqlite", "scan", "tantivy")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dlatlas.search.bench", description="Measure the search.")
    parser.add_argument("--documents", default="1000,1000000", help="numbers of documents (default: 1000,1000000)")
    parser.add_argument("--engines", default=",".join(ENGINES), help="engines to measure, sqlite always (default: all that are installed)")
    parser.add_argument("--queries", type=int, default=len(QUERIES), metavar="N", help="ask only the first N queries")
    parser.add_argument("--repeats", type=int, default=5, help="times that each query is asked, after one that does not count (default: 5)")
    parser.add_argument("--work", type=Path, help="folder that keeps the indexes for another run (default: a temporary one)")
    parser.add_argument("--out", default="evidence/search.json", help="file to write, or - to print (default: evidence/search.json)")
    parser.add_argument("--root", help="folder that holds catalog/")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dlatlas-bench-") as temporary:
        work = (args.work or Path(temporary)).resolve()
        if not (work / "catalog").is_dir():
            shutil.copytree(find_root(args.root) / "catalog", work / "catalog")  # nobody edits it meanwhile
        engines = sorted({"sqlite", *args.engines.split(",")}, key=ENGINES.index)
        asked = [(engine, int(count)) for count in args.documents.split(",") for engine in engines]
        queries = QUERIES[: args.queries]
        result: dict[str, Any] = {"date": date.today().isoformat(), "environment": _environment(), "queries": queries, "scale": []}
        for engine, count in asked:
            if _installed(engine):
                result["scale"].append(_measure(work, engine, count, queries, args.repeats))
                if args.out != "-":
                    write_atomically(Path(args.out), _text(result))
    if args.out == "-":
        print(_text(result), end="")
    return 0


def _text(result: dict[str, Any]) -> str:
    return json.dumps(result, indent=1, ensure_ascii=False) + "\n"


def _installed(engine: str) -> bool:
    if engine == "tantivy" and find_spec("tantivy") is None:
        print("tantivy is not installed: left out", file=sys.stderr)
        return False
    return True


def _measure(work: Path, engine: str, count: int, queries: tuple[str, ...], repeats: int) -> dict[str, Any]:
    """One row of the result. An index is built in a process of its own, and only where ``work`` has none yet."""
    noted = work / str(count) / f"{engine}.json"
    if not noted.is_file() or not _fits(work, count):
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            built = pool.submit(_build, work, work, engine, count).result()
        write_atomically(noted, json.dumps(built))
    built = json.loads(noted.read_text("utf-8"))
    cold = {query: _cold(work, engine, count, query, repeats) for query in queries}
    wall, cpu = ([times[kind] for times in cold.values()] for kind in (0, 1))
    row = {
        "engine": engine,
        "documents": count,
        **built,
        "cold_ms": {"p50": round(statistics.median(wall), 1), "max": round(max(wall), 1)},
        "cold_cpu_ms": {"p50": round(statistics.median(cpu), 1), "max": round(max(cpu), 1)},
        "queries_ms": {query: round(ms, 1) for query, (ms, _) in cold.items()},
    }
    print(f"{engine}, {count:,} documents: {built} {row['cold_ms']}", file=sys.stderr)
    return row


def _fits(work: Path, count: int) -> bool:
    """Whether the stored index is of today's code, so that the command does not build it anew."""
    os.environ["DLATLAS_CACHE"] = str(work / str(count))
    with closing(index.connect(work)) as database:
        return int(database.execute("SELECT value FROM meta WHERE name = 'documents'").fetchone()[0]) >= count


def _cold(work: Path, engine: str, count: int, query: str, repeats: int) -> tuple[float, float]:
    """Milliseconds of a whole process that answers a query, and of the processor in it: the medians."""
    folder = work / str(count)
    environment = {**os.environ, "DLATLAS_CACHE": str(folder)}
    if engine == "sqlite":
        command = ["-m", "dlatlas.cli", "--root", str(work), "search", "--json", f"--limit={rivals.BEST}", "--", query]
    else:
        command = ["-m", "dlatlas.search.rivals", engine, str(folder), query]
    times = []
    for _ in range(repeats + 1):
        start, used = time.perf_counter(), _children()
        subprocess.run([sys.executable, *command], env=environment, capture_output=True, check=False)
        times.append(((time.perf_counter() - start) * 1e3, (_children() - used) * 1e3))
    return statistics.median(wall for wall, _ in times[1:]), statistics.median(cpu for _, cpu in times[1:])


def _children() -> float:
    """Seconds of the processor that finished processes have used."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _build(root: Path, work: Path, engine: str, count: int) -> dict[str, Any]:
    """Build the index of an engine; seconds without those that making up the documents took, peak memory and size."""
    folder = work / str(count)
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["DLATLAS_CACHE"] = str(folder)
    path = index.path_of(root)
    source = source_of(load(root))
    real = list(source.documents)
    clock = _Clock(chain((d for d in real if d.type in ("topic", "method")), synthetic(real, count)))
    start, used = time.perf_counter(), time.process_time()
    if engine == "sqlite":
        index.write(path, lambda database: build(database, replace(source, documents=clock), index.marks(root))).close()
    else:
        with closing(sqlite3.connect(path)) as database:
            prepared = database.execute(f"SELECT id, {', '.join(FIELDS)} FROM docs")
            path = rivals.WRITE[engine](folder, ((id, fields) for id, *fields in prepared))
    seconds = time.perf_counter() - start - clock.seconds
    cpu = time.process_time() - used - clock.cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    files = [path] if path.is_file() else list(path.iterdir())
    size = sum(file.stat().st_size for file in files) / 2**20
    return {"build_s": round(seconds, 1), "build_cpu_s": round(cpu, 1), "peak_mib": round(peak), "file_mib": round(size, 1)}


class _Clock:
    """Passes documents on and counts the seconds that making them took."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self.documents = iter(documents)
        self.seconds = self.cpu = 0.0

    def __iter__(self) -> _Clock:
        return self

    def __next__(self) -> Document:
        start, used = time.perf_counter(), time.process_time()
        try:
            return next(self.documents)
        finally:
            self.seconds += time.perf_counter() - start
            self.cpu += time.process_time() - used


def _environment() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(os.cpu_count()),
    }


if __name__ == "__main__":
    sys.exit(main())
