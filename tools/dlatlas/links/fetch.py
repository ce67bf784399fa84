"""One hop: one request, at most 64 KiB of its body, and what went wrong in one word."""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests
import urllib3

from dlatlas.links.address import PrivateAddress
from dlatlas.links.transport import Deadline

BODY = 65536
"""Bytes of a body that are read at most."""

FILE = re.compile(r"\.(?:pdf|ps|gz|zip|tar|bz2|7z|pptx?|docx?|mp4|webm|mov|djvu|epub|png|jpe?g|gif)$", re.I)
"""Addresses of files: asked by HEAD first, since no words are looked for in them."""


@dataclass(frozen=True)
class Hop:
    """What one request gave: a status with what is needed to judge it, or the word for an error."""

    url: str
    status: int | None = None
    location: str | None = None  # absolute, where a redirect leads
    retry_after: float | None = None
    challenge: bool = False
    text: str = ""
    error: str | None = None  # dns, private-address, refused, reset, timeout, tls, tls-expired, bad-url, protocol
    detail: str = ""


def hop(session: requests.Session, deadline: Deadline, url: str, timeout: float) -> Hop:
    """Ask for one address without following redirects; never raises for anything the network does."""
    try:
        url = _clean(url)
        with deadline.within(timeout):
            if FILE.search(urlsplit(url).path):
                asked = _ask(session, "HEAD", url, timeout)
                if asked.location or asked.status == 429 or 200 <= (asked.status or 0) < 300:
                    return asked
            return _ask(session, "GET", url, timeout)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        kind = "timeout" if deadline.expired else error_kind(error)
        return Hop(url, error=kind, detail=str(error)[:200])


def _clean(url: str) -> str:
    """The address without user information and fragment, which no server needs to see."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise requests.exceptions.InvalidURL(f"expected an http or https address with a host, got {url!r}")
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path or "/", parts.query, ""))


def _ask(session: requests.Session, method: str, url: str, timeout: float) -> Hop:
    request = session.prepare_request(requests.Request(method, url))
    with session.send(request, stream=True, allow_redirects=False, timeout=timeout, verify=True) as response:
        location = response.headers.get("Location") if response.status_code in (301, 302, 303, 307, 308) else None
        return Hop(
            url,
            status=response.status_code,
            location=None if location is None else urljoin(url, location.encode("latin-1", "replace").decode("utf-8", "replace")),
            retry_after=_retry_after(response.headers.get("Retry-After")),
            challenge="cf-mitigated" in response.headers or "x-datadome" in response.headers,
            text="" if location is not None or method == "HEAD" else _text(response),
        )


def _text(response: requests.Response) -> str:
    """The beginning of a page; empty for files and for compressed bodies that were not asked for."""
    kind = response.headers.get("Content-Type", "text/html")
    if ("html" not in kind and "text" not in kind) or response.headers.get("Content-Encoding", "identity") != "identity":
        return ""
    data = b""
    try:
        while len(data) < BODY and (part := response.raw.read(min(8192, BODY - len(data)), decode_content=False)):
            data += part
    except (urllib3.exceptions.HTTPError, OSError):
        pass  # the status is known; a body cut off says nothing about the link
    charset = re.search(rb"charset=[\"']?([\w-]+)", kind.encode() + data[:2048])
    try:
        return data.decode(charset[1].decode() if charset else "utf-8", "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


def _retry_after(value: str | None) -> float | None:
    """Seconds to wait, from a number or a date; None where it is neither."""
    if value is None:
        return None
    try:
        return max(0.0, float(value) if value.strip().isdigit() else parsedate_to_datetime(value).timestamp() - time())
    except (ValueError, TypeError, OverflowError):
        return None


def error_kind(error: BaseException) -> str:
    """The word for an error, from the innermost cause that says something."""
    causes = list(_causes(error))
    if any(isinstance(cause, PrivateAddress) for cause in causes):
        return "private-address"
    if any(isinstance(cause, socket.gaierror | urllib3.exceptions.NameResolutionError) for cause in causes):
        return "dns"
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "tls-expired" if cause.verify_code == 10 else "tls"
        if isinstance(cause, ssl.SSLError | requests.exceptions.SSLError):
            return "tls"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "refused"
    if any(isinstance(cause, TimeoutError | requests.Timeout | urllib3.exceptions.ReadTimeoutError) for cause in causes):
        return "timeout"
    if any(isinstance(cause, requests.exceptions.InvalidURL | urllib3.exceptions.LocationParseError | UnicodeError) for cause in causes):
        return "bad-url"
    if any(isinstance(cause, ConnectionError | urllib3.exceptions.NewConnectionError) for cause in causes):
        return "reset"
    return "protocol"


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return found
