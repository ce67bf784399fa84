"""One requests session whose connections go to checked addresses and end at a deadline.

The name is resolved once, its addresses are checked, and the checked address is connected
to, for every hop. A timer shuts the socket down at the deadline, so that neither a slow
handshake, nor slow headers, nor a slow body can hold a worker. One TLS context serves all.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NameResolutionError, NewConnectionError
from urllib3.util import connection

from dlatlas import __version__
from dlatlas.links.address import PrivateAddress, resolve

HEADERS = {
    "User-Agent": f"Mozilla/5.0 (compatible; dlatlas/{__version__})",
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Accept-Encoding": "identity",
    "Accept-Language": "en,zh;q=0.8",
}


class _Request:
    """A request under way: a duplicate of its socket, which a timer can shut down while the response is read."""

    def __init__(self) -> None:
        self.expired = False
        self._guard: socket.socket | None = None
        self._lock = threading.Lock()

    def guard(self, sock: socket.socket | None) -> None:
        with self._lock:
            if self._guard is not None:
                self._guard.close()
            self._guard = None if sock is None else socket.fromfd(sock.fileno(), sock.family, sock.type)
            self._end_if_expired()

    def expire(self) -> None:
        with self._lock:
            self.expired = True
            self._end_if_expired()

    def _end_if_expired(self) -> None:
        if self.expired and self._guard is not None:
            with contextlib.suppress(OSError):
                self._guard.shutdown(socket.SHUT_RDWR)


class Deadline:
    """Ends the request that a thread makes inside :meth:`within` after a number of seconds."""

    def __init__(self) -> None:
        self._local = threading.local()

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        self._local.request = request = _Request()
        timer = threading.Timer(seconds, request.expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            request.guard(None)

    def watch(self, sock: socket.socket) -> None:
        """Name the socket that this thread's request uses from now on."""
        self._local.request.guard(sock)

    @property
    def expired(self) -> bool:
        request = getattr(self._local, "request", None)
        return request is not None and request.expired


class _Checked:
    """Mixed into urllib3's connections: resolves, checks, connects, and hands the socket to the deadline."""

    allow_private = False
    deadline: Deadline

    def _new_conn(self: Any) -> socket.socket:
        try:
            addresses = resolve(self.host.strip("[]"), self.port, allow_private=self.allow_private)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except PrivateAddress as error:
            raise NewConnectionError(self, str(error)) from error
        reason: OSError | None = None
        for address in addresses:
            try:
                sock = connection.create_connection((address, self.port), self.timeout, socket_options=self.socket_options)
            except OSError as error:
                reason = error
                continue
            self.deadline.watch(sock)
            return sock
        raise NewConnectionError(self, f"cannot connect: {reason}") from reason

    def request(self: Any, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:
            self.deadline.watch(self.sock)
        super().request(*args, **kwargs)  # type: ignore[misc]


class _Adapter(HTTPAdapter):
    def __init__(self, context: ssl.SSLContext, deadline: Deadline, allow_private: bool, workers: int) -> None:
        settings = {"allow_private": allow_private, "deadline": deadline}
        plain = type("CheckedConnection", (_Checked, HTTPConnection), settings)
        secure = type("CheckedTLSConnection", (_Checked, HTTPSConnection), settings)
        self._context = context
        self._pools = {
            "http": type("CheckedPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("CheckedTLSPool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
        }
        super().__init__(pool_connections=256, pool_maxsize=workers, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, ssl_context=self._context, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"ssl_context": self._context}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """The context verifies; requests would parse the certificate bundle for each connection."""


def session(*, allow_private: bool, workers: int, context: ssl.SSLContext | None = None) -> tuple[requests.Session, Deadline]:
    """A session without proxies, netrc or cookies from the environment, and the deadline of its requests."""
    deadline = Deadline()
    if context is None:
        context = ssl.create_default_context()
        context.load_verify_locations(cafile=requests.certs.where())
    adapter = _Adapter(context, deadline, allow_private, workers)
    made = requests.Session()
    made.trust_env = False
    made.headers = requests.structures.CaseInsensitiveDict(HEADERS)
    made.cookies.set_policy(_NoCookies())
    made.adapters.clear()
    made.mount("http://", adapter)
    made.mount("https://", adapter)
    return made, deadline


class _NoCookies(requests.cookies.cookielib.DefaultCookiePolicy):
    """Accepts and sends none: a link must work for a reader who comes for the first time."""

    def set_ok(self, cookie: Any, request: Any) -> bool:
        return False

    def return_ok(self, cookie: Any, request: Any) -> bool:
        return False
