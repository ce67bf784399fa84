"""What a site has beside its pages, for programs that read it: site map, robots.txt, feed and search descriptions."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

from dlatlas.catalog.model import Catalog
from dlatlas.export.atom import atom
from dlatlas.site.strings import LANGUAGES, say

LOCAL = "http://127.0.0.1:8000/"
"""Where ``dlatlas site serve`` shows a site; stands for the address of one that has none yet."""

VARIABLE = "DLATLAS_SITE_URL"

SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
XHTML = "http://www.w3.org/1999/xhtml"
OPENSEARCH = "http://a9.com/-/spec/opensearch/1.1/"


def site_url(given: str | None = None) -> str | None:
    """The address under which the site will be found: ``given``, else ``$DLATLAS_SITE_URL``, else None; it ends with a slash.

    Raises:
        ValueError: it is not an address of a page on the web.
    """
    url = given or os.environ.get(VARIABLE)
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"the site's address must look like https://host/folder/, got {url!r}")
    return url if url.endswith("/") else f"{url}/"


def publish(site: Path, catalog: Catalog, url: str | None) -> None:
    """Write the files into a built site; addresses that must be absolute begin with ``url``, else with the local one."""
    base = url or LOCAL
    (site / "sitemap.xml").write_text(sitemap(_addresses(site), base), "utf-8")
    (site / "robots.txt").write_text(f"User-agent: *\nAllow: /\nSitemap: {base}sitemap.xml\n", "utf-8")
    (site / "feed.xml").write_text(atom(catalog.entries, address=f"{base}feed.xml", site=base), "utf-8")
    for lang in LANGUAGES:
        (site / f"opensearch-{lang}.xml").write_text(opensearch(lang, base), "utf-8")


def _addresses(site: Path) -> list[str]:
    """Every page below a language, without the language, that both languages have or one alone."""
    found = {path.parent.relative_to(site / lang).as_posix() + "/" for lang in LANGUAGES for path in (site / lang).rglob("index.html")}
    return sorted("" if address == "./" else address for address in found)


def sitemap(addresses: Iterable[str], base: str) -> str:
    """The site map: each page in each language, with its other languages beside it."""
    ET.register_namespace("", SITEMAP)
    ET.register_namespace("xhtml", XHTML)
    root = ET.Element(f"{{{SITEMAP}}}urlset")
    for address in addresses:
        for lang in LANGUAGES:
            page = ET.SubElement(root, f"{{{SITEMAP}}}url")
            ET.SubElement(page, f"{{{SITEMAP}}}loc").text = f"{base}{lang}/{quote(address)}"
            for other in LANGUAGES:
                ET.SubElement(page, f"{{{XHTML}}}link", rel="alternate", hreflang=other, href=f"{base}{other}/{quote(address)}")
    return _written(root)


def opensearch(lang: str, base: str) -> str:
    """The description by which a browser offers the site's search."""
    ET.register_namespace("", OPENSEARCH)
    root = ET.Element(f"{{{OPENSEARCH}}}OpenSearchDescription")
    for name, text in (("ShortName", say(lang, "site")[:16]), ("LongName", say(lang, "site")), ("Description", say(lang, "lead")[:1024])):
        ET.SubElement(root, f"{{{OPENSEARCH}}}{name}").text = text
    ET.SubElement(root, f"{{{OPENSEARCH}}}Language").text = lang
    ET.SubElement(root, f"{{{OPENSEARCH}}}InputEncoding").text = "UTF-8"
    ET.SubElement(root, f"{{{OPENSEARCH}}}Image", height="64", width="64", type="image/svg+xml").text = f"{base}{lang}/assets/mark.svg"
    ET.SubElement(root, f"{{{OPENSEARCH}}}Url", type="text/html", template=f"{base}{lang}/?q={{searchTerms}}")
    return _written(root)


def _written(root: ET.Element) -> str:
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
