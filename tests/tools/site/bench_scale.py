"""How the site's build grows with the catalog: ``python -m tests.tools.site.bench_scale [--topics N …]`` writes evidence/site_scale.json.

A catalog of each size is made, built in full in a process of its own, and searched in a browser with an empty profile; then one
of its topics is edited.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dlatlas.evidence.store import write_json
from dlatlas.site.incremental import Incremental
from dlatlas.site.node_tools import FOLDER, executable
from dlatlas.site.numbers import SCALE
from dlatlas.site.preview import INTERVAL

from tests.tools.site.synthetic import REPOSITORY, make

SIZES = (66, 1000, 3000)


def measure(topics: int) -> dict[str, Any]:
    """Build a synthetic catalog of so many topics; seconds, memory at most, and the time to the first search result."""
    with tempfile.TemporaryDirectory() as folder:
        root = make(Path(folder) / "checkout", topics)
        site = Path(folder) / "site"
        code = "import sys; from pathlib import Path; from dlatlas.site.build import build; build(Path(sys.argv[1]), Path(sys.argv[2]))"
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-c", code, str(root), str(site)])
        peak = 0
        while process.poll() is None:
            peak = max(peak, memory(process.pid))
            time.sleep(0.2)
        seconds = time.perf_counter() - start
        if process.returncode:
            raise SystemExit(f"the build of {topics} topics failed")
        pages = sum(1 for _ in site.rglob("*.html"))
        page = f"en/area-0/topic-{min(40, topics - 1)}/"
        search = [executable(), FOLDER / "gates" / "first_result.mjs", site, page, "synthetic topic 17"]
        first = float(subprocess.run(search, check=True, capture_output=True, text=True).stdout)
        edit = edited(root, site, f"topic-{min(40, topics - 1)}")
    return {
        "topics": topics,
        "pages": pages,
        "seconds": round(seconds, 1),
        "ms_per_page": round(1000 * seconds / pages, 2),
        "peak_mib": round(peak / 2**20),
        "first_result_ms": round(first),
        "edit_ms": round(edit),
    }


def edited(root: Path, site: Path, topic: str) -> float:
    """Milliseconds, at most, until the preview shows an edited topic: from one look at the files to the next, and the page's own time."""
    (path,) = root.glob(f"catalog/*/{topic}/topic.yml")
    text = path.read_text("utf-8")
    with Incremental(root, site) as pages:
        seconds = []
        for n in range(4):  # the first waits until the processes are ready
            path.write_text(text.replace("The opening says", f"The opening says {n} times"), "utf-8")
            start = time.perf_counter()
            pages.update({topic})
            seconds.append(time.perf_counter() - start)
    return 1000 * (INTERVAL + max(seconds[1:]))


def memory(pid: int) -> int:
    """Bytes that a process and all below it hold, what they share counted once."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    total, waiting = 0, [pid]
    while waiting:
        process = waiting.pop()
        waiting += children.get(process, [])
        try:
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next((int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:")), 0)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--topics", type=int, nargs="+", default=SIZES, help=f"sizes to measure (default: {SIZES})")
    parser.add_argument("--out", type=Path, default=REPOSITORY / SCALE, help="where the numbers go")
    args = parser.parse_args()
    rows = []
    for topics in args.topics:
        rows.append(measure(topics))
        print(rows[-1], flush=True)
    environment = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "python": sys.version.split()[0], "cores": str(os.cpu_count())}
    write_json(args.out, {"environment": environment, "rows": rows})


if __name__ == "__main__":
    main()
