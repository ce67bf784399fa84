"""Time of ``dlatlas links site`` on a large site with known faults: ``python -m tests.tools.links.bench_site [--store]``.

The command is timed whole, from the start of its process; beside it, in the same run, a parser of the
standard library that only collects ids and addresses, and ``linkinator`` where it is installed.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from dlatlas.files import write_atomically

from tests.tools.links.pages import Oracle, large

ROOT = Path(__file__).parents[3]
STORED = ROOT / "evidence" / "links_site.json"
RUNS = 5
PATIENCE = 120.0
"""Seconds that another program may take."""


def main(store: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "site"
        total, wrong = large(site, pages=1201, links=80, seed=2)
        command = [sys.executable, "-m", "dlatlas.cli", "links", "site", str(site), "--json"]
        times, busy, report = [], [], {}
        for _ in range(RUNS):
            began, before = time.perf_counter(), processor_seconds()
            report = json.loads(subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout)
            times.append(time.perf_counter() - began)
            busy.append(processor_seconds() - before)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        found = {(problem["page"], problem["url"]) for problem in report["problems"]}
        result: dict[str, Any] = {
            "date": datetime.date.today().isoformat(),
            "machine": f"{os.cpu_count()} x {platform.machine()}, Python {platform.python_version()}",
            "pages": report["pages"],
            "links": report["links"],
            "broken": len(wrong),
            "missed": len(wrong - found),
            "wrongly_reported": len(found - wrong),
            "seconds": {"median": statistics.median(times), "least": min(times), "most": max(times), "runs": RUNS},
            "processor_seconds": statistics.median(busy),
            "peak_mib": round(peak, 1),
            "others_seconds": others(site),
        }
        assert result["links"] == total
    text = json.dumps(result, indent=1) + "\n"
    print(text, end="")
    if store:
        write_atomically(STORED, text)


def processor_seconds() -> float:
    """What the processes that have ended used of the processor: unlike the time, it does not depend on what else runs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def others(site: Path) -> dict[str, float]:
    """Seconds that other programs take for the same site."""
    began = time.perf_counter()
    for page in site.rglob("*.html"):
        Oracle(page.read_text("utf-8"))
    found = {"html.parser, reading only": time.perf_counter() - began}
    if shutil.which("linkinator"):
        began = time.perf_counter()
        command = ["linkinator", ".", "--server-root", str(site), "--recurse", "--check-fragments", "--format", "json"]
        try:
            told = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE).stdout)
            assert len(told["links"]) > 1000, "linkinator did not check the site"
            found["linkinator"] = time.perf_counter() - began
        except subprocess.TimeoutExpired:
            found["linkinator, stopped after"] = PATIENCE
    return found


if __name__ == "__main__":
    main("--store" in sys.argv[1:])
