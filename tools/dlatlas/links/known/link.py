"""What all known hosts share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from dlatlas.links.options import Options
from dlatlas.links.result import Result
from dlatlas.links.steps import Steps, page_steps


@dataclass(frozen=True)
class Link:
    """Addresses that differ in their fragments only, and what their host calls the thing."""

    urls: tuple[str, ...]
    key: str


class Known(Protocol):
    """A module for one host."""

    def recognize(self, url: str) -> str | None:
        """What the host calls the thing at an address, or None for other addresses."""

    def steps(self, links: Sequence[Link], options: Options) -> Iterator[Steps]:
        """Steps that check these links, as few as the host's service allows."""


@lru_cache(maxsize=16)  # all known hosts look at one address after the other
def parts_of(url: str) -> tuple[str, SplitResult]:
    """The host of an address without ``www.``, and all its parts; an empty host for what is no address."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").removeprefix("www."), parts
    except ValueError:
        return "", urlsplit("")


def told(link: Link, verdict: str, reason: str, status: int | None, final_url: str | None = None, detail: str = "") -> list[Result]:
    """One result for each address of a link, from what a service told."""
    return [Result(url, verdict, reason, status, final_url, detail=detail) for url in link.urls]


def batches(links: Sequence[Link], size: int) -> Iterator[Sequence[Link]]:
    """The links in parts of at most ``size``."""
    for start in range(0, len(links), size):
        yield links[start : start + size]


def by_page(links: Sequence[Link], options: Options) -> Steps:
    """The results of links by their pages, one after the other."""
    results: list[Result] = []
    for link in links:
        results += yield from page_steps(link.urls, options)
    return results


def but(results: Sequence[Result], reason: str, detail: str = "", *, only: Sequence[str] = ("ok",)) -> list[Result]:
    """The results with another reason, where their verdict is one of ``only``."""
    return [replace(one, reason=reason, detail=detail or one.detail) if one.verdict in only else one for one in results]
