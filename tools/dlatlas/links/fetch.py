"""One request and its answer: a bounded part of the body, and what went wrong in one word."""

from __future__ import annotations

import errno
import re
import socket
import ssl
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from time import time
from urllib.parse import urljoin

from dlatlas.links.address import BadHost, PrivateAddress
from dlatlas.links.result import NO_HOST
from dlatlas.links.transport import Client, Deadline

PAGE = 65536
"""Decoded bytes of a page that are read to judge it."""

BODY_SECONDS = 5.0
"""How long a body may take once its headers are here: the status is known, and a slow page is still a page."""

REDIRECTS = (301, 302, 303, 307, 308)

CERTIFICATE = {
    9: "tls-not-yet-valid",
    10: "tls-expired",
    18: "tls-self-signed",
    19: "tls-self-signed",
    20: "tls-untrusted",
    21: "tls-untrusted",
    23: "tls-revoked",
    62: "tls-wrong-host",
    64: "tls-wrong-host",
}
"""OpenSSL's verification errors by number; all others are ``tls-untrusted``."""


@dataclass(frozen=True)
class Request:
    """What to ask for: at most ``most`` decoded bytes of a text, fewer where ``enough`` says so of what has come.

    ``tries`` is how often to ask when the connection fails or the server has an error; a ``service`` is made for programs,
    and its robots.txt does not matter.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    most: int = PAGE
    enough: Callable[[bytearray], bool] | None = None
    timeout: float | None = None
    tries: int = 3
    service: bool = False


@dataclass(frozen=True)
class Answer:
    """What one request gave: a status with what is needed to judge it, or the word for an error.

    Header names are in lower case. ``text`` is empty for what is not text, ``whole`` says that all of it was read.
    """

    url: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    whole: bool = True
    error: str | None = None
    detail: str = ""

    @property
    def location(self) -> str | None:
        """The absolute address that a redirect leads to."""
        place = self.headers.get("location") if self.status in REDIRECTS else None
        try:
            return None if place is None else urljoin(self.url, place)
        except ValueError:
            return place

    @property
    def is_page(self) -> bool:
        """Whether its headers call it HTML; a page without a type is taken for one."""
        return "html" in self.headers.get("content-type", "html")

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait, from a number or a date; None where there is neither."""
        value = self.headers.get("retry-after", "").strip()
        try:
            return max(0.0, float(value) if value.isdecimal() else parsedate_to_datetime(value).timestamp() - time())
        except (ValueError, TypeError, OverflowError):
            return None


def ask(client: Client, request: Request, timeout: float) -> Answer:
    """Make one request without following redirects; never raises for anything the network does."""
    try:
        deadline = Deadline(min(timeout, request.timeout or timeout))
        with client.send(request.method, request.url, request.headers, deadline) as exchange:
            response = exchange.response
            headers = {name.lower(): _decoded(value) for name, value in response.getheaders()}
            body, whole = _body(response, headers, request, deadline)
            return Answer(request.url, response.status, headers, _text(body, headers), whole)
    except (OSError, HTTPException, BadHost) as error:
        return Answer(request.url, error=error_word(error), detail=str(error)[:200])


def _decoded(value: str) -> str:
    """A header's value; those in UTF-8 come from the parser as Latin-1."""
    return value if value.isascii() else value.encode("latin-1", "replace").decode("utf-8", "replace")


def _body(response: HTTPResponse, headers: Mapping[str, str], request: Request, deadline: Deadline) -> tuple[bytes | bytearray, bool]:
    """The beginning of a text and whether that is all of it; files are left on the wire, unless they are as good as here."""
    kind = headers.get("content-type", "text/html")
    wanted = re.search(r"text|html|json|xml", kind) and response.status not in REDIRECTS
    if not wanted or request.method == "HEAD":
        if response.length is not None and response.length <= 8192:
            _drain(response)
        return b"", False
    deadline.shorten(BODY_SECONDS)
    data = bytearray()
    try:
        for part in _plain(response, headers.get("content-encoding", ""), request.most):
            data += part
            if len(data) >= request.most or (request.enough and request.enough(data)):
                return data, False
    except (OSError, HTTPException, zlib.error):
        return data, False  # the status is known; a body cut off says nothing about the link
    return data, True


def _drain(response: HTTPResponse) -> None:
    try:
        response.read()
    except (OSError, HTTPException):
        response.close()


def _plain(response: HTTPResponse, coding: str, most: int) -> Iterator[bytes]:
    """The parts of a body as they come, decompressed in steps that cannot grow beyond ``most``."""
    coding = coding.strip().lower()
    if coding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        return
    packed = coding not in ("", "identity")
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)
    while part := response.read1(16384):
        while packed and part:
            yield unpack.decompress(part, most)
            part = unpack.unconsumed_tail
            if unpack.eof and (part := unpack.unused_data):  # gzip allows one stream after another
                unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)
        if part:
            yield part


def _text(data: bytes | bytearray, headers: Mapping[str, str]) -> str:
    """A body as text, in the encoding that its headers or its first lines name."""
    named = re.search(rb"charset\s*=\s*[\"']?([\w-]+)", headers.get("content-type", "").encode() + b" " + data[:2048], re.I)
    name = named[1].decode().lower() if named else "utf-8"
    try:
        return data.decode("gb18030" if name.startswith(("gb", "x-gb")) else name, "replace")
    except (LookupError, ValueError):
        return data.decode("utf-8", "replace")


def error_word(error: BaseException) -> str:
    """The word for an error of the network.

    host-not-found, dns-failure, private-address, bad-address, refused, no-route, reset, timeout, protocol, or one that
    begins with ``tls``.
    """
    match error:
        case PrivateAddress():
            return "private-address"
        case BadHost():
            return "bad-address"
        case socket.gaierror():
            return NO_HOST if error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", -5)) else "dns-failure"
        case ssl.SSLCertVerificationError():
            return CERTIFICATE.get(error.verify_code, "tls-untrusted")
        case ssl.SSLEOFError():
            return "reset"
        case ssl.SSLError():
            return "tls-protocol"
        case TimeoutError():
            return "timeout"
        case ConnectionRefusedError():
            return "refused"
        case ConnectionError():
            return "reset"
        case OSError() if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL):
            return "no-route"
        case _:
            return "protocol"
