"""What a chain of answers says about a link."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from dlatlas.catalog.keys import canonical
from dlatlas.links.fetch import Answer
from dlatlas.links.phrases import PARKING_HOST, is_bot_wall, is_parked, says_not_found
from dlatlas.links.result import NO_HOST, Result

BLOCKED = {
    401: "login",
    402: "payment",
    403: "forbidden",
    407: "proxy",
    412: "robot-check",
    418: "robot-check",
    428: "robot-check",
    429: "rate-limit",
    440: "login",
    449: "robot-check",
    451: "legal",
    468: "robot-check",
    521: "robot-check",
    999: "robot-check",
}
"""Statuses of hosts that refuse us, where a reader may well get in."""

CLOUDFLARE = range(520, 531)

UNREACHABLE = {NO_HOST, "dns-failure", "refused", "no-route", "reset", "timeout", "protocol"}

WALLED = re.compile(r"(?:^|\.)(?:csdn\.net|researchgate\.net|(?:jianshu|linkedin|medium|quora|weixin\.qq|zhihu)\.com)$")
"""Hosts that turn robots away: being led to their home page says nothing about the page."""

LOGIN = re.compile(r"/(?:sign_?in|log_?in|signup|account/unhuman|passport|authwall|captcha|verify|oauth|sso|ServiceLogin)\b", re.I)

HOME = re.compile(r"/(?:(?:index|default|home|main)(?:\.\w+)?|(?:cn|de|en|es|fr|it|ja|ko|pt|ru|us|zh)(?:-[a-z]{2,4})?)?/?", re.I)
ERROR_PAGE = re.compile(r"/(?:(?:errors?|static|pages?)/)?(?:(?:error-?)?404|(?:page-?)?not-?found)(?:\.\w+)?/?|/error(?:\.\w+)?/?", re.I)


def judge(url: str, answers: Sequence[Answer]) -> Result:
    """The verdict on ``url`` from the answers in order; the last one is no redirect, or one too many."""
    last = answers[-1]
    chain = tuple((answer.url, answer.status) for answer in answers[:-1] if answer.status is not None)
    temporary = any(status not in (301, 308) for _, status in chain)
    verdict, reason = _judge(url, answers, temporary=temporary)
    if verdict == "ok" and len(answers) > 1 and not temporary and canonical(url) != canonical(last.url):
        verdict, reason = "moved", "permanent-redirect"
    return Result(
        url,
        verdict,
        reason,
        last.status,
        last.url if len(answers) > 1 else None,
        chain,
        temporary=temporary,
        detail=last.detail,
        etag=last.headers.get("etag"),
        modified=last.headers.get("last-modified"),
    )


def _judge(url: str, answers: Sequence[Answer], *, temporary: bool) -> tuple[str, str]:
    last = answers[-1]
    if last.error is not None:
        return _error(last.error)
    status = last.status or 0
    if last.location is not None:
        return "unreachable", "redirect-loop" if last.location in {answer.url for answer in answers} else "too-many-redirects"
    if status != 404 and status != 410 and is_bot_wall(status, last.headers, last.text):
        return "blocked", "robot-check"
    if status in (404, 410):
        return "gone", f"http-{status}"
    if status in BLOCKED:
        return "blocked", BLOCKED[status]
    if status in CLOUDFLARE or status >= 500:
        return "unreachable", f"http-{status}"
    if not 200 <= status < 300:
        return "unknown", f"http-{status}"
    if _to_login(url, last.url):
        return "blocked", "login"
    if reason := soft_404(url, last):
        walled = reason == "soft-404-home" and WALLED.search(urlsplit(url).hostname or "")
        return ("blocked", "robot-check") if walled else ("gone", reason)
    if len(answers) == 1:
        return "ok", f"http-{status}"
    return "ok", "temporary-redirect" if temporary else "same-page"


def _error(error: str) -> tuple[str, str]:
    if error.startswith("tls"):
        return "broken-tls", error
    return ("unreachable", error) if error in UNREACHABLE else ("unknown", error)


def _to_login(asked: str, came: str) -> bool:
    return bool(LOGIN.search(urlsplit(came).path)) and not LOGIN.search(urlsplit(asked).path)


def soft_404(url: str, last: Answer) -> str | None:
    """Why an answer of 200 means that the page is gone, or None.

    soft-404-home: a redirect to the home page of the site, or to its page for errors; soft-404: the page says so;
    parked: the domain is for sale.
    """
    came = urlsplit(last.url)
    host = (came.hostname or "").lower()
    if PARKING_HOST.search(host) and host != (urlsplit(url).hostname or "").lower():
        return "parked"
    if last.url != url and ERROR_PAGE.fullmatch(came.path):
        return "soft-404"
    if _sent_home(url, last.url):
        return "soft-404-home"
    if not last.is_page:
        return None
    if is_parked(last.text):
        return "parked"
    return "soft-404" if says_not_found(last.text) else None


def _sent_home(asked_url: str, came_url: str) -> bool:
    """Whether a redirect dropped the page that was asked for and led to a home page.

    A part of a site that moved to a host of its own (``/fasttext`` to ``fasttext.cc``, ``~someone`` to ``someone.net``)
    is no lost page.
    """
    asked, came = urlsplit(asked_url), urlsplit(came_url)
    if not HOME.fullmatch(came.path or "/") or came.query or came.fragment:
        return False
    if HOME.fullmatch(asked.path or "/") and not asked.query:
        return False
    host, old = came.hostname or "", asked.hostname or ""
    if host.removeprefix("www.") == old.removeprefix("www."):
        return True
    names = [re.sub(r"[^a-z0-9]", "", part.lower()) for part in asked.path.split("/")]
    return "~" not in asked.path and not any(len(name) > 2 and name in re.sub(r"[^a-z0-9]", "", host) for name in names)
