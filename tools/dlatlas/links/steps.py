"""Checks as steps: generators that yield requests and are sent the answers, so that the schedule decides when each is made."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import urldefrag, urlsplit

from dlatlas.links.fetch import PAGE, Answer, Request
from dlatlas.links.fragments import MOST, Finder
from dlatlas.links.options import Options
from dlatlas.links.result import Result
from dlatlas.links.verdict import judge

T = TypeVar("T")
Asking = Generator[Request, Answer, T]
"""Yields requests, is sent their answers, and returns a ``T``."""

Steps = Asking[list[Result]]

REDIRECTS = 10

SERVICE = 4 << 20
"""Bytes of a service's answer that are read."""

HEAD_SECONDS = 5.0
"""A server that does not answer HEAD is asked by GET after this time."""

FILE = re.compile(
    r"\.(?:pdf|ps|gz|zip|tar|bz2|7z|xz|pptx?|docx?|xlsx?|mp4|webm|mov|mp3|djvu|epub|mobi|png|jpe?g|gif|h5|npz|mat|whl|pth?)$", re.I
)
"""Addresses of files: asked by HEAD first, since no words are looked for in them."""


def page_steps(urls: Sequence[str], options: Options) -> Steps:
    """Check addresses that differ in nothing but their fragments, by their page."""
    results, _ = yield from page(urls, options)
    return results


def page(
    urls: Sequence[str], options: Options, most: int = PAGE, enough: Callable[[bytearray], bool] | None = None
) -> Asking[tuple[list[Result], Answer]]:
    """The results of such addresses, and the page that they lead to, of which at least ``most`` bytes are read, or ``enough``."""
    finder = Finder([urldefrag(url).fragment for url in urls]) if options.fragments else None
    answers = yield from follow(urldefrag(urls[0]).url, options, finder, most, enough)
    return [_result(url, answers, finder) for url in urls], answers[-1]


def ask_json(url: str, **headers: str) -> Asking[tuple[Answer, Any]]:
    """The answer of a service and what it holds; None where that is not JSON."""
    answer = yield Request(url, headers={"Accept": "application/json", **headers}, most=SERVICE, service=True)
    try:
        return answer, json.loads(answer.text)
    except ValueError:
        return answer, None


def _result(url: str, answers: Sequence[Answer], finder: Finder | None) -> Result:
    result = judge(url, answers)
    fragment = urldefrag(url).fragment
    if fragment and result.final_url and "#" not in result.final_url:
        result = replace(result, final_url=f"{result.final_url}#{fragment}")
    if fragment and finder and result.verdict in ("ok", "moved"):
        return finder.judged(result, answers[-1], fragment)
    return result


def follow(
    url: str, options: Options, finder: Finder | None = None, most: int = PAGE, enough: Callable[[bytearray], bool] | None = None
) -> Asking[list[Answer]]:
    """The answers along the redirects of an address; the last is no redirect, or one too many."""
    before = options.previous(url) if options.previous and not (finder and finder.wanted) else None
    answers: list[Answer] = []
    seen = set()
    while True:
        seen.add(urldefrag(url).url)
        request = Request(url, headers=_unchanged(before, url), most=most, enough=enough)
        answer = yield from _one(request if finder is None or not finder.wanted else replace(request, most=MOST, enough=finder.enough))
        if answer.status == 304 and before is not None:
            answer = replace(answer, status=before.status, detail="not modified since the last run")
        answers.append(answer)
        target = answer.location
        if target is None or len(answers) > REDIRECTS or urldefrag(target).url in seen:
            return answers
        if urlsplit(target).scheme not in ("http", "https"):
            return [*answers, Answer(target, error="redirect-scheme")]
        url = target


def _unchanged(before: Result | None, url: str) -> Mapping[str, str]:
    """Headers that ask for a page only if it has changed since it was last fine."""
    if before is None or before.verdict not in ("ok", "moved") or url != (before.final_url or before.url):
        return {}
    given = {"If-None-Match": before.etag, "If-Modified-Since": before.modified}
    return {name: value for name, value in given.items() if value}


def _one(request: Request) -> Asking[Answer]:
    """HEAD for files where it can be believed, GET for all else."""
    if FILE.search(urlsplit(request.url).path):
        answer = yield replace(request, method="HEAD", timeout=HEAD_SECONDS, tries=1)
        fine = answer.status is not None and (answer.status == 304 or (200 <= answer.status < 300 and not answer.is_page))
        if fine or answer.location is not None:
            return answer
    return (yield request)
