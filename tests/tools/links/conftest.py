"""A web server on loopback whose paths misbehave in one way each."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme
from dlatlas.links import check
from dlatlas.links.options import Options
from dlatlas.links.result import Result

PAGE = b"<html><head><title>A real page</title></head><body>" + b"words and more words " * 50 + b"</body></html>"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        path = self.path.split("?")[0]
        self.server.hits[f"{self.command} {path}"] += 1
        self.server.headers.append((self.path, dict(self.headers)))
        self.server.times.append(time.monotonic())
        host = self.headers.get("Host", "").split(":")[0]
        route = self.server.routes.get(host + self.path) or self.server.routes.get(self.path)
        if route is not None:
            status, body, headers = route
            self.send(status, body if isinstance(body, bytes) else body.encode(), **headers)
            return
        name = path.split("/")[1]
        getattr(self, f"page_{name.split('.')[0].replace('-', '_')}", self.page_missing)()

    def send(self, status: int, body: bytes = PAGE, **headers: str) -> None:
        self.send_response(status)
        for key, value in {"Content-Type": "text/html; charset=utf-8", **{k.replace("_", "-"): v for k, v in headers.items()}}.items():
            self.send_header(key, value.encode().decode("latin-1"))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def redirect(self, target: str, status: int = 301) -> None:
        self.send(status, b"", Location=target)

    def page_(self) -> None:
        self.send(200)

    page_ok = page_

    def page_busy(self) -> None:
        with self.server.lock:
            self.server.now += 1
            self.server.most = max(self.server.most, self.server.now)
        time.sleep(0.02)
        with self.server.lock:
            self.server.now -= 1
        self.send(200)

    def page_missing(self) -> None:
        self.send(404, b"<title>Not here</title>")

    def page_removed(self) -> None:
        self.send(410)

    def page_forbidden(self) -> None:
        self.send(403)

    def page_linkedin(self) -> None:
        self.send(999)

    def page_challenge(self) -> None:
        self.send(403, b"<title>Just a moment...</title>", cf_mitigated="challenge")

    def page_broken(self) -> None:
        self.send(500)

    def page_flaky(self) -> None:
        self.send(200 if self.server.hits["GET /flaky"] > 1 else 503)

    def page_moved(self) -> None:
        self.redirect("/ok")

    def page_found(self) -> None:
        self.redirect("/ok", 302)

    def page_twice(self) -> None:
        self.redirect("/moved", 308)

    def page_slash(self) -> None:
        self.send(200) if self.path.endswith("/") else self.redirect("/slash/")

    def page_loop(self) -> None:
        self.redirect("/loop2", 302)

    def page_loop2(self) -> None:
        self.redirect("/loop", 302)

    def page_endless(self) -> None:
        """Ever new redirects."""
        self.redirect(f"/endless?{self.server.hits['GET /endless']}", 302)

    def page_to_file(self) -> None:
        self.redirect("file:///etc/passwd", 302)

    def page_to_home(self) -> None:
        self.redirect("/", 302)

    def page_to_login(self) -> None:
        self.redirect("/login?next=x", 302)

    page_login = page_

    def page_to_other(self) -> None:
        self.redirect(f"http://127.0.0.2:{self.server.server_port}/ok", 302)

    def page_with_user(self) -> None:
        self.redirect(f"http://user:secret@127.0.0.1:{self.server.server_port}/no-authorization", 302)

    def page_no_authorization(self) -> None:
        self.send(401 if "Authorization" in self.headers else 200)

    def page_soft(self) -> None:
        self.send(200, b"<title>404 - Page not found</title>" + PAGE)

    def page_soft_zh(self) -> None:
        self.send(200, "<body>抱歉，您访问的页面不存在</body>".encode())

    def page_about_404(self) -> None:
        self.send(200, b"<title>HTTP status codes</title>" + b"The status 404 says that nothing was found. " * 40)

    def page_head_lies(self) -> None:
        self.send(404 if self.command == "HEAD" else 200)

    def page_no_head(self) -> None:
        self.send(405 if self.command == "HEAD" else 200)

    def page_paper(self) -> None:
        self.send(200, b"%PDF", Content_Type="application/pdf")

    def page_limited(self) -> None:
        if self.server.hits["GET /limited"] <= 2:
            self.send(429, b"", Retry_After="1")
        else:
            self.send(200)

    def page_never(self) -> None:
        self.send(429, b"", Retry_After="86400")

    def page_infinite(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.close_connection = True
        try:
            while not self.server.stopping:
                self.wfile.write(b"words " * 1000)
                self.server.sent += 6000
        except OSError:
            pass

    def page_bomb(self) -> None:
        self.send(200, gzip.compress(b"0" * 10_000_000), Content_Encoding="gzip")

    def drip(self, data: bytes) -> None:
        self.close_connection = True
        try:
            for byte in data:
                if self.server.stopping:
                    return
                self.wfile.write(bytes([byte]))
                time.sleep(0.1)
        except OSError:
            pass

    def page_slow_body(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.drip(b"x" * 300)

    def page_slow_headers(self) -> None:
        self.drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 300)

    def page_silent(self) -> None:
        self.close_connection = True
        while not self.server.stopping:
            time.sleep(0.05)

    def page_long_header(self) -> None:
        self.send_response(200)
        self.send_header("X-Long", "x" * (1 << 20))
        self.end_headers()

    def page_many_headers(self) -> None:
        self.send_response(200)
        try:
            for number in range(100_000):
                self.send_header(f"X-{number}", "x" * 1000)
            self.end_headers()
        except OSError:
            pass

    def page_short(self) -> None:
        """Promises more than it sends."""
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000000\r\n\r\n" + PAGE)

    def page_negative(self) -> None:
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: -5\r\n\r\n" + PAGE)

    def page_bad_chunks(self) -> None:
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + PAGE)

    def page_head_hangs(self) -> None:
        if self.command == "HEAD":
            self.page_silent()
        else:
            self.send(200)

    def page_head_reset(self) -> None:
        self.page_reset() if self.command == "HEAD" else self.send(200)

    def page_cached(self) -> None:
        if self.headers.get("If-None-Match") == '"7"':
            self.send(304, b"", ETag='"7"')
        else:
            self.send(200, ETag='"7"')

    def page_huge_bomb(self) -> None:
        """Ten gigabytes of zeros, in ten thousand times a megabyte."""
        self.send_response(200)
        for name, value in {"Content-Type": "text/html", "Content-Encoding": "gzip", "Transfer-Encoding": "chunked"}.items():
            self.send_header(name, value)
        self.end_headers()
        pack = zlib.compressobj(9, zlib.DEFLATED, 31)
        try:
            for _ in range(10_000):
                data = pack.compress(b"0" * (1 << 20))
                if data:
                    self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                    self.server.sent += len(data)
        except OSError:
            self.close_connection = True

    def page_reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.connection.close()

    def page_garbage(self) -> None:
        self.close_connection = True
        self.wfile.write(b"\0\1\2 nonsense\r\n\r\n")

    def log_message(self, *args: object) -> None:
        pass

    def handle(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # the client went away
            super().handle()


class Site(ThreadingHTTPServer):
    """Answers by the first part of the path; ``routes`` answer before that, by the whole of it."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.routes: dict[str, tuple[int, str | bytes, dict[str, str]]] = {}
        self.headers: list[tuple[str, dict[str, str]]] = []
        self.times: list[float] = []
        self.scheme = "http"
        self.hits: Counter[str] = Counter()
        self.sent = self.now = self.most = 0
        self.lock = threading.Lock()
        self.stopping = False
        super().__init__((host, port), Handler)

    def __call__(self, path: str) -> str:
        return f"{self.scheme}://{self.server_address[0]!s}:{self.server_port}/{path}"

    def finish(self) -> None:
        self.stopping = True
        self.shutdown()
        self.server_close()


def start(host: str = "127.0.0.1", port: int = 0) -> Site:
    site = Site(host, port)
    threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return site


@pytest.fixture
def site() -> Iterator[Site]:
    made = start()
    yield made
    made.finish()


def start_tls(authority: trustme.CA, *names: str) -> Site:
    """A site on a free port of loopback with a certificate for ``names``."""
    site = Site()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return serve_tls(site, context)


def serve_tls(site: Site, context: ssl.SSLContext) -> Site:
    site.scheme = "https"
    site.socket = context.wrap_socket(site.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return site


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """A client's context that trusts only the tests' authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


CONTEXT = ssl.create_default_context()
OPEN = Options(timeout=3, allow_private=True, context=CONTEXT)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "BETWEEN_TRIES", (0.05, 0.05))


def verdicts(*urls: str, options: Options = OPEN) -> dict[str, Result]:
    return {result.url: result for result in check.check(urls, options)}


def one(url: str, options: Options = OPEN) -> Result:
    return verdicts(url, options=options)[url]
