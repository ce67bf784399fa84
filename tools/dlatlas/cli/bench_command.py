"""``dlatlas bench``: time methods side by side with other implementations."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dlatlas.catalog.load import load
from dlatlas.cli.output import nearest
from dlatlas.root import find_root


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("methods", metavar="METHOD", nargs="*", help="ids of methods (default: all that have a benchmark)")
    parser.add_argument("--changed", action="store_true", help="only what was not yet timed with today's code")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--out", metavar="FILE", type=Path, help="where the rows go (default: evidence/bench.json in the root)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    root = find_root(args.root)
    known = {method.id for _, method in load(root).methods()}
    for id in args.methods:
        if id not in known:
            print(f"dlatlas: no method {id!r}{nearest(id, known)}", file=sys.stderr)
            return 2
    from dlatlas.evidence import bench

    bench.run(root, args.methods, device=args.device, out=args.out, changed=args.changed)
    return 0
