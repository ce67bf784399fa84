"""``dlatlas test``: run the tests of methods, their own files and the generic cases."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from dlatlas.catalog.load import load
from dlatlas.cli.output import nearest
from dlatlas.root import find_root


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("methods", metavar="METHOD", nargs="+", help="ids of methods")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    root = find_root(args.root)
    modules = {method.id: method.module for _, method in load(root).methods()}
    for id in args.methods:
        if id not in modules:
            print(f"dlatlas: no method {id!r}{nearest(id, modules)}", file=sys.stderr)
            return 2
        if modules[id] is None:
            print(f"dlatlas: method {id!r} is planned: it has no implementation to test", file=sys.stderr)
            return 1
    command = [sys.executable, "-m", "pytest", *selection(root, {id: modules[id] or "" for id in args.methods})]
    return 1 if subprocess.run(command, cwd=root).returncode else 0


def selection(root: Path, modules: dict[str, str]) -> list[str]:
    """Arguments of pytest: each method's own test file, the generic tests, and ``--method`` for their cases."""
    own = [Path("tests", *module.split(".")[:-1], f"test_{module.split('.')[-1]}.py") for module in modules.values()]
    generic = sorted(path.relative_to(root) for path in (root / "tests" / "refimpl").glob("test_generic*.py"))
    files = [path.as_posix() for path in dict.fromkeys([*own, *generic]) if (root / path).is_file()]
    return [*files, *(option for id in modules for option in ("--method", id))]
