"""Whom a request is for, and the connections that are kept for further requests to the same."""

from __future__ import annotations

import socket
import threading
from collections import OrderedDict
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from dlatlas.links.address import BadHost, ascii_host

DEFAULT_PORTS = {"http": 80, "https": 443}

KEPT = "%/:=&?~#+!$,;'@()*[]-._"
"""What is not escaped in the path and query of an address."""


@dataclass(frozen=True)
class Origin:
    """Whom a connection is for: scheme, host and port as they go over the wire."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}")


def split(url: str) -> tuple[Origin, str]:
    """The origin of an http or https address, and what is asked of it; user information and fragment are left out.

    Raises:
        BadHost: it is no such address.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError) as error:
        raise BadHost(f"expected an http or https address, got {url[:200]!r}") from error
    origin = Origin(parts.scheme, ascii_host(parts.hostname or ""), port)
    return origin, quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=KEPT)


def host_of(url: str) -> str:
    """The host of an address; empty where it has none."""
    try:
        return split(url)[0].host
    except BadHost:
        return ""


class Idle:
    """Connections that lie idle, the newest of an origin first; where they are too many, the oldest of all is closed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._all: OrderedDict[int, tuple[Origin, socket.socket]] = OrderedDict()
        self._by_origin: dict[Origin, list[int]] = {}
        self._lock = threading.Lock()

    def take(self, origin: Origin) -> socket.socket | None:
        with self._lock:
            numbers = self._by_origin.get(origin)
            return self._all.pop(numbers.pop())[1] if numbers else None

    def put(self, origin: Origin, sock: socket.socket) -> None:
        with self._lock:
            number = sock.fileno()
            self._all[number] = (origin, sock)
            self._by_origin.setdefault(origin, []).append(number)
            if len(self._all) > self._most:
                number, (origin, sock) = self._all.popitem(last=False)
                self._by_origin[origin].remove(number)
                sock.close()

    def close(self) -> None:
        """Close them all."""
        with self._lock:
            for _, sock in self._all.values():
                sock.close()
            self._all.clear()
            self._by_origin.clear()
