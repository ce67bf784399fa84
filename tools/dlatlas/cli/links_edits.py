"""``dlatlas links archive`` and ``apply``: what the checks found, written into the catalog."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import time

from dlatlas.catalog.edit import Edits
from dlatlas.catalog.load import CatalogError, Loaded, read
from dlatlas.links.progress import Progress
from dlatlas.links.result import Result
from dlatlas.links.state import State
from dlatlas.root import find_root

DAY = 86400.0


def _read(root: Path) -> tuple[Loaded, dict[str, Result], Path]:
    """The catalog, the newest results, and where they are stored."""
    loaded = read(root)
    if loaded.problems:
        raise CatalogError(loaded.problems)
    state = State(root)
    try:
        return loaded, {result.url: result for result in state.latest()}, state.path
    finally:
        state.close()


def run_apply(args: argparse.Namespace) -> int:
    from dlatlas.links.apply import moves

    root = find_root(args.root)
    loaded, results, _ = _read(root)
    fresh = {url: result for url, result in results.items() if result.checked_at > time() - args.max_age * DAY}
    made, refused = moves(loaded.catalog, fresh)
    edits = Edits(root)
    for move in made:
        edits.set(loaded.origins["entry", move.entry], move.below, move.new)
    for refusal in refused:
        print(f"dlatlas: {refusal}", file=sys.stderr)
    left = _shown_or_written(edits, args.yes)
    return 1 if left or refused else 0


def run_archive(args: argparse.Namespace) -> int:
    from dlatlas.links.archive import Archive, ArchiveError, Memory, copies, wanted

    root = find_root(args.root)
    loaded, results, path = _read(root)
    links = wanted(loaded.catalog, results, every=args.all or args.save)
    working = [url for url, result in results.items() if result.verdict in ("ok", "moved")] if args.save else []
    memory = Memory(path)
    edits = Edits(root)
    progress = Progress(len(links), sys.stderr)
    stopped: str | None = None
    try:
        for copy in copies(links, memory, Archive(), save=working):
            progress.add("found" if copy.archive else "being stored" if copy.asked else "without a copy")
            if copy.archive:
                edits.set(loaded.origins["entry", copy.wanted.entry], ("links", copy.wanted.index, "archive"), copy.archive)
    except (ArchiveError, KeyboardInterrupt) as error:
        stopped = str(error) or "stopped; the same command goes on from there"
    finally:
        memory.close()
    left = _shown_or_written(edits, args.yes)
    if stopped:
        print(f"dlatlas: {stopped}", file=sys.stderr)
    return 1 if left or stopped else 0


def _shown_or_written(edits: Edits, yes: bool) -> bool:
    """Show what would change and, if allowed, write it; returns whether something remains to be written."""
    changed = edits.diff()
    print(changed, end="")
    if not changed:
        print("nothing to change", file=sys.stderr)
    elif yes:
        print(f"wrote {', '.join(edits.write())}", file=sys.stderr)
    else:
        print("nothing was written; --yes writes it", file=sys.stderr)
    return bool(changed) and not yes
