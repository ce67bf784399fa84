"""One canonical key for each address and identifier of a work.

Two links that lead to the same thing get the same key; the lint refuses a key in two
entries, and the search finds an entry by any form of its address.

    https://arxiv.org/pdf/1412.6980v9.pdf   arxiv:1412.6980
    http://dx.doi.org/10.1038/NATURE14539   doi:10.1038/nature14539
    https://github.com//Owner/Repo.git      github:owner/repo
    http://www.example.org:80/a//b/?utm_id=1#top   example.org/a/b

A fragment names a place on a page and is dropped, except where it is the address itself:
``#/…`` and ``#!…`` routes, Zhihu's ``#answer-…`` and the hosts of ``HASH_ROUTED``.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

ARXIV_ID = re.compile(r"(?P<new>\d{4}\.\d{4,5})(?:v\d+)?|(?P<archive>[a-z]+(?:-[a-z]+)?)(?:\.[a-z]{2})?/(?P<number>\d{7})(?:v\d+)?", re.I)
"""An arXiv identifier: ``1412.6980``, ``cond-mat/9901212``, ``math.GT/0309136v1``."""

DOI = re.compile(r"10\.\d{4,9}(?:\.\d+)*/\S+")
ARXIV_HOST = re.compile(
    r"(?:[a-z]+\.)?arxiv\.org|xxx\.(?:lanl\.gov|itp\.ac\.cn|tau\.ac\.il)|ar5iv\.(?:labs\.arxiv\.)?org|arxiv-vanity\.com"
)
ARXIV_PATH = re.compile(r"/(?:abs|pdf|html|ps|format|e-print|src|papers)/(.+?)(?:\.pdf)?/?", re.I)
SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.I)
BARE_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}(?::\d+)?(?:[/?#]\S*)?", re.I)
ARCHIVED = re.compile(r"https?://web\.archive\.org/web/[^/]+/(.+)", re.I)

FORWARDERS = {"link.zhihu.com/": "target", "link.csdn.net/": "target", "link.jianshu.com/": "t", "www.google.com/url": "q"}
"""Addresses that only forward to the address in a parameter."""

FORWARD = re.compile(r"https?://(" + "|".join(map(re.escape, FORWARDERS)) + r")\?", re.I)

HASH_ROUTED = {"cocodataset.org"}
"""Single-page sites whose pages are fragments."""

TRACKING = re.compile(
    r"utm_.*|spm|ref|ref_src|ref_url|referrer|fbclid|gclid|yclid|msclkid|igshid|mc_cid|mc_eid|_ga|_gl|hm\w{2}|cmpid|ncid"
    r"|tdsourcetag|share_\w+|sharer_\w+|shared?_?from|isappinstalled|chksm|srcid|mpshare|jsessionid",
    re.I,
)
"""Query parameters that never choose the page."""

TRACKING_AT = {
    "mp.weixin.qq.com": {"scene", "from", "key", "ascene", "devicetype", "version", "pass_ticket", "lang", "token", "subscene"},
    "zhihu.com": {"from", "group_id", "edition", "source"},
    "medium.com": {"source", "sk", "gi"},
    "towardsdatascience.com": {"source", "sk", "gi"},
    "hackernoon.com": {"source", "sk", "gi"},
    "gitee.com": {"from"},
    "baijiahao.baidu.com": {"wfr", "for"},
    "jianshu.com": {"from", "timestamp"},
    "sohu.com": {"_f", "_trans_"},
    "mitpressjournals.org": {"journalcode"},
}
"""Parameters that do not choose the page on one host (www. dropped, subdomains included)."""

SAME_WORK = [
    (re.compile(r"(?:m\.)?youtube\.com/(?:embed|v|live|shorts)/([\w-]+).*|youtu\.be/([\w-]+).*"), "youtube:{}"),
    (re.compile(r"(?:m\.)?youtube\.com/watch\?(?:.*&)?v=([\w-]+).*"), "youtube:{}"),
    (re.compile(r"(?:m\.)?youtube\.com/playlist\?(?:.*&)?list=([\w-]+).*"), "youtube-list:{}"),
    (re.compile(r"openreview\.net/(?:forum|pdf|attachment)\?(?:.*&)?id=([\w-]+).*"), "openreview:{}"),
    (re.compile(r"citeseerx\.ist\.psu\.edu/viewdoc/\w+\?(?:.*&)?doi=([\d.]+).*"), "citeseerx:{}"),
    (re.compile(r"(docs\.google\.com/\w+/d/(?:e/)?[\w-]+).*"), "{}"),
    (re.compile(r"drive\.google\.com/(?:file/d/([\w-]+).*|open\?(?:.*&)?id=([\w-]+).*)"), "drive.google.com/{}"),
    (
        re.compile(
            r"(?:aclweb\.org/anthology|aclanthology\.org|aclanthology\.coli\.uni-saarland\.de/papers)/(?:[A-Z]/[A-Z]\d\d/)?([A-Z]\d\d-\d{4})(?:\.pdf|/.*)?"
        ),
        "acl:{}",
    ),
    (re.compile(r"(?:papers\.nips\.cc|proceedings\.neurips\.cc)/paper/(\d+-[\w-]+?)(?:\.pdf)?"), "nips:{}"),
    (re.compile(r"proceedings\.mlr\.press/(v\d+/[\w-]+?)(?:\.html|\.pdf|/[\w-]+\.pdf)"), "pmlr:{}"),
    (re.compile(r"openaccess\.thecvf\.com/(\w+)/(?:html|papers)/(.+?)\.(?:html|pdf)"), "cvf:{}"),
    (re.compile(r"(\w+)\.m\.(wikipedia\.org/.+)"), "{}"),
]
"""Addresses (as ``host/path?query``) of one work on one site, and their common key: ``{}`` takes the groups that matched."""


def canonical(text: str) -> str:
    """The canonical key of an address or identifier; other text comes back stripped."""
    return identify(text) or text.strip()


def identify(text: str) -> str | None:
    """The canonical key, or None where ``text`` is neither an address nor an identifier."""
    text = text.strip()
    prefix, _, rest = text.partition(":")
    match prefix.lower():
        case "arxiv":
            return _arxiv(rest.strip())
        case "doi":
            return _doi(rest.strip())
        case "github" if re.fullmatch(r"\s*[\w.-]+/[\w.-]+\s*", rest):
            return _github("/" + rest.strip())
        case "openreview" if re.fullmatch(r"\s*[\w-]+\s*", rest):
            return "openreview:" + rest.strip()
        case "isbn":
            return (number := isbn13(rest)) and "isbn:" + number
        case "git@github.com":
            return _github("/" + rest)
    if SCHEME.match(text):
        return _url(text)
    return (
        _arxiv(text)
        or _doi(text)
        or ((number := isbn13(text)) and "isbn:" + number)
        or (_url("http://" + text) if BARE_HOST.fullmatch(text) else None)
    )


def isbn13(text: str) -> str | None:
    """The 13 digits of a valid ISBN-10 or ISBN-13, hyphens and spaces allowed; None otherwise."""
    digits = re.sub(r"[\s-]", "", text).upper()
    if re.fullmatch(r"[0-9]{9}[0-9X]", digits):
        values = [10 if d == "X" else int(d) for d in digits]
        if sum(v * w for v, w in zip(values, range(10, 0, -1), strict=True)) % 11:
            return None
        stem = "978" + digits[:9]
        return stem + str(-_isbn_sum(stem) % 10)
    if re.fullmatch(r"97[89][0-9]{10}", digits) and _isbn_sum(digits) % 10 == 0:
        return digits
    return None


def _isbn_sum(digits: str) -> int:
    return sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(digits))


def _arxiv(text: str) -> str | None:
    if (m := ARXIV_ID.fullmatch(text)) is None:
        return None
    return "arxiv:" + (m["new"] or f"{m['archive']}/{m['number']}".lower())


def _doi(text: str) -> str | None:
    text = text.split("#")[0].rstrip("/.,;")
    if DOI.fullmatch(text) is None:
        return None
    key = text.lower()
    return (key.startswith("10.48550/arxiv.") and _arxiv(key.removeprefix("10.48550/arxiv."))) or "doi:" + key


def _github(path: str) -> str:
    parts = [part for part in path.split("/") if part]
    root = [part.lower() for part in parts[:2]]
    if len(root) == 2:
        root[1] = root[1].removesuffix(".git")
    below = parts[2:]
    if below in (["tree", "master"], ["tree", "main"], ["blob", "master", "README.md"], ["blob", "main", "README.md"]):
        below = []
    return "github:" + "/".join(root + below)


def _url(text: str) -> str | None:
    text = _unwrapped(text)
    try:
        url = urlsplit(re.sub(r"[\t\r\n]", "", text))
        host, port = _host(url.hostname or ""), url.port
    except ValueError:
        return text
    scheme = url.scheme.lower().removeprefix("git+")
    if scheme not in ("http", "https", "ftp", "git", "ssh") or not host:
        return text
    return _identifier(host, url) or _plain(scheme, host, port, url)


def _unwrapped(text: str) -> str:
    """The address that an archive copy or a forwarding link (of at most five in a row) leads to."""
    for _ in range(5):
        if m := ARCHIVED.fullmatch(text):
            text = m[1] if SCHEME.match(m[1]) else "http://" + m[1]
        elif (m := FORWARD.match(text)) and SCHEME.match(target := dict(parse_qsl(urlsplit(text).query)).get(FORWARDERS[m[1].lower()], "")):
            text = target
        else:
            break
    return text


def _host(host: str) -> str:
    host = host.rstrip(".").lower().removeprefix("www.")
    try:
        return host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        return host


def _identifier(host: str, url: SplitResult) -> str | None:
    """The key of an address that belongs to a system of identifiers."""
    path = unquote(url.path)
    if ARXIV_HOST.fullmatch(host) and (m := ARXIV_PATH.fullmatch(re.sub("/{2,}", "/", path))):
        return _arxiv(m[1])
    if host in ("doi.org", "dx.doi.org"):
        return _doi(path.lstrip("/"))
    if m := re.fullmatch(r"/doi/(?:\w+/)?(10\.\d{4,9}/[^?#]+)", path):
        return _doi(m[1])
    if host == "link.springer.com" and (m := re.fullmatch(r"/(?:article|chapter|book)/(10\.\d{4,9}/[^?#]+)", path)):
        return _doi(m[1])
    if host == "github.com" and path.strip("/"):
        return _github(_escape(url.path))
    if host == "raw.githubusercontent.com" and len(parts := [p for p in _escape(url.path).split("/") if p]) > 3:
        return _github("/".join(["", *parts[:2], "blob", *parts[2:]]))
    return None


def _plain(scheme: str, host: str, port: int | None, url: SplitResult) -> str:
    path = re.sub(r";jsessionid=[^/]*", "", _escape(url.path), flags=re.I)
    path = _resolve(path).removesuffix("index.html").removesuffix("index.htm").rstrip("/")
    dropped = next((names for site, names in TRACKING_AT.items() if host == site or host.endswith("." + site)), set())
    query = "&".join(
        sorted(
            f"{_quote(name)}={_quote(value)}" if value else _quote(name)
            for name, value in parse_qsl(url.query, keep_blank_values=True)
            if not TRACKING.fullmatch(name) and name.lower() not in dropped
        )
    )
    if host.endswith("wikipedia.org"):
        path = re.sub(r"^/zh-\w+/", "/wiki/", path.replace("%20", "_"))
    key = host + (f":{port}" if port not in (None, 80, 443) else "") + path + ("?" + query if query else "")
    for pattern, template in SAME_WORK:
        if m := pattern.fullmatch(key):
            joint = "." if "wikipedia" in key else "/"
            return template.format(joint.join(group for group in m.groups() if group))
    return ("ftp://" if scheme == "ftp" else "") + key + _fragment(host, url.fragment)


def _fragment(host: str, fragment: str) -> str:
    route = fragment.startswith(("/", "!")) and len(fragment) > 1
    answer = host == "zhihu.com" and fragment.startswith("answer-")
    page = host in HASH_ROUTED and fragment not in ("", "home")
    return "#" + _escape(fragment) if route or answer or page else ""


def _escape(text: str) -> str:
    """Percent-encoding in one form: what need not be encoded is not, all else is in capitals."""

    def decode(m: re.Match[str]) -> str:
        character = chr(int(m[1], 16))
        return character if character.isascii() and (character.isalnum() or character in "-._~!'()*,:@") else m[0].upper()

    text = re.sub(r"%([0-9a-fA-F]{2})", decode, text)
    return quote(re.sub(r"%(?![0-9A-F]{2})", "%25", text), safe="%/-._~!'()*,:@;&=+$?", errors="replace")


def _quote(text: str) -> str:
    """Percent-encoding of a decoded name or value of a query."""
    return quote(text, safe="-._~!'()*,:@/", errors="replace")


def _resolve(path: str) -> str:
    """The path without doubled slashes and dot segments."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts) + ("/" if path.endswith("/") else "")
