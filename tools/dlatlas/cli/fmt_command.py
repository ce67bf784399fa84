"""``dlatlas fmt``: the catalog's files in their one form."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dlatlas.root import find_root


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="*", type=Path, help="files to format (default: all of the catalog)")
    parser.add_argument("--check", action="store_true", help="write nothing; name the files that would change and exit 1 if there are any")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from dlatlas.catalog.fmt import FILES, FormatError, format_file

    folder = find_root(args.root) / "catalog"
    files = args.files or sorted(path for path in folder.rglob("*.yml") if path.name in FILES)
    changed = failed = 0
    for path in files:
        if path.name not in FILES:
            print(f"dlatlas: {path}: expected a file named {', '.join(FILES)}", file=sys.stderr)
            return 2
        try:
            differs = format_file(path, write=not args.check)
        except (FormatError, OSError) as error:
            print(f"dlatlas: {path}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
            failed += 1
            continue
        if differs:
            changed += 1
            print(f"{'would format' if args.check else 'formatted'} {path}")
    return 1 if failed or (args.check and changed) else 0
