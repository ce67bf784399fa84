"""HTTP over connections that go to checked addresses only and end at a deadline.

The standard library's response parser on sockets of our own: two to three times the pace of ``requests``, and
nothing comes from the environment (no proxy, netrc, cookies) or goes to another host. A name is looked up once,
its addresses are checked, and a checked address is connected to. No part of an exchange outlasts its deadline,
however slowly the bytes drip. One TLS context serves all.
"""

from __future__ import annotations

import io
import socket
import ssl
import threading
from collections.abc import Mapping
from http.client import HTTPException, HTTPResponse
from time import monotonic

from dlatlas import __version__
from dlatlas.links.address import PrivateAddress, Resolver, is_public
from dlatlas.links.options import Options
from dlatlas.links.origin import Idle, Origin, split

HEADER_BYTES = 262144
"""The most that a status line and its headers may take."""

IDLE = 512
"""Connections kept open for further requests, at most half of the files that may be open."""


def idle_most() -> int:
    """How many connections may lie idle on this machine."""
    try:
        import resource
    except ImportError:  # Windows counts sockets apart
        return IDLE
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return IDLE if soft == resource.RLIM_INFINITY else max(16, min(IDLE, soft // 2))


class Deadline:
    """The moment at which an exchange must be over."""

    def __init__(self, seconds: float) -> None:
        self._at = monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left.

        Raises:
            TimeoutError: there are none.
        """
        if (seconds := self._at - monotonic()) <= 0:
            raise TimeoutError("the time for this request is over")
        return seconds

    def shorten(self, seconds: float) -> None:
        """Be over in ``seconds`` at the latest."""
        self._at = min(self._at, monotonic() + seconds)


class _Incoming(io.RawIOBase):
    """The bytes of one response, up to its deadline."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._socket = sock
        self._deadline = deadline
        self.taken = 0
        self.most: int | None = HEADER_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self.most is not None and self.taken >= self.most:
            raise HTTPException("the headers are too long")
        self._socket.settimeout(self._deadline.left())
        count = self._socket.recv_into(buffer)
        self.taken += count
        return count

    def makefile(self, mode: str) -> io.BufferedReader:
        """What HTTPResponse asks of a socket."""
        return io.BufferedReader(self, 16384)


class Exchange:
    """A response whose headers are here and whose body can be read in part."""

    def __init__(self, client: Client, origin: Origin, sock: socket.socket, response: HTTPResponse) -> None:
        self._client, self._origin, self._socket = client, origin, sock
        self.response = response

    def __enter__(self) -> Exchange:
        return self

    def __exit__(self, *_: object) -> None:
        """Keep the connection when the body was read to its end."""
        if (self.response.isclosed() or self.response.length == 0) and not self.response.will_close:
            self._client.keep(self._origin, self._socket)
        else:
            self._socket.close()
        self.response.close()


class Client:
    """Sends requests; may be used by many threads."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._resolver = Resolver(allow_private=options.allow_private, connect_to=options.connect_to)
        self._context = options.context
        self._proxy = split(options.proxy)[0] if options.proxy else None
        self._idle = Idle(idle_most())
        self._lock = threading.Lock()
        self._common = {
            "User-Agent": f"Mozilla/5.0 (compatible; dlatlas/{__version__}{'; +' * bool(options.contact)}{options.contact})",
            "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
            "Accept-Encoding": "gzip",
            "Accept-Language": "en,zh;q=0.8",
        }

    @property
    def found_a_name(self) -> bool:
        """Whether any name was found so far."""
        return self._resolver.found > 0

    @property
    def offline(self) -> bool:
        """Whether several names were looked up and none was found, so that it must be us who have no network."""
        return self._resolver.missing > 2 and not self._resolver.found

    def send(self, method: str, url: str, headers: Mapping[str, str], deadline: Deadline) -> Exchange:
        """Send a request and read the headers of its response.

        Raises:
            BadHost: the address is not one.
            OSError, HTTPException: the network or the server failed.
        """
        origin, target = split(url)
        lines = {"Host": str(origin).partition("//")[2], **self._common, **self._options.headers.get(str(origin), {}), **headers}
        if self._proxy is not None and origin.scheme == "http":
            target = str(origin) + target
        head = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items()), "", ""]
        data = "\r\n".join(head).encode("latin-1", "replace")
        if (kept := self._idle.take(origin)) is not None:
            try:
                return self._exchange(origin, kept, method, data, deadline)
            except (ConnectionError, ssl.SSLEOFError):
                pass  # it was closed while it lay idle
        return self._exchange(origin, self._connected(origin, deadline), method, data, deadline)

    def _exchange(self, origin: Origin, sock: socket.socket, method: str, data: bytes, deadline: Deadline) -> Exchange:
        try:
            sock.settimeout(deadline.left())
            sock.sendall(data)
            incoming = _Incoming(sock, deadline)
            response = HTTPResponse(incoming, method=method)  # type: ignore[arg-type]
            response.begin()
            incoming.most = None
        except BaseException:
            sock.close()
            raise
        return Exchange(self, origin, sock, response)

    def _connected(self, origin: Origin, deadline: Deadline) -> socket.socket:
        if self._proxy is None:
            sock = self._connect(self._resolver.targets(origin.host, origin.port, deadline.left()), deadline)
        else:
            self._refuse_private_literal(origin.host)
            proxies = socket.getaddrinfo(self._proxy.host, self._proxy.port, type=socket.SOCK_STREAM)
            sock = self._connect([(info[0], info[4]) for info in proxies], deadline)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if origin.scheme == "https":
                if self._proxy is not None:
                    self._tunnel(sock, origin, deadline)
                sock.settimeout(deadline.left())
                sock = self._tls().wrap_socket(sock, server_hostname=origin.host)
        except BaseException:
            sock.close()
            raise
        return sock

    @staticmethod
    def _connect(targets: list, deadline: Deadline) -> socket.socket:  # type: ignore[type-arg]
        """A connection to the first target that accepts one; each has its share of the time that is left."""
        failed: OSError | None = None
        for number, (family, address) in enumerate(targets):
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.settimeout(deadline.left() / (len(targets) - number))
                sock.connect(address)
                return sock
            except OSError as error:
                sock.close()
                failed = error
        raise failed or OSError("the host has no address")

    def _refuse_private_literal(self, host: str) -> None:
        """A proxy looks names up itself; what needs no looking up is still checked."""
        try:
            found = socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
        except socket.gaierror:
            return
        if not self._options.allow_private and not all(is_public(str(info[4][0])) for info in found):
            raise PrivateAddress(f"{host} is not public")

    @staticmethod
    def _tunnel(sock: socket.socket, origin: Origin, deadline: Deadline) -> None:
        where = f"{f'[{origin.host}]' if ':' in origin.host else origin.host}:{origin.port}"
        sock.sendall(f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n\r\n".encode())
        response = HTTPResponse(_Incoming(sock, deadline), method="CONNECT")  # type: ignore[arg-type]
        response.begin()
        if response.status != 200:
            raise ConnectionError(f"the proxy answered {response.status}")

    def _tls(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                import certifi

                self._context = ssl.create_default_context()
                self._context.load_verify_locations(cafile=certifi.where())
            return self._context

    def keep(self, origin: Origin, sock: socket.socket) -> None:
        """Keep a connection for the next request to its origin."""
        self._idle.put(origin, sock)

    def close(self) -> None:
        """Close what lies idle."""
        self._idle.close()
