"""Connect only to public addresses: what is checked is what is connected to."""

from __future__ import annotations

import ipaddress
import socket

NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class PrivateAddress(OSError):
    """A host resolves to an address that is not on the public internet."""


def is_public(text: str) -> bool:
    """Whether an IP address is on the public internet, IPv4 addresses inside IPv6 ones unwrapped."""
    address = _unwrapped(ipaddress.ip_address(text.split("%")[0]))
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _unwrapped(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
    if inner:
        return inner
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else address


def resolve(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The addresses of a host, each checked; all must be public, so that no mix hides a private one.

    Raises:
        PrivateAddress: one of them is not public.
        socket.gaierror: the name does not resolve.
    """
    found = list(dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
    for address in found:
        if not allow_private and not is_public(address):
            raise PrivateAddress(f"{host} is at {address}, which is not public")
    return found
