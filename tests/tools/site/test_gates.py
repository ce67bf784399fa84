from pathlib import Path

import pytest
from dlatlas.site.gates import check

PAGE = '<!doctype html><html><head><link rel="stylesheet" href="a.css"></head><body><h1 id="top">x</h1>{}</body></html>'


def site(folder: Path, body: str) -> Path:
    (folder / "b").mkdir()
    (folder / "index.html").write_text(PAGE.format(body), "utf-8")
    (folder / "b" / "index.html").write_text('<h1 id="名">x</h1><a href="../">up</a>', "utf-8")
    (folder / "a.css").write_text("@font-face { src: url(a.css) }", "utf-8")
    return folder


@pytest.mark.parametrize(
    "body",
    [
        '<a href="b/">',
        '<a href="#top">',
        '<a href="b/#%E5%90%8D">',
        '<a href="b/index.html?x=1">',
        '<a href="https://other.example/">',
        '<a href="mailto:a@b.c">',
        "<code>&lt;a href=x&gt;</code>",
        "<script>'<a href=\"no\">'</script>",
        '<link rel="canonical" href="b/">',
    ],
)
def test_good_links_pass(tmp_path: Path, body: str) -> None:
    assert check(site(tmp_path, body)) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="c/">', "leads nowhere: c/"),
        ('<a href="../x/">', "leads nowhere, out of the site: ../x/"),
        ('<a href="#no">', "anchor that does not exist: #no"),
        ('<a href="b/#no">', "anchor that does not exist: b/#no"),
        ('<a href="/b/">', "absolute address"),
        ('<a href="javascript:x">', "may not reach a page: javascript:x"),
        ('<img src="no.png">', "leads nowhere: no.png"),
        ('<img src="https://other.example/x.png">', "foreign host: https://other.example/x.png"),
        ('<script src="//other.example/x.js"></script>', "foreign host: //other.example/x.js"),
        ('<link rel="preconnect" href="https://other.example">', "foreign host: https://other.example"),
        ("<style>@import 'https://other.example/x.css';</style>", "foreign host: https://other.example/x.css"),
    ],
)
def test_bad_links_are_found(tmp_path: Path, body: str, problem: str) -> None:
    (found,) = check(site(tmp_path, body))
    assert found.startswith("index.html: ") and problem in found


def test_style_sheets_are_checked(tmp_path: Path) -> None:
    site(tmp_path, "")
    (tmp_path / "a.css").write_text("x { background: url('http://other.example/y.png') }", "utf-8")
    assert check(tmp_path) == ["a.css: loads from a foreign host: http://other.example/y.png"]
