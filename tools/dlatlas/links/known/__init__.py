"""Hosts that are better asked through their services than by their pages.

Each module recognizes the addresses of one host and makes the steps that check them. Where its service does not answer,
or does not know, the page decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dlatlas.links.known import arxiv, doi, github, neurips, openreview, wayback, wiki, youtube
from dlatlas.links.known.link import Known, Link
from dlatlas.links.options import Options
from dlatlas.links.steps import Steps

ALL: tuple[Known, ...] = (arxiv, doi, github, neurips, openreview, wayback, wiki, youtube)


def divide(pages: Iterable[tuple[str, ...]], options: Options) -> tuple[list[Steps], list[tuple[str, ...]]]:
    """The steps for the addresses that a known host has, and the addresses that are left."""
    links: dict[Known, list[Link]] = {}
    left = []
    for urls in pages:
        for known in ALL:
            if (key := known.recognize(urls[0])) is not None:
                links.setdefault(known, []).append(Link(urls, key))
                break
        else:
            left.append(urls)
    return list(_steps(links, options)), left


def _steps(links: dict[Known, list[Link]], options: Options) -> Iterator[Steps]:
    for known, found in links.items():
        yield from known.steps(found, options)
