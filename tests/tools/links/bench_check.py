"""How fast, right and kind the link checker is on webs whose truth is known.

``python -m tests.tools.links.bench_check [PROFILE …] [--seeds 1 2 3] [--write]``; ``--write`` stores what was measured in
``evidence/links_bench.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dlatlas.files import write_atomically

from tests.tools.links.plans import EXPECTED, Plan, make

PROFILES = ("main", "catalog", "hard", "ratelimit", "tls", "bombs")
SHOWN = (
    *("profile", "seed", "links", "wall", "cpu", "memory", "requests", "refused", "inside", "most"),
    *("live_called_gone", "gone_called_live"),
)
STORE = Path(__file__).parents[3] / "evidence" / "links_bench.json"

CLIENT = """
import json, os, resource, ssl, sys, time
from dlatlas.links.check import check
from dlatlas.links.options import Options
urls = json.load(open(sys.argv[1]))
context = ssl.create_default_context(cafile=sys.argv[2]) if len(sys.argv) > 2 else None
began = time.monotonic()
results = {r.url: [r.verdict, r.reason, r.final_url] for r in check(urls, Options(allow_private=True, fragments=True, context=context))}
wall, used = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF)
memory = used.ru_maxrss  # on Linux that of the parent counts, so that the peak of this very program is asked for
if os.path.exists("/proc/self/status"):
    memory = int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
print(json.dumps({"wall": wall, "cpu": used.ru_utime + used.ru_stime, "memory": memory / 1024, "results": results}))
"""


def measure(profile: str, seed: int) -> dict[str, Any]:
    """Run one plan with a server and a client of their own, and compare the results with the truth."""
    plan = make(profile, seed, free_port())
    with tempfile.TemporaryDirectory() as folder:
        file, urls = Path(folder, "plan.json"), Path(folder, "urls.json")
        file.write_text(json.dumps({name: value for name, value in asdict(plan).items() if name in ("port", "hosts", "answers", "limits")}))
        urls.write_text(json.dumps(list(plan.truth)))
        certificate, authority = _certificates(plan, Path(folder)) if plan.scheme == "https" else ([], [])
        server = [sys.executable, "-m", "tests.tools.links.plan_server", str(file), *certificate]
        with subprocess.Popen(server, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as served:
            assert served.stdout is not None and served.stdout.readline() == "ready\n"
            client = subprocess.run([sys.executable, "-c", CLIENT, str(urls), *authority], capture_output=True, text=True, check=True)
            said, _ = served.communicate()
    found = json.loads(client.stdout)
    return {"profile": profile, "seed": seed, "links": len(plan.truth), **_judged(plan, found.pop("results")), **found, **json.loads(said)}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def _certificates(plan: Plan, folder: Path) -> Iterator[list[str]]:
    import trustme

    authority = trustme.CA()
    made, trusted = folder / "server.pem", folder / "authority.pem"
    authority.issue_cert(*plan.hosts).private_key_and_cert_chain_pem.write_to_path(str(made))
    authority.cert_pem.write_to_path(str(trusted))
    yield [str(made)]
    yield [str(trusted)]


def _judged(plan: Plan, results: dict[str, list[str]]) -> dict[str, Any]:
    wrong = Counter()
    live_gone = gone_live = 0
    for url, truth in plan.truth.items():
        verdict, reason, final_url = results[url]
        if verdict not in EXPECTED[truth] or (url in plan.targets and final_url != plan.targets[url]):
            wrong[f"{url.split('/')[3]}: {truth}, not {verdict} ({reason})"] += 1
        live_gone += truth in ("alive", "moved", "blocked") and verdict == "gone"
        gone_live += truth in ("dead", "soft") and verdict in ("ok", "moved")
    return {"wrong": dict(wrong), "live_called_gone": live_gone, "gone_called_live": gone_live}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("profiles", nargs="*", metavar="PROFILE", help=", ".join(PROFILES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    if unknown := set(args.profiles) - set(PROFILES):
        parser.error(f"expected profiles out of {', '.join(PROFILES)}, got {', '.join(sorted(unknown))}")
    names = ("profile", "seed", "links", "wall s", "cpu s", "MB", "requests", "429s", "inside", "most", "live gone", "gone live", "wrong")
    print(*(f"{name:>9}" for name in names))
    for profile in args.profiles or PROFILES:
        for seed in args.seeds:
            row = measure(profile, seed)
            cells = (f"{row[name]:.1f}" if isinstance(row[name], float) else row[name] for name in SHOWN)
            print(*(f"{cell!s:>9}" for cell in cells), row["wrong"] or "       -", flush=True)
            if args.write:
                _store(row)


def _store(row: dict[str, Any]) -> None:
    stored = json.loads(STORE.read_text("utf-8")) if STORE.exists() else {"rows": []}
    stored["machine"] = {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count()}
    rows = {(old["profile"], old["seed"]): old for old in stored["rows"]}
    rows[row["profile"], row["seed"]] = {name: round(value, 2) if isinstance(value, float) else value for name, value in row.items()}
    stored["rows"] = [rows[key] for key in sorted(rows)]
    write_atomically(STORE, json.dumps(stored, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
