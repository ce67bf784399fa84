"""What the checker says about pages of each kind, and why."""

from __future__ import annotations

import datetime
import socket
import ssl
import tempfile

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from dlatlas.links.fetch import Answer, error_word
from dlatlas.links.options import Options
from dlatlas.links.phrases import is_bot_wall, is_parked, says_not_found
from dlatlas.links.verdict import judge

from tests.tools.links.conftest import Site, one, serve_tls, start_tls, verdicts

LONG = "<p>" + "words and more words about networks " * 60


@pytest.mark.parametrize(
    ("path", "verdict", "reason"),
    [
        ("ok", "ok", "http-200"),
        ("missing", "gone", "http-404"),
        ("removed", "gone", "http-410"),
        ("forbidden", "blocked", "forbidden"),
        ("linkedin", "blocked", "robot-check"),
        ("challenge", "blocked", "robot-check"),
        ("broken", "unreachable", "http-500"),
        ("flaky", "ok", "http-200"),
        ("moved", "moved", "permanent-redirect"),
        ("twice", "moved", "permanent-redirect"),
        ("found", "ok", "temporary-redirect"),
        ("slash", "ok", "same-page"),
        ("loop", "unreachable", "redirect-loop"),
        ("endless", "unreachable", "too-many-redirects"),
        ("to-file", "unknown", "redirect-scheme"),
        ("to-home", "gone", "soft-404-home"),
        ("to-login", "blocked", "login"),
        ("to-other", "unreachable", "refused"),
        ("with-user", "ok", "temporary-redirect"),
        ("soft", "gone", "soft-404"),
        ("soft-zh", "gone", "soft-404"),
        ("about-404", "ok", "http-200"),
        ("reset", "unreachable", "reset"),
        ("garbage", "unreachable", "protocol"),
    ],
)
def test_verdicts(site: Site, path: str, verdict: str, reason: str) -> None:
    result = one(site(path))
    assert (result.verdict, result.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [*((status, "blocked") for status in (401, 402, 451)), *((status, "unreachable") for status in (500, 503, 522)), (400, "unknown")],
)
def test_statuses(site: Site, status: int, verdict: str) -> None:
    site.routes["/status"] = (status, "x", {})
    result = one(site("status"))
    assert (result.verdict, result.status) == (verdict, status)


def test_the_chain_is_kept(site: Site) -> None:
    result = one(site("twice"))
    assert result.chain == ((site("twice"), 308), (site("moved"), 301))
    assert (result.final_url, result.status, result.temporary) == (site("ok"), 200, False)
    assert one(site("found")).temporary


def test_moved_only_when_every_hop_is_permanent() -> None:
    def answers(*statuses: int) -> list[Answer]:
        return [
            *(Answer(f"https://example.org/a/{i}", status, {"location": "x"}) for i, status in enumerate(statuses)),
            Answer("https://example.org/a/end", 200, text=LONG),
        ]

    assert judge("https://example.org/a/0", answers(301, 308)).verdict == "moved"
    assert judge("https://example.org/a/0", answers(301, 302)).verdict == "ok"
    plain = [Answer("http://example.org/a/end", 301, {"location": "x"}), answers()[0]]
    assert judge("http://example.org/a/end", plain).reason == "same-page"


@pytest.mark.parametrize(
    ("asked", "came", "reason"),
    [
        ("https://a.org/blog/post", "https://a.org/", "soft-404-home"),
        ("https://a.org/blog/post", "https://www.a.org/index.html", "soft-404-home"),
        ("https://a.org/?p=12", "https://a.org/", "soft-404-home"),
        ("https://a.org/blog/post", "https://a.org/en/", "soft-404-home"),
        ("https://a.org/blog/post", "https://other.com/", "soft-404-home"),
        ("https://a.org/blog/post", "https://a.org/404.html", "soft-404"),
        ("https://a.org/blog/post", "https://a.org/errors/404", "soft-404"),
        ("https://a.org/blog/post", "https://www.hugedomains.com/domain_profile.cfm?d=a.org", "parked"),
        ("https://a.org/blog/post", "https://a.org/blog/", None),
        ("https://a.org/old/404", "https://a.org/notes/404", None),
        ("https://a.org/", "https://a.org/en/", None),
        ("https://a.org/index.html", "https://a.org/", None),
        ("https://a.edu/~someone", "https://someone.net/", None),
        ("https://research.org/fasttext", "https://fasttext.cc/", None),
        ("https://web.a.edu/class/cs224n", "https://cs224n.a.edu/", None),
        ("https://a.org/blog/post", "https://a.org/?id=7", None),
    ],
)
def test_redirects_to_a_home_page(asked: str, came: str, reason: str | None) -> None:
    result = judge(asked, [Answer(asked, 302, {"location": came}), Answer(came, 200, text=LONG)])
    assert (result.verdict, result.reason) == (("gone", reason) if reason else (result.verdict, result.reason))
    assert result.verdict in (("gone",) if reason else ("ok", "moved"))


