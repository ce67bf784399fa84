"""Words by which a page says that it is not there, that its domain is for sale, or that it will not talk to robots."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from functools import lru_cache

_THING = r"(?:page|file|site|article|post|blog|content|video|document|resource|url|paste|gist|dataset|question)"

NOT_FOUND = re.compile(
    rf"{_THING}s? (?:you (?:are|were) (?:looking for|trying to \w+)|you(?:'ve| have)? requested|requested)?[^.!?<]{{0,40}}?"
    r"(?:(?:is |are )?no longer (?:available|exists?|here)"
    r"|does(?: not|n['’]t) exist|(?:was|is|were|has been|have been)(?: not|n['’]t)? (?:found|removed|deleted|taken down|unpublished)"
    r"|can(?:not|['’]t| not) be found|could(?: not|n['’]t) be found|not found|is(?: not|n['’]t) (?:available|here))"
    r"|(?:can(?:not|['’]t)|could(?: not|n['’]t)) find (?:the|that|this|your) (?:page|file|site|article|content)"
    r"|nothing (?:was |to be )?found(?: here)?|there(?:'s| is) nothing here|404 (?:error|not found)|error 404|not found \(?404"
    r"|找不到(?:该|此|您|你|这个)?(?:要|所)?(?:访问|请求|浏览)?的?(?:页面|网页|文件|内容|文章)|(?:页面|网页|内容)(?:未找到|没找到|找不到了|走丢了|丢失了)"
    r"|(?:页面|网页|文章|内容|文件|问题|回答|博客|视频|帖子|主题|链接|资源)(?:可能)?(?:已经|已被|已|被)?(?:作者|发布者|用户|管理员)?(?:不存在|删除|下架|失效|过期)"
    r"|找不到(?:頁面|網頁|檔案|您)|(?:頁面|網頁|檔案|文章|內容|連結)(?:可能)?(?:已經|已被|已|被)?(?:不存在|刪除|失效)"
    r"|内容已被发布者删除|此内容因违规无法查看|你似乎来到了没有知识存在的荒原|视频不见了|来晚了，?分享的文件已经被",
    re.I,
)
"""For the visible words of a short page."""

NOT_FOUND_TITLE = re.compile(
    r"^\W*(?:http )?(?:error\W*)?404\W*$|^\W*(?:http )?(?:error\W*)?404\b.{0,20}(?:not found|error|missing|找不到|不存在)"
    r"|(?:not found|error|oops|找不到|不存在|出错).{0,12}\b404\b|^404\s*[|:·–—-]|[|:–—-]\s*404\W*$|^404页面|^404 "
    rf"|^\W*(?:oops\W*)?{_THING} (?:could |can)?(?:not |n['’]t )?(?:be )?(?:not )?found\b"
    r"|\b(?:page|file) not found\b|^\W*not found\W*$|^\W*not found\s*[|:·–—-]"
    r"|^(?:page|site|content|blog)(?: is)? (?:no longer|not) available\b"
    r"|(?:页面|网页|内容|文章|问题|博客|视频)(?:已经|已被|已)?(?:不存在|被删除|删除|未找到|没有找到|找不到|丢失)"
    r"|找不到(?:该|此|您)?(?:的)?(?:页面|网页)|页面出错"
    r"|(?:頁面|網頁)(?:不存在|找不到)|找不到(?:頁面|網頁)",
    re.I,
)

PARKED = re.compile(
    r"(?:this|the) (?:web ?site|domain)(?: name)?(?: \S{1,80})? (?:is|may be|might be|could be) (?:available )?(?:for sale|parked)"
    r"|(?:buy|purchase|acquire) this (?:premium )?domain|domain(?: name)? (?:is )?for sale|parked (?:free|domain)|domain parking"
    r"|inquire about this domain"
    r"|this domain has (?:expired|recently been registered)|(?:renew|the registration of) (?:this|your) domain"
    r"|(?:此|该|本|这个)域名(?:正在|可|已)?(?:出售|转让|过期|到期|停放)|域名(?:正在)?(?:出售|转让)|购买(?:此|该|本)域名",
    re.I,
)

PARKED_HINTS = (
    *("domain", "park", "for sale", "域名", "lander"),
    *("sedo", "bodis", "afternic", "skenzo", "voodoo", "above.", "dan.", "undeveloped"),
)
"""One of these is in whatever the patterns for parked pages find; most pages have none, and need not be searched."""

PARKING_SCRIPT = re.compile(
    r"(?:sedoparking|parkingcrew|bodis|parklogic|above|voodoo|hugedomains|dan|afternic|skenzo|domainmarket|undeveloped)\.(?:com|net)/"
    r"|window\.park\s*=|/lander\b.{0,40}(?:LANDER_SYSTEM|lander)|cdn\.sedo",
    re.I,
)
"""What the pages of parking services load."""

PARKING_HOST = re.compile(
    r"(?:^|\.)(?:hugedomains\.com|sedo\.com|sedoparking\.com|dan\.com|afternic\.com|parkingcrew\.net|bodis\.com|parklogic\.com|undeveloped\.com"
    r"|domainmarket\.com|buydomains\.com|namebright\.com|expireddomains\.com|4\.cn|godaddy\.com)$"
)

ROBOT_TITLE = re.compile(
    r"just a moment|attention required|are you (?:a )?(?:human|robot)|access denied|(?:re)?captcha|security check|verify(?:ing)? you are"
    r"|human verification|robot check|bot verification|pardon our interruption|request unsuccessful|ddos-guard"
    r"|making sure you.{1,3}re not a bot|one moment, please"
    r"|安全验证|访问验证|人机验证|验证码|百度安全|环境异常|安全检测|反爬|知乎安全",
    re.I,
)

ROBOT_PAGE = re.compile(
    r"/cdn-cgi/challenge-platform/|cf-browser-verification|_Incapsula_Resource|px-captcha|captcha-delivery\.com|/_sec/cp_challenge|awsWafCookieDomainList"
    r"|/antibot|geetest|当前环境异常|完成验证后即可继续访问|请完成(?:安全)?验证|请拖动滑块|/account/unhuman|(?:您的|你的)?(?:访问|请求)(?:过于频繁|存在异常)"
    r"|unusual traffic from your"
    r"|enable javascript and cookies to continue|checking (?:if the site connection is secure|your browser before)",
    re.I,
)
"""What the bodies of bot walls hold; looked for on short pages and in refusals only, since real pages load such scripts too."""

ROBOT_HEADERS = ("cf-mitigated", "x-datadome", "x-amzn-waf-action", "x-sucuri-block", "x-px-block")
"""Headers that only refusals carry."""

SHORT = 400
"""Visible characters up to which a page counts as one that says one thing only."""


def title(text: str) -> str:
    """The title of a page, or nothing."""
    found = re.search(r"<title[^>]*>(.{0,300}?)</title", text, re.I | re.S)
    return html.unescape(" ".join(found[1].split())) if found else ""


@lru_cache(maxsize=64)
def words(text: str) -> str:
    """The visible words of a page, as far as a glance tells."""
    bare = re.sub(r"(?s)<!--.*?(?:-->|\Z)|<(script|style|title|noscript|svg)\b.*?(?:</\1\s*>|\Z)|<[^>]*(?:>|\Z)", " ", text)
    return " ".join(html.unescape(bare).split())


def says_not_found(text: str) -> bool:
    """Whether a page that was sent as if all were well only says that there is none."""
    if NOT_FOUND_TITLE.search(title(text)):
        return True
    visible = words(text)
    return len(visible) < SHORT and bool(NOT_FOUND.search(visible))


def is_parked(text: str) -> bool:
    """Whether a page is a notice that its domain is for sale."""
    visible = words(text)
    if len(visible) >= 4 * SHORT or not any(hint in text.lower() for hint in PARKED_HINTS):
        return False
    return bool(PARKED.search(title(text) + " " + visible[: 2 * SHORT]) or PARKING_SCRIPT.search(text))


def is_bot_wall(status: int, headers: Mapping[str, str], text: str) -> bool:
    """Whether an answer is a test for robots, or a refusal of them, rather than the page."""
    if any(name in headers for name in ROBOT_HEADERS):
        return status != 200 or headers.get("x-amzn-waf-action") == "challenge" or "cf-mitigated" in headers
    if ROBOT_TITLE.search(title(text)):
        return status != 200 or len(words(text)) < 4 * SHORT
    return (status in (403, 429, 503) or len(words(text)) < SHORT) and bool(ROBOT_PAGE.search(text))
