"""Check a built site as its readers meet it: internal links here, everything else in a browser (``node/gates``)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dlatlas.evidence.store import write_json
from dlatlas.site import gates, node_tools
from dlatlas.site.node_tools import BuildError
from dlatlas.site.numbers import GATES
from dlatlas.site.publish import LOCAL, site_url

LINKS = "links"
"""The one gate that needs no browser."""


def inspect(root: Path, site: Path, *, only: Sequence[str] = (), evidence: bool = False) -> bool:
    """Run the gates on the site below ``site`` and print what they find; whether all is well.

    ``only`` names the gates to run (default: all); ``evidence`` stores what they measured under ``root``.

    Raises:
        BuildError: there is no site, a gate does not exist, a Node package or the browser is missing, or only some gates were to be stored.
    """
    if not (site / "index.html").is_file():
        raise BuildError(f"{site} holds no built site: run dlatlas site build first")
    if evidence and only:
        raise BuildError("the stored numbers are those of all gates: leave --only or --evidence away")
    node_tools.require(gates=True)
    found: dict[str, Any] = {}
    if not only or LINKS in only:
        found[LINKS] = _links(site)
    if not only or set(only) != {LINKS}:
        found |= _browser(site, [name for name in only if name != LINKS])
    if evidence:
        environment = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "python": sys.version.split()[0], "cores": str(os.cpu_count())}
        write_json(root / GATES, {"environment": environment, "gates": found})
    return not any(gate["problems"] for gate in found.values())


def _links(site: Path) -> dict[str, Any]:
    start = time.perf_counter()
    problems = gates.check(site, site_url() or LOCAL)
    seconds = round(time.perf_counter() - start, 1)
    print(f"{'FAILED' if problems else 'ok    '} {LINKS:<16} {seconds:6.1f} s")
    for problem in problems:
        print(f"       {problem}")
    sys.stdout.flush()
    return {"problems": problems, "seconds": seconds, "looked": sum(1 for _ in site.rglob("*.html"))}


def _browser(site: Path, only: Sequence[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        script = node_tools.FOLDER / "gates" / "main.mjs"
        command = [node_tools.executable(), script, site.resolve(), report, *only]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        if not report.is_file():
            lines = [line for line in done.stderr.strip().splitlines() if "Error: " in line] or [done.stderr.strip()]
            raise BuildError(f"the gates could not run: {lines[0].partition('Error: ')[2] or lines[0]}")
        return json.loads(report.read_text("utf-8"))