def test_a_wall_that_leads_home_is_no_lost_page() -> None:
    asked = "https://www.zhihu.com/question/1/answer/2"
    result = judge(asked, [Answer(asked, 302, {"location": "/"}), Answer("https://www.zhihu.com/", 200, text=LONG)])
    assert (result.verdict, result.reason) == ("blocked", "robot-check")


@pytest.mark.parametrize(
    "page",
    [
        "<title>404</title>" + LONG,
        "<title>Page not found · Some Site</title>" + LONG,
        "<title>404 Not Found</title>nginx",
        "<title>Error 404 (Not Found)!!1</title>" + LONG,
        "<title>Oops! | 404</title>" + LONG,
        "<title>Not Found</title>" + LONG,
        "<title>页面不存在</title>" + LONG,
        "<title>404 - 找不到页面</title>" + LONG,
        "<body>Sorry, the page you are looking for does not exist.",
        "<body>The page you requested could not be found.",
        "<body>This page isn’t available. The link may be broken.",
        "<body>Sorry, we can't find that page!",
        "<body>The requested URL was not found on this server.",
        "<body>This article has been removed by its author.",
        "<body>The file you have requested does not exist.",
        "<p>抱歉，您访问的页面不存在或已被删除",
        "<p>该内容已被发布者删除",
        "<p>此内容因违规无法查看",
        "<p>你似乎来到了没有知识存在的荒原",
        "<p>啊哦，你来晚了，分享的文件已经被删除了",
        "<p>很抱歉，找不到您要访问的页面",
        "<p>對不起，您要找的網頁不存在",
        "<p>文章已被作者删除",
        "<script>var long = '" + "x" * 3000 + "'</script><p>Page not found",
    ],
)
def test_pages_that_say_they_are_not_there(page: str) -> None:
    assert says_not_found(page)


@pytest.mark.parametrize(
    "page",
    [
        "",
        "<title>A gentle introduction to attention</title>" + LONG,
        "<title>HTTP status codes explained</title><p>The status 404 says that the page was not found." + LONG,
        "<title>Issue 404 in the tracker: gradients explode</title>" + LONG,
        "<title>Lecture 404: recurrent networks</title>" + LONG,
        "<title>What the network has not found</title>" + LONG,
        "<title>Needle not found in haystack: a study</title>" + LONG,
        "<title>Deep learning</title><p>Loading…",
        "<title>梯度消失的问题</title><p>这篇文章讨论梯度消失。" + LONG,
        "<title>寻找不存在的样本</title>" + LONG,
        "<title>Machine unlearning: removed data</title><p>Short note.",
    ],
)
def test_pages_that_are_there(page: str) -> None:
    assert not says_not_found(page) and not is_parked(page)


@pytest.mark.parametrize(
    "page",
    [
        "<title>example.org</title><p>This domain is for sale. Buy this domain.",
        "<title>example.org is parked free, courtesy of a registrar</title>",
        "<p>The domain example.org may be for sale. Click here to inquire.",
        "<p>该域名正在出售，请联系我们",
        "<script src='https://www.sedoparking.com/frmpark/x'></script>",
        "<script>window.park = 'eyJ1'</script>",
    ],
)
def test_parked_domains(page: str) -> None:
    assert is_parked(page)
    result = judge("https://a.org/x", [Answer("https://a.org/x", 200, text=page)])
    assert (result.verdict, result.reason) == ("gone", "parked")


@pytest.mark.parametrize(
    ("status", "headers", "page"),
    [
        (403, {"cf-mitigated": "challenge"}, ""),
        (200, {"x-amzn-waf-action": "challenge"}, ""),
        (503, {}, "<title>Just a moment...</title>"),
        (200, {}, "<title>Just a moment...</title><p>Checking"),
        (200, {}, "<title>安全验证</title>"),
        (200, {}, "<title>微信</title><p>当前环境异常，完成验证后即可继续访问"),
        (200, {}, "<title>Making sure you're not a bot!</title>"),
        (403, {"x-datadome": "protected"}, ""),
        (200, {}, "<p>Please enable JavaScript and cookies to continue"),
    ],
)
def test_bot_walls_are_never_dead(status: int, headers: dict[str, str], page: str) -> None:
    assert is_bot_wall(status, headers, page)
    result = judge("https://a.org/x", [Answer("https://a.org/x", status, headers, page)])
    assert (result.verdict, result.reason) == ("blocked", "robot-check")


@pytest.mark.parametrize(
    "page", ["<title>How captcha works</title>" + LONG * 2, "<title>Networks</title>" + LONG + "<script src=/cdn-cgi/challenge-platform/x>"]
)
def test_pages_about_walls_are_pages(page: str) -> None:
    assert not is_bot_wall(200, {}, page)


