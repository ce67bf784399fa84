"""Other link checkers on the same webs, judged alike: how many live links they call broken, and how many gone ones they let pass.

``python -m tests.tools.links.bench_peers [PROFILE …] --linkinator PATH --linkchecker PATH [--seed N] [--write]``. Both read one
page of links on the plan's server, with their defaults and 20 s a request; linkinator retries on 429 in addition. ``--write``
stores the rows beside those of the checker itself in ``evidence/links_bench.json``, as ``peers``.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from dlatlas.files import write_atomically

from tests.tools.links.bench_check import STORE, free_port
from tests.tools.links.plans import Plan, make

PROFILES = ("main", "hard", "ratelimit", "bombs")
LONGEST = 170
"""Seconds after which a run is stopped; what it has not said counts for nothing."""

Said = Mapping[str, bool]
"""Whether each address is broken; addresses that were skipped are left out."""


def linkinator(path: str, page: str, _: Path) -> Said:
    done = subprocess.run(
        [path, page, "--format", "json", "--retry", "--timeout", "20000", "--verbosity", "none"],
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )
    links = json.loads(done.stdout[done.stdout.index("{") :])["links"]
    return {link["url"]: link["state"] == "BROKEN" for link in links if link["state"] != "SKIPPED"}


def linkchecker(path: str, page: str, folder: Path) -> Said:
    out = folder / "linkchecker.csv"
    folder.chmod(0o777)  # it gives up its rights when it is root's
    options = ["--check-extern", "-r1", "--no-robots", "--timeout=20", "--no-status", "-v", "-F", f"csv/utf-8/{out}", "-o", "none"]
    subprocess.run([path, *options, page], capture_output=True, timeout=LONGEST)
    lines = (line for line in out.read_text("utf-8").splitlines() if not line.startswith("#"))
    return {row["urlname"]: row["valid"] != "True" for row in csv.DictReader(lines, delimiter=";")}


PEERS = {"linkinator": linkinator, "linkchecker": linkchecker}


def measure(profile: str, seed: int, peer: str, path: str) -> dict[str, Any]:
    """Run one peer on one plan with a server of its own."""
    plan = make(profile, seed, free_port())
    page = plan.place(plan.hosts[0], "/all-links")
    body = "<!doctype html><title>Links</title>" + "".join(f'<a href="{escape(url)}">x</a>\n' for url in plan.truth)
    plan.answers.setdefault(plan.hosts[0], {})["/all-links"] = {"status": 200, "body": body}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "plan.json")
        file.write_text(json.dumps({name: value for name, value in asdict(plan).items() if name in ("port", "hosts", "answers", "limits")}))
        with subprocess.Popen(
            [sys.executable, "-m", "tests.tools.links.plan_server", str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as served:
            assert served.stdout is not None and served.stdout.readline() == "ready\n"
            began = time.monotonic()
            try:
                said = PEERS[peer](path, page, Path(folder))
                ended = True
            except subprocess.TimeoutExpired:
                said, ended = {}, False
            wall = time.monotonic() - began
            served.communicate()
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {
        "peer": peer,
        "profile": profile,
        "seed": seed,
        "ended": ended,
        "wall": round(wall, 1),
        "memory": round(memory),
        **judged(plan, said),
    }


def judged(plan: Plan, said: Said) -> dict[str, int]:
    """Live links that are called broken, gone ones that pass, and links of which nothing is said."""
    live = [url for url, truth in plan.truth.items() if truth in ("alive", "moved", "blocked")]
    gone = [url for url, truth in plan.truth.items() if truth in ("dead", "soft")]
    return {
        "links": len(plan.truth),
        "live_called_broken": sum(said.get(url, False) for url in live),
        "gone_passed": sum(said.get(url) is False for url in gone),
        "unsaid": sum(url not in said for url in plan.truth),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("profiles", nargs="*", default=["main"], help=", ".join(PROFILES))
    for peer in PEERS:
        parser.add_argument(f"--{peer}", metavar="PATH", help=f"the program {peer}; left out where it is not given")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    for profile in args.profiles:
        for peer in PEERS:
            if path := getattr(args, peer):
                row = measure(profile, args.seed, peer, path)
                print(json.dumps(row), flush=True)
                if args.write:
                    store(row)


def store(row: dict[str, Any]) -> None:
    """Put one row beside the checker's own."""
    stored = json.loads(STORE.read_text("utf-8")) if STORE.exists() else {"rows": []}
    rows = {(old["peer"], old["profile"], old["seed"]): old for old in stored.get("peers", [])}
    rows[row["peer"], row["profile"], row["seed"]] = row
    stored["peers"] = [rows[key] for key in sorted(rows)]
    write_atomically(STORE, json.dumps(stored, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
