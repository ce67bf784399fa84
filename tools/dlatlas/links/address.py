"""Host names and addresses: looked up once, checked, and handed on to be connected to as they are."""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from collections.abc import Mapping

UNWRAPPED = [ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48")]
"""IPv6 networks whose last 32 bits are the IPv4 address meant (NAT64)."""

METADATA = {ipaddress.ip_address("168.63.129.16")}
"""Services for virtual machines at addresses that look public."""

NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
V6 = re.compile(r"[0-9a-f]*:[0-9a-f:.]+")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Target = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]
"""What a socket connects to."""


class PrivateAddress(OSError):
    """A host is at an address that is not on the public internet."""


class BadHost(ValueError):
    """What stands for a host cannot be one."""


def is_public(text: str) -> bool:
    """Whether an IP address is on the public internet, IPv4 addresses inside IPv6 ones unwrapped."""
    address = _unwrapped(ipaddress.ip_address(text.split("%")[0]))
    unusable = address.is_multicast or address.is_reserved or address.is_unspecified or address in METADATA
    return address.is_global and not unusable


def _unwrapped(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
    if inner:
        return inner
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if any(address in network for network in UNWRAPPED) else address


def ascii_host(host: str) -> str:
    """A host as it goes over the wire: lower case, international names encoded.

    Raises:
        BadHost: it is empty, too long, or has characters that no host has.
    """
    try:
        plain = (host if host.isascii() else host.encode("idna").decode()).lower().removesuffix(".")
    except UnicodeError:
        plain = ""
    if not (NAME.fullmatch(plain) or V6.fullmatch(plain)):
        raise BadHost(f"not a host name: {host[:80]!r}")
    return plain


class _Lookup:
    def __init__(self) -> None:
        self.done = threading.Event()
        self.found: list[Target] = []
        self.error: OSError | None = None


class Resolver:
    """Looks up each host once in a run. All its addresses must be public, so that no mix hides a private one."""

    def __init__(self, *, allow_private: bool, connect_to: Mapping[str, tuple[str, int]]) -> None:
        self._allow_private = allow_private
        self._connect_to = connect_to
        self._lookups: dict[str, _Lookup] = {}
        self._lock = threading.Lock()
        self.found = 0  # names, not addresses in digits, that were found
        self.missing = 0

    def targets(self, host: str, port: int, timeout: float) -> list[Target]:
        """Where to connect for a host.

        Raises:
            PrivateAddress: one of its addresses is not public.
            socket.gaierror: the name has no address, or could not be looked up just now.
            TimeoutError: nobody answered in time.
        """
        host, port = self._connect_to.get(host, (host, port))
        with self._lock:
            lookup = self._lookups.get(host)
            if lookup is None:
                lookup = self._lookups[host] = _Lookup()
                threading.Thread(target=self._look_up, args=(host, lookup), daemon=True).start()
        if not lookup.done.wait(timeout):
            raise TimeoutError(f"no answer on the address of {host}")
        if lookup.error is not None:
            raise type(lookup.error)(*lookup.error.args)
        return [(family, (address[0], port, *address[2:])) for family, address in lookup.found]  # type: ignore[misc]

    def _count(self, host: str, *, found: bool) -> None:
        if not re.fullmatch(r"[\d.]+|.*:.*|localhost", host):
            with self._lock:
                self.found += found
                self.missing += not found

    def _look_up(self, host: str, lookup: _Lookup) -> None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            if not self._allow_private:
                for *_, address in found:
                    if not is_public(str(address[0])):
                        raise PrivateAddress(f"{host} is at {address[0]}, which is not public")
            self._count(host, found=True)
            lookup.found = list(dict.fromkeys((info[0], info[4]) for info in found))  # type: ignore[misc]
        except UnicodeError as error:
            lookup.error = socket.gaierror(socket.EAI_NONAME, str(error))
        except OSError as error:
            lookup.error = error
            self._count(host, found=False)
            if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
                with self._lock:
                    self._lookups.pop(host, None)  # it may answer the next time
        finally:
            lookup.done.set()
