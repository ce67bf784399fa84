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
    """A request under way: a duplicate of its socket, which a timer can shut down."""

    def __init__(self) -> None:
        self.guard: socket.socket | None = None
        self.expired = False

    def expire(self) -> None:
        self.expired = True
        if self.guard is not None:
            with contextlib.suppress(OSError):
                self.guard.shutdown(socket.SHUT_RDWR)


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

    def watch(self, guard: socket.socket | None) -> None:
        """Name the socket that this thread's request uses from now on."""
        self._local.request.guard = guard
        if self.expired:
            self._local.request.expire()

    @property
    def expired(self) -> bool:
        request = getattr(self._local, "request", None)
        return request is not None and request.expired


class _Checked:
    """Mixed into urllib3's connections: resolves, checks, connects, and hands the socket to the deadline."""

    allow_private = False
    deadline: Deadline
    guard: socket.socket | None = None

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
            self.guard = sock.dup()
            self.deadline.watch(self.guard)
            return sock
        raise NewConnectionError(self, f"cannot connect: {reason}") from reason

    def request(self: Any, *args: Any, **kwargs: Any) -> None:
        self.deadline.watch(self.guard)
        super().request(*args, **kwargs)  # type: ignore[misc]

    def close(self) -> None:
        super().close()  # type: ignore[misc]
        if self.guard is not None:
            self.guard.close()
            self.guard = None


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
