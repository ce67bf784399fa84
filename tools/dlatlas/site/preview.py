"""Show a built site on this machine and build it again when a source changes."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

INTERVAL = 0.5
"""Seconds between two looks at the watched files."""


class _Handler(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        if len(args) > 1 and str(args[1]).startswith(("4", "5")):
            super().log_message(format, *args)


def show(site: Path, watched: Iterable[Path], rebuild: Callable[[], None], port: int) -> None:
    """Serve ``site`` on the loopback address until interrupted; call ``rebuild`` when a watched file changes.

    Raises:
        OSError: the port is taken.
    """
    folders = list(watched)
    with ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"site: http://127.0.0.1:{server.server_port}/ (stop with Ctrl-C)", flush=True)
        try:
            seen = snapshot(folders)
            while True:
                time.sleep(INTERVAL)
                now = snapshot(folders)
                if now != seen:
                    seen = now
                    try:
                        rebuild()
                    except (RuntimeError, ValueError) as error:  # a broken source is reported; the last good site stays
                        print(error, file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            print()
        finally:
            server.shutdown()


def snapshot(folders: Iterable[Path]) -> dict[Path, int]:
    """Modification times of all files below some folders (or of files named themselves)."""
    found: dict[Path, int] = {}
    for folder in folders:
        for path in [folder] if folder.is_file() else folder.rglob("*"):
            try:
                if path.is_file() and "__pycache__" not in path.parts:
                    found[path] = path.stat().st_mtime_ns
            except FileNotFoundError:
                continue
    return found
