from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from dlatlas.catalog.load import load
from dlatlas.site.landing import landing, missing
from dlatlas.site.publish import LOCAL, OPENSEARCH, SITEMAP, VARIABLE, XHTML, opensearch, publish, site_url, sitemap

ATOM = "{http://www.w3.org/2005/Atom}"


def test_the_address_of_the_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert site_url() is None
    assert site_url("https://a.example/atlas") == "https://a.example/atlas/"
    monkeypatch.setenv(VARIABLE, "https://b.example/")
    assert site_url() == "https://b.example/"
    assert site_url("https://a.example/") == "https://a.example/"


@pytest.mark.parametrize("url", ["a.example", "ftp://a.example/", "https://", "https://a.example/?x=1", "https://a.example/#x"])
def test_what_is_not_the_address_of_a_site_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must look like"):
        site_url(url)


def test_the_site_map_names_each_page_in_each_language() -> None:
    root = ET.fromstring(sitemap(["", "training/名/"], "https://a.example/x/"))
    pages = {page.find(f"{{{SITEMAP}}}loc").text: page for page in root}  # type: ignore[union-attr]
    assert list(pages) == [
        "https://a.example/x/en/",
        "https://a.example/x/zh/",
        "https://a.example/x/en/training/%E5%90%8D/",
        "https://a.example/x/zh/training/%E5%90%8D/",
    ]
    others = pages["https://a.example/x/zh/"].findall(f"{{{XHTML}}}link")
    assert {link.get("hreflang"): link.get("href") for link in others} == {"en": "https://a.example/x/en/", "zh": "https://a.example/x/zh/"}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_search_description_leads_to_the_search(lang: str) -> None:
    root = ET.fromstring(opensearch(lang, "https://a.example/"))
    url = root.find(f"{{{OPENSEARCH}}}Url")
    assert url is not None and url.get("template") == f"https://a.example/{lang}/?q={{searchTerms}}" and url.get("type") == "text/html"
    name = root.findtext(f"{{{OPENSEARCH}}}ShortName")
    assert name and len(name) <= 16


def test_the_files_beside_the_pages(tree: Path, tmp_path: Path) -> None:
    site = tmp_path / "out"
    for page in ("en", "en/a", "zh", "zh/a"):
        (site / page).mkdir(parents=True, exist_ok=True)
        (site / page / "index.html").touch()
    publish(site, load(tree), "https://a.example/x/")
    assert (site / "robots.txt").read_text("utf-8").endswith("Sitemap: https://a.example/x/sitemap.xml\n")
    assert (site / "sitemap.xml").read_text("utf-8").count("<loc>") == 4
    feed = ET.fromstring((site / "feed.xml").read_text("utf-8"))
    links = {link.get("rel"): link.get("href") for link in feed.findall(f"{ATOM}link")}
    assert links == {"self": "https://a.example/x/feed.xml", "alternate": "https://a.example/x/"}
    assert (site / "opensearch-zh.xml").is_file()
    publish(site, load(tree), None)
    assert all("a.example" not in path.read_text("utf-8") for path in site.glob("*.*"))
    assert f"Sitemap: {LOCAL}sitemap.xml" in (site / "robots.txt").read_text("utf-8")


def test_the_missing_page_speaks_both_languages_and_is_not_indexed() -> None:
    html = missing()
    assert "This page does not exist." in html and "没有这个页面。" in html and 'content="noindex"' in html
    assert html.count('name="q"') == 2 and "src=" not in html
    assert 'hreflang="zh" href="zh/"' in landing()
