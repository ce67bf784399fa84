"""Other link checkers on the same webs, judged alike: how many live links they call broken, and how many gone ones they let pass.

``python -m tests.tools.links.bench_peers [PROFILE …] --programs FOLDER … [--seeds N …] [--write]``. All are told to wait 20 s for
a request and have their defaults else; linkinator is run with ``--retry`` too, and markdown-link-check retries on 429. ``--write``
stores the rows beside those of the checker itself in ``evidence/links_bench.json``, as ``peers``.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from html import escape
from itertools import product
from pathlib import Path
from typing import Any

from dlatlas.files import write_atomically

from tests.tools.links.bench_check import PROFILES, STORE, free_port
from tests.tools.links.plans import Plan, make

LONGEST = 170
"""Seconds after which a run is stopped; what it has not said counts for nothing."""

Said = Mapping[str, bool]
"""Whether each address is broken; addresses that were skipped are left out."""


def linkinator(path: str, urls: Sequence[str], page: str, _: Path, *options: str) -> Said:
    done = _run([path, page, "--format", "json", "--timeout", "20000", "--verbosity", "info", *options])
    links = json.loads(done[done.index("{") :])["links"]
    return {link["url"]: link["state"] == "BROKEN" for link in links if link["state"] != "SKIPPED"}


def linkinator_retrying(path: str, urls: Sequence[str], page: str, folder: Path) -> Said:
    return linkinator(path, urls, page, folder, "--retry")


def linkchecker(path: str, urls: Sequence[str], page: str, folder: Path) -> Said:
    out = folder / "linkchecker.csv"
    folder.chmod(0o777)  # it gives up its rights when it is root's
    options = ["--check-extern", "-r1", "--no-robots", "--timeout=20", "--no-status", "-v", "-F", f"csv/utf-8/{out}", "-o", "none"]
    _run([path, *options, page])
    lines = (line for line in out.read_text("utf-8").splitlines() if not line.startswith("#"))
    return {row["urlname"]: row["valid"] != "True" for row in csv.DictReader(lines, delimiter=";")}


def markdown_link_check(path: str, urls: Sequence[str], page: str, folder: Path) -> Said:
    page_of_links, options = folder / "links.md", folder / "options.json"
    page_of_links.write_text("".join(f"- <{url}>\n" for url in urls))
    options.write_text(json.dumps({"timeout": "20s", "retryOn429": True}))
    marks = re.findall(r"\[(.)\] (http\S+)", _run([path, "-c", str(options), str(page_of_links)]))
    return {url: mark == "\N{HEAVY MULTIPLICATION X}" for mark, url in marks if mark != "/"}


def sphinx(path: str, urls: Sequence[str], page: str, folder: Path) -> Said:
    (folder / "conf.py").write_text("linkcheck_timeout = 20\n")
    (folder / "index.rst").write_text("Links\n=====\n\n" + "".join(f"- `x <{url}>`__\n" for url in urls))
    _run([path, "-q", "-b", "linkcheck", str(folder), str(folder / "out")])
    rows = [json.loads(line) for line in (folder / "out" / "output.json").read_text("utf-8").splitlines()]
    return {row["uri"]: row["status"] in ("broken", "timeout") for row in rows if row["status"] not in ("ignored", "unchecked")}


def _run(command: Sequence[str]) -> str:
    """What a program prints; its children end with it when it takes too long."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True) as program:
        try:
            return program.communicate(timeout=LONGEST)[0]
        except subprocess.TimeoutExpired:
            os.killpg(program.pid, signal.SIGKILL)
            raise


PEERS = {
    "linkinator": linkinator,
    "linkinator --retry": linkinator_retrying,
    "linkchecker": linkchecker,
    "markdown-link-check": markdown_link_check,
    "sphinx-build": sphinx,
}
"""How each is run, by the name of its program and what else it is told."""


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
                said = PEERS[peer](path, list(plan.truth), page, Path(folder))
                ended = True
            except subprocess.TimeoutExpired:
                said, ended = {}, False
            wall = time.monotonic() - began
            memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024  # of the program: the server has not ended yet
            served.communicate()
    return {
        "peer": peer,
        "profile": profile,
        "seed": seed,
        "ended": ended,
        "wall": round(wall, 1),
        "memory": round(memory) if ended else None,
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
    parser.add_argument("--programs", nargs="+", metavar="FOLDER", help="where the programs lie; those that are not found are left out")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    found = {peer: shutil.which(peer.split()[0], path=os.pathsep.join(args.programs or os.get_exec_path())) for peer in PEERS}
    with ProcessPoolExecutor(1, max_tasks_per_child=1) as fresh:  # the peak of a process's children is never reset
        for profile, seed, (peer, path) in product(args.profiles, args.seeds, found.items()):
            if path:
                row = fresh.submit(measure, profile, seed, peer, path).result()
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
