"""How to check."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dlatlas.links.result import Result


@dataclass(frozen=True)
class Options:
    """How to check links; every wait in seconds.

    timeout: for one request in all, from the name to the end of the body.
    workers: requests at once; per_host: requests at once at one host; spacing: least time between two at one host.
    longest_wait: what a host can make us wait, whatever its Retry-After says.
    allow_private: whether addresses that are not public may be connected to.
    fragments: whether the part after ``#`` must exist in an HTML page.
    robots: whether to keep to robots.txt.
    known: whether to ask the services of known hosts (arXiv, DOI, GitHub …) instead of their pages.
    github_token: for GitHub's API; without it, GitHub is asked by page.
    contact: an address for the User-Agent, where the keeper of a host can reach us.
    headers: further headers by origin (``https://example.org``); they are sent to that very origin only.
    proxy: an http proxy (``http://host:port``) for every request; none is taken from the environment.
    previous: gives the result of an earlier run, so that an unchanged page need not be sent again.
    context: the TLS context; the default trusts the system's and certifi's authorities.
    connect_to: where to connect instead of a host's own address (for tests).
    """

    timeout: float = 20.0
    workers: int = 64
    per_host: int = 4
    spacing: float = 0.0
    longest_wait: float = 60.0
    allow_private: bool = False
    fragments: bool = False
    robots: bool = False
    known: bool = True
    github_token: str | None = field(default=None, repr=False)
    contact: str = ""
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    proxy: str | None = None
    previous: Callable[[str], Result | None] | None = None
    context: ssl.SSLContext | None = None
    connect_to: Mapping[str, tuple[str, int]] = field(default_factory=dict)
