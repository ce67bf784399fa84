"""What a chain of hops says about a link."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from dlatlas.catalog.keys import canonical
from dlatlas.links.fetch import Hop
from dlatlas.links.result import Result

BLOCKED = {
    401: "login",
    402: "payment",
    403: "forbidden",
    407: "proxy",
    412: "robot-check",
    418: "robot-check",
    429: "rate-limit",
    451: "legal",
    999: "robot-check",
}

UNREACHABLE = {"dns", "refused", "reset", "timeout", "protocol"}

LOGIN = re.compile(r"/(?:sign_?in|log_?in|signup|account/unhuman|passport|authwall|captcha|verify)\b", re.I)

NOT_FOUND = re.compile(
    r"\b404\b"
    r"|page (?:not|can(?:no|')t be|could not be|was not) found"
    r"|(?:page|file|site|article|blog|content|video) (?:is )?(?:no longer (?:available|exists)|does(?: not|n't) exist|not found)"
    r"|nothing (?:was )?found"
    r"|找不到(?:该|此|您)?(?:要访问的)?(?:页面|网页|文件)|(?:页面|网页)未找到"
    r"|(?:页面|网页|文章|内容|文件|问题|博客|视频)(?:已|已经|已被)?(?:不存在|删除|下架|失效)"
    r"|找不到(?:頁面|網頁|檔案)|(?:頁面|網頁|檔案|文章|內容)(?:已|已經|已被)?(?:不存在|刪除)"
    r"|内容已被发布者删除|你似乎来到了没有知识存在的荒原",
    re.I,
)

ROBOT = re.compile(
    r"just a moment|attention required|are you (?:a )?(?:human|robot)|access denied|captcha|安全验证|访问验证|人机验证|验证码", re.I
)

HOME = re.compile(r"/(?:index\.\w+|home|en|zh|zh-cn|404(?:\.\w+)?|notfound|not-found|error)?/?", re.I)


def judge(url: str, hops: Sequence[Hop]) -> Result:
    """The verdict on ``url`` from its hops in order; the last one is no redirect, or one too many."""
    last = hops[-1]
    chain = tuple((hop.url, hop.status) for hop in hops[:-1] if hop.status is not None)
    verdict, reason = _judge(url, hops, last)
    return Result(url, verdict, reason, last.status, last.url if len(hops) > 1 else None, chain)


def _judge(url: str, hops: Sequence[Hop], last: Hop) -> tuple[str, str]:
    if last.error is not None:
        return _error(last.error)
    status = last.status or 0
    if last.location is not None:
        return "unreachable", "redirect-loop"
    if last.challenge or (status in (403, 429, 503) and ROBOT.search(title(last.text))):
        return "blocked", "robot-check"
    if status in (404, 410):
        return "gone", f"http-{status}"
    if status in BLOCKED:
        return "blocked", BLOCKED[status]
    if status >= 500:
        return "unreachable", f"http-{status}"
    if not 200 <= status < 300:
        return "unknown", f"http-{status}"
    return _answered(url, hops, last)


def _error(error: str) -> tuple[str, str]:
    if error.startswith("tls"):
        return "broken-tls", error
    return ("unreachable", error) if error in UNREACHABLE else ("unknown", error)


def _answered(url: str, hops: Sequence[Hop], last: Hop) -> tuple[str, str]:
    if LOGIN.search(urlsplit(last.url).path) and not LOGIN.search(urlsplit(url).path):
        return "blocked", "login"
    if ROBOT.search(title(last.text)):
        return "blocked", "robot-check"
    if soft_404(url, last):
        return "gone", "soft-404"
    if len(hops) == 1:
        return "ok", "http-" + str(last.status)
    if canonical(url) == canonical(last.url):
        return "ok", "same-page"
    permanent = all(hop.status in (301, 308) for hop in hops[:-1])
    return ("moved", "permanent-redirect") if permanent else ("ok", "temporary-redirect")


def soft_404(url: str, last: Hop) -> bool:
    """Whether a page that answers 200 only says that there is none: by its title, a short body, or a redirect to the site's home."""
    asked, came = urlsplit(url), urlsplit(last.url)
    if (
        not HOME.fullmatch(asked.path or "/")
        and (asked.path, asked.query) != (came.path, came.query)
        and HOME.fullmatch(came.path or "/")
        and not came.query
    ):
        return True
    if NOT_FOUND.search(title(last.text)):
        return True
    words = re.sub(r"(?s)<(script|style)\b.*?</\1>|<[^>]*>", " ", last.text)
    return len(" ".join(words.split())) < 400 and bool(NOT_FOUND.search(html.unescape(words)))


def title(text: str) -> str:
    """The title of a page, or nothing."""
    found = re.search(r"<title[^>]*>(.{0,300}?)</title>", text, re.I | re.S)
    return html.unescape(" ".join(found[1].split())) if found else ""
