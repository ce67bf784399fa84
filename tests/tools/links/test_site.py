"""The offline checker of a built site, against single cases, an oracle on generated pages, and a large site."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pytest
from dlatlas.links.site import Report, SiteError, check
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.links.pages import broken, large

FILES = {
    "index.html": '<h1 id="top-head">x</h1><a name="old name"></a><meta name="no">',
    "a/index.html": '<p id="名字"></p><b id="x&amp;y"></b>',
    "a/b.html": "",
    "Case/index.html": "",
    "a b/资料.html": "",
    "empty/x.png": "",
    "i.svg": '<svg><symbol id="icon"></svg>',
    "from.html": '<meta http-equiv="refresh" content="0; url=a/">',
}


def site(folder: Path, page: str, name: str = "page.html") -> Path:
    for file, text in {**FILES, name: page}.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text, "utf-8")
    return folder


def found(folder: Path, page: str, name: str = "page.html", **options: object) -> list[tuple[str, str]]:
    report = check(site(folder, page, name), **options)  # type: ignore[arg-type]
    assert {problem.page for problem in report.problems} <= {name}
    return [(problem.reason, problem.url) for problem in report.problems]


@pytest.mark.parametrize(
    "page",
    [
        '<a href="a/">',
        '<a href="a">',
        "<a href=a/index.html>",
        "<A\nHREF = 'a/b.html' >",
        '<a href=" a/ ">',
        '<a href="a/\nb.html">',
        '<a href="">',
        '<a href="#">',
        '<a href="#Top">',
        '<a href="./a/./../a/">',
        '<a href="a/?x=1&y#%E5%90%8D%E5%AD%97">',
        '<a href="a/#名字">',
        '<a href="a/#x&amp;y">',
        '<a href="a/#x&y">',
        '<a href="index.html#old%20name">',
        '<a href="a/#:~:text=word">',
        '<a href="/a/b.html">',
        '<a href="a%20b/%E8%B5%84%E6%96%99.html">',
        '<a href="a b/资料.html">',
        '<a href="%2e/a/%2E%2e/a/">',
        '<a href="a/" href="no/">',
        '<a title=">" href="a/">',
        '<base href="a/"><a href="b.html">',
        '<a href="b.html"><base href="/a/"><base href="no/">',
        '<base href="https://other.example/"><a href="no"><img src="no">',
        '<a href="https://other.example/no"><a href="//other.example/no"><a href="mailto:x@y.z"><a href="tel:1">',
        '<img src="data:image/png;base64,AA=="><iframe src="about:blank"></iframe>',
        '<img srcset="empty/x.png 1x, empty/x.png?2 2x">',
        '<use href="i.svg#icon"><img src="i.svg#svgView(viewBox(0,0,1,1))">',
        '<a href="empty/x.png#page=3">',
        "<!-- <a href=no> --><!--><a href=a/><!-- <!-- <a href=no> --!>",
        "<script>document.write('<a href=\"no\">')</script><style>/* url(no) */ x{content:'url(no)'}</style>",
        '<textarea><a href="no"></textarea><title><a href="no"></title>',
        "<pre>&lt;a href=no></pre><?php <a href=no> ?>",
        '<p id="late"></p><a href="#late">',
        '<form action="a/"><button formaction="#"></form><area href="a/">',
        '<a href="no',
        "<p title=\"it breaks off here <a href='no'>",
        '<p id="a%20b"></p><p id="c d"></p><a href="#a%20b"><a href="#c%20d">',
        '<xmp><a href="no"></xmp><iframe><a href="no"></iframe><noembed><a href="no"></noembed><noframes><a href="no"></noframes>',
        '<p title="<a href=no>"></p title="<a href=no>">',
        '<meta http-equiv="refresh" content="0; url=\'from.html\'">',
        '<meta http-equiv="refresh" content="30">',
    ],
)
def test_what_works(tmp_path: Path, page: str) -> None:
    assert found(tmp_path, page) == []


@pytest.mark.parametrize(
    ("page", "reason", "url"),
    [
        ('<a href="no/">', "missing", "no/"),
        ('<a href="a/b">', "missing", "a/b"),
        ('<a href="a/b.html/">', "missing", "a/b.html/"),
        ('<a href="a//b.html">', "missing", "a//b.html"),
        ('<a href="a%2Fb.html">', "missing", "a%2Fb.html"),
        ('<a href="a%2fb.html">', "missing", "a%2fb.html"),
        ('<a href="a&#x2f;no">', "missing", "a/no"),
        ('<a href="a/&copyx">', "missing", "a/&copyx"),
        ('<a href="a/&copy=x">', "missing", "a/&copy=x"),
        ('<!-- x --!><a href="no">', "missing", "no"),
        ('<noscript><a href="no"></noscript>', "missing", "no"),
        ('<a href="no.png"><img src="no.png">', "missing", "no.png"),
        ('<a href="a/&copy;">', "missing", "a/©"),
        ('<a href="A/">', "case", "A/"),
        ('<a href="a/B.html">', "case", "a/B.html"),
        ('<a href="case">', "case", "case"),
        ('<a href="empty/">', "folder", "empty/"),
        ('<a href="empty">', "folder", "empty"),
        ('<a href="../page.html">', "outside", "../page.html"),
        ('<a href="a/%2e%2e/../a/">', "outside", "a/%2e%2e/../a/"),
        ('<a href="#no">', "anchor", "#no"),
        ('<a href="a/#top-head">', "anchor", "a/#top-head"),
        ('<a href="index.html#no">', "anchor", "index.html#no"),
        ('<a href="a/#x&amp;amp;y">', "anchor", "a/#x&amp;y"),
        ('<a href="from.html#名字">', "anchor", "from.html#名字"),
        ('<use xlink:href="i.svg#no">', "anchor", "i.svg#no"),
        ('<a href="javascript:void(0)">', "scheme", "javascript:void(0)"),
        ('<a href="java\nscript:x">', "scheme", "java\nscript:x"),
        ('<base href="empty/"><a href="b.html">', "missing", "b.html"),
        ('<base href="../"><a href="b.html">', "outside", "../"),
        ('<img srcset="i.svg 1x,no.png 2x">', "missing", "no.png"),
        ('<link rel="preload" imagesrcset="no.png">', "missing", "no.png"),
        ('<video poster="no.png">', "missing", "no.png"),
        ('<object data="no.pdf">', "missing", "no.pdf"),
        ('<p style="background: url(&quot;no.png&quot;)">', "missing", "no.png"),
        ("<style>@import 'no.css'; </style>", "missing", "no.css"),
        ("<style>x { background: URL( no.png ) }</style>", "missing", "no.png"),
        ('<script src="no.js"><a href="no"></script>', "missing", "no.js"),
        ('<meta http-equiv="Refresh" content="0;URL=no/">', "missing", "no/"),
        ('<meta http-equiv="refresh" content="0; url=page.html">', "circle", "page.html"),
    ],
)
def test_what_does_not_work(tmp_path: Path, page: str, reason: str, url: str) -> None:
    assert found(tmp_path, page) == [(reason, url)]


def test_redirects_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "one.html").write_text('<meta http-equiv="refresh" content="0; url=two.html">')
    (tmp_path / "two.html").write_text('<meta http-equiv="refresh" content="0; url=./one.html">')
    (tmp_path / "to.html").write_text('<meta http-equiv="refresh" content="0; url=one.html">')
    assert [str(problem) for problem in check(tmp_path).problems] == [
        "one.html: redirects in a circle: two.html",
        "two.html: redirects in a circle: ./one.html",
    ]


def test_style_sheets(tmp_path: Path) -> None:
    site(tmp_path, "")
    (tmp_path / "a" / "a.css").write_text("x{background:url(../empty/x.png)} y{background:url('no.png#x')} z{mask:url(#in-page)}")
    report = check(tmp_path)
    assert [str(problem) for problem in report.problems] == ["a/a.css: leads nowhere: no.png#x"]


def test_what_pages_load_from_elsewhere(tmp_path: Path) -> None:
    page = '<script src="//other.example/x.js"></script><a href="https://other.example/"><link rel="canonical" href="https://x.example/">'
    site(tmp_path, page)
    (tmp_path / "a.css").write_text("x{background:url(https://other.example/x.png)}")
    assert check(tmp_path).foreign == [("page.html", "//other.example/x.js"), ("a.css", "https://other.example/x.png")]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://own.example/project/a/", None),
        ("https://own.example/project", None),
        ("//own.example/project/a/b.html", None),
        ("/project/a/", None),
        ("https://own.example/project/no/", "missing"),
        ("https://own.example/project/a/#no", "anchor"),
        ("/a/", "outside"),
        ("https://own.example/a/", None),
    ],
)
@pytest.mark.parametrize("element", ['<a href="{}">', '<link rel="canonical" href="{}">', '<meta property="og:image" content="{}">'])
def test_the_address_of_the_site(tmp_path: Path, url: str, reason: str | None, element: str) -> None:
    for own in ("https://own.example/project/", "https://own.example/project"):
        assert found(tmp_path, element.format(url), url=own) == ([(reason, url)] if reason else [])


def test_site_maps_and_feeds(tmp_path: Path) -> None:
    own = "https://own.example/"
    feed = f'<urlset><url><loc>{own}a/</loc></url><url><loc>{own}no/?a&amp;b</loc></url></urlset><entry><link href="{own}gone/"/></entry>'
    assert found(tmp_path, feed, "sitemap.xml", url=own) == [("missing", f"{own}gone/"), ("missing", f"{own}no/?a&b")]
    assert check(tmp_path).problems == []


def test_absolute_addresses_may_be_refused(tmp_path: Path) -> None:
    page = '<a href="/a/"><a href="/no/">'
    assert found(tmp_path, page, absolute=False) == [("absolute", "/a/"), ("absolute", "/no/")]
    (tmp_path / "page.html").unlink()
    assert found(tmp_path, page, "404.html", absolute=False) == [("missing", "/no/")]


@pytest.mark.parametrize("url", ["ftp://x.example/", "x.example", "https://x.example/?a", "https://x.example/#a", "https:///"])
def test_bad_addresses_of_the_site(tmp_path: Path, url: str) -> None:
    with pytest.raises(SiteError, match="expected an http or https address"):
        check(site(tmp_path, ""), url=url)


def test_a_folder_that_is_no_site(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="no HTML page"):
        check(tmp_path)


def test_pages_of_any_bytes(tmp_path: Path) -> None:
    site(tmp_path, "")
    (tmp_path / "page.html").write_bytes(b"\xef\xbb\xbf\xff\xfe<a href=\xff><a href='a/'>\x00<a")
    assert [problem.reason for problem in check(tmp_path).problems] == ["missing"]


NAMES = ["index.html", "a/index.html", "a/b.html", "a/c/index.html", "A/d.html", "资料/index.html", "x y/e.html", "f/g.png"]
PARTS = [
    "a", "A", "b.html", "c", "资料", "%E8%B5%84%E6%96%99", "x%20y", "x y", "e.html", "f", "g.png", "index.html", "..", ".", "%2e%2E",
]  # fmt: skip
IDS = ["one", "二", "a&b", "A b"]
FRAGMENTS = ["", "#", "#one", "#%E4%BA%8C", "#二", "#a&amp;b", "#A%20b", "#ONE", "#TOP"]
ELEMENTS = [
    '<a href="{}">x</a>', "<a href='{}'>", '<A  title=">" HREF = "{}"\n>', '<img alt="" src="{}"/>', '<script src="{}"></script>',
    '<link rel="stylesheet" href="{}">', '<!-- <a href="{}"> -->', '<script>"<a href={}>"</script>', '<video poster="{}">',
    '<textarea><a href="{}"></textarea>', '<pre>&lt;a href="{}"></pre>', "<p title='<a href=\"{}\">'>", '<a href="{}" href="no">',
    '<a data-href="{}">', '<svg><a href="{}"/></svg>', "<style>/* {} */</style>", '<base href="{}">', '<i id="one"><a name="{}">',
    '<a id="二" href="{}">', '<h2 id="a&amp;b" title="{}">', "<?x {} ?>", "</a {}>",
]  # fmt: skip

paths = st.builds("{}{}".format, st.lists(st.sampled_from(PARTS), min_size=1, max_size=4).map("/".join), st.sampled_from(["", "", "/"]))
starts, queries = st.sampled_from(["", "", "", "/", "./", "//x/"]), st.sampled_from(["", "", "?q=1/.."])
urls = st.tuples(starts, st.one_of(st.just(""), paths), queries, st.sampled_from(FRAGMENTS)).map("".join)
pages = st.lists(st.builds(lambda element, url: element.format(url), st.sampled_from(ELEMENTS), urls), max_size=6).map("\n".join)


@given(st.dictionaries(st.sampled_from(NAMES[:-1]), pages, min_size=1))
@settings(max_examples=150, deadline=None)
def test_agrees_with_a_slow_oracle(texts: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {"f/g.png": "", **texts}.items():
            (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / name).write_text(text, "utf-8")
        assert {(problem.page, problem.url) for problem in check(Path(folder)).problems} == broken(Path(folder))


def test_a_site_of_hundred_pages(tmp_path: Path) -> None:
    total, wrong = large(tmp_path, pages=101, links=60, seed=1)
    report = check(tmp_path)
    assert (report.pages, report.links) == (101, total)
    assert len(wrong) > 100
    assert {(problem.page, problem.url) for problem in report.problems} == wrong


@pytest.mark.slow
def test_hundred_thousand_links_in_a_second(tmp_path: Path) -> None:
    total, wrong = large(tmp_path, pages=1201, links=80, seed=2)
    assert total == 100_800
    times: list[float] = []  # of the processor: other work on the machine does not count
    for _ in range(3):
        began = time.process_time()
        report: Report = check(tmp_path)
        times.append(time.process_time() - began)
    assert report.links == total
    assert {(problem.page, problem.url) for problem in report.problems} == wrong
    assert min(times) < 1.2
