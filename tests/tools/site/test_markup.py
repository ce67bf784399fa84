from html.parser import HTMLParser

import markdown
import pytest
from dlatlas.site.markup import attributes, formula, heading, inline, link, paragraphs, safe_url, tag
from hypothesis import given
from hypothesis import strategies as st


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.urls: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.urls += [value or "" for name, value in attrs if name in ("href", "src")]


def test_inline_marks_code_formulas_links_and_emphasis() -> None:
    assert inline("a `x < y` b") == "a <code>x &lt; y</code> b"
    assert inline("``a`b``") == "<code>a`b</code>"
    assert inline("$a < b$") == '<span class="arithmatex">\\(a &lt; b\\)</span>'
    assert inline("[x](https://e.org/a_b)") == '<a href="https://e.org/a_b" rel="noopener">x</a>'
    assert inline("**a** and *b*") == "<strong>a</strong> and <em>b</em>"


@pytest.mark.parametrize("text", ["costs $5 and $6", "2 * 3 * 4", "snake_case_name", "a*b*c", "$ x $"])
def test_inline_leaves_what_only_looks_like_a_mark(text: str) -> None:
    assert inline(text) == text


def test_a_backslash_takes_a_mark_literally() -> None:
    assert inline(r"\$5 or $x$, \*not\*") == '$5 or <span class="arithmatex">\\(x\\)</span>, *not*'


@given(st.text(alphabet=st.sampled_from("ab<>&\"'`$*[]()\\:/ javscriptx.\n"), max_size=60))
def test_no_text_brings_a_foreign_element(text: str) -> None:
    found = Tags(inline(text))
    assert set(found.tags) <= {"code", "span", "a", "strong", "em"}
    assert all(url.startswith(("http://", "https://", "ftp://")) for url in found.urls)


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "JaVaScRiPt:x", "data:text/html,x", "//host/x", "/x", "x.html", "https://", "http://[", "\tjavascript:x", ""],
)
def test_only_web_addresses_are_safe(url: str) -> None:
    assert safe_url(url) is None
    assert link("label", url) == "label"


@pytest.mark.parametrize("url", ["http://a.b/c", "https://a.b/?x=1&y=%20", "ftp://a.b/c.pdf", "HTTPS://A.B"])
def test_web_addresses_are_kept(url: str) -> None:
    assert safe_url(url) == url


def test_attributes_are_escaped_and_optional() -> None:
    assert attributes({"a": 'x"<', "b": None, "c": False, "d": True}) == ' a="x&quot;&lt;" d'
    assert tag("p", "x", class_="c", data_x=1) == '<p class="c" data-x="1">x</p>'


def test_paragraphs_are_split_at_blank_lines() -> None:
    assert paragraphs("a\nb\n\nc\n") == "<p>a b</p><p>c</p>"


def test_formulas_are_escaped() -> None:
    assert formula("a < b & c", display=True) == '<div class="arithmatex">\\[a &lt; b &amp; c\\]</div>'


@pytest.mark.parametrize("title", ["C++ # 1. *a* _b_", "<b>x</b> & `c`", "a {#b} $x$", "![x](y) [z]", "a | b ~ ^ = \\ -"])
def test_a_heading_is_taken_literally(title: str) -> None:
    extensions = ["attr_list", "md_in_html", "tables", "toc", "pymdownx.arithmatex", "pymdownx.superfences"]
    html = markdown.markdown(heading(2, title, "here"), extensions=extensions)
    assert html.startswith('<h2 id="here">')
    text: list[str] = []
    parser = HTMLParser()
    parser.handle_data = text.append  # type: ignore[method-assign]
    parser.feed(html)
    assert "".join(text) == title
    assert Tags(html).tags == ["h2"]