def test_encodings(site: Site) -> None:
    page = "<title>页面不存在</title>" + LONG
    site.routes["/header"] = (200, page.encode("gb2312"), {"Content_Type": "text/html; charset=gb2312"})
    site.routes["/meta"] = (200, ('<meta charset="gbk">' + page).encode("gbk"), {"Content_Type": "text/html"})
    site.routes["/unknown"] = (200, page.encode(), {"Content_Type": "text/html; charset=nonsense"})
    assert {result.reason for result in verdicts(*map(site, ("header", "meta", "unknown"))).values()} == {"soft-404"}


@pytest.mark.parametrize(
    ("url", "verdict", "reason"),
    [
        ("http://t.cn/RE4SKgt", "opaque", "short-link"),
        ("https://t.co/abc", "opaque", "short-link"),
        ("ftp://ftp.example.org/a", "unknown", "scheme-ftp"),
        ("javascript:alert(1)", "unknown", "scheme-javascript"),
        ("http://[::1", "unknown", "bad-address"),
        ("nothing", "unknown", "scheme-none"),
    ],
)
def test_what_is_not_asked(url: str, verdict: str, reason: str) -> None:
    result = one(url)
    assert (result.verdict, result.reason) == (verdict, reason)


def test_certificates_that_do_not_hold(authority: trustme.CA, trusting: ssl.SSLContext, site: Site) -> None:
    """Each fault is named; the fine one shows that they are told apart."""

    def served(certificate: trustme.LeafCert) -> Site:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        made.append(serve_tls(Site(), context))
        return made[-1]

    made: list[Site] = [start_tls(authority, "127.0.0.1")]
    try:
        expired = served(authority.issue_cert("127.0.0.1", not_after=datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)))
        other = served(authority.issue_cert("example.org"))
        stranger = served(trustme.CA().issue_cert("127.0.0.1"))
        options = Options(timeout=3, allow_private=True, context=trusting)
        urls = [server("ok") for server in (made[0], expired, other, stranger)] + [site("ok").replace("http:", "https:")]
        found = verdicts(*urls, options=options)
        assert [(found[url].verdict, found[url].reason) for url in urls] == [
            ("ok", "http-200"),
            ("broken-tls", "tls-expired"),
            ("broken-tls", "tls-wrong-host"),
            ("broken-tls", "tls-untrusted"),
            ("broken-tls", "tls-protocol"),
        ]
    finally:
        for server in made:
            server.finish()


def test_a_certificate_signed_by_itself(trusting: ssl.SSLContext) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
    made = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file.write(secret + made.public_bytes(serialization.Encoding.PEM))
        file.flush()
        context.load_cert_chain(file.name)
    server = serve_tls(Site(), context)
    try:
        result = one(server("ok"), Options(timeout=3, allow_private=True, context=trusting))
        assert (result.verdict, result.reason) == ("broken-tls", "tls-self-signed")
    finally:
        server.finish()


def test_names_that_do_not_exist() -> None:
    assert error_word(socket.gaierror(socket.EAI_NONAME, "no")) == "host-not-found"
    assert error_word(socket.gaierror(socket.EAI_AGAIN, "later")) == "dns-failure"


def fake_names(monkeypatch: pytest.MonkeyPatch, *known: str) -> None:
    """A resolver that knows these names, at 127.0.0.1, and no others."""

    def lookup(host: str, *_: object, **__: object) -> object:
        if host in known:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


def test_a_host_without_a_name(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_names(monkeypatch, "here.test")
    urls = [f"http://here.test:{site.server_port}/ok", *(f"http://gone{i}.test/" for i in range(5))]
    found = verdicts(*urls)
    assert found[urls[0]].verdict == "ok"
    assert {(found[url].verdict, found[url].reason) for url in urls[1:]} == {("unreachable", "host-not-found")}


def test_where_no_name_is_found_we_are_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing is said against the hosts, so that a weekend without network kills no link."""
    fake_names(monkeypatch)
    assert {result.reason for result in verdicts(*(f"http://gone{i}.test/" for i in range(5))).values()} == {"dns-failure"}
    assert one("http://gone.test/").reason == "host-not-found"


def test_times(site: Site) -> None:
    result = one(site("slow-body"), Options(timeout=0.5, allow_private=True))
    assert 0.4 < result.elapsed < 3 and abs(result.checked_at - datetime.datetime.now().timestamp()) < 5


def test_fragments_do_not_cost_requests(site: Site) -> None:
    found = verdicts(site("ok#a"), site("ok#b"), site("ok"))
    assert [result.verdict for result in found.values()] == ["ok"] * 3
    assert site.hits == {"GET /ok": 1}
