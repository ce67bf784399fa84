"""Show a built site on this machine, tell of changed sources, and reload the pages that are open."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

INTERVAL = 0.25
"""Seconds between two looks at the watched files."""

EVENTS = "/-/changes"
SCRIPT = f'<script>new EventSource("{EVENTS}").onmessage = () => location.reload();</script>'.encode()
"""Stands at the end of each page that is served, not in the site."""


class Bell:
    """Counts the changes of a site, so that open pages learn of each."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self.count = 0

    def ring(self) -> None:
        with self._condition:
            self.count += 1
            self._condition.notify_all()

    def wait(self, seen: int, timeout: float) -> int:
        """The count once it is not ``seen`` any more, or after ``timeout`` seconds."""
        with self._condition:
            self._condition.wait_for(lambda: self.count != seen, timeout)
            return self.count


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *args: object, bell: Bell, **more: object) -> None:
        self.bell = bell
        super().__init__(*args, **more)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if self.path == EVENTS:
            self._events()
        elif self.path.partition("?")[0].endswith("/") and (path / "index.html").is_file():
            body = (path / "index.html").read_bytes().replace(b"</body>", SCRIPT + b"</body>")
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        else:
            super().do_GET()

    def _events(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        seen = self.bell.count
        try:
            while True:
                now = self.bell.wait(seen, timeout=15)
                self.wfile.write(b"data: changed\n\n" if now != seen else b": still here\n\n")
                self.wfile.flush()
                seen = now
        except OSError:  # the page was left
            self.close_connection = True

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        if len(args) > 1 and str(args[1]).startswith(("4", "5")):
            super().log_message(format, *args)


def show(site: Path, watched: Iterable[Path], changed: Callable[[set[Path]], None], port: int, bell: Bell) -> None:
    """Serve ``site`` on the loopback address until interrupted; call ``changed`` with the watched files that were changed.

    Raises:
        OSError: the port is taken.
    """
    folders = list(watched)
    with ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, directory=str(site), bell=bell)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"site: http://127.0.0.1:{server.server_port}/ (stop with Ctrl-C)", flush=True)
        try:
            seen = snapshot(folders)
            while True:
                time.sleep(INTERVAL)
                now = snapshot(folders)
                if different := {path for path, _ in now.items() ^ seen.items()}:
                    seen = now
                    changed(different)
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
