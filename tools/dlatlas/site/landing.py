"""The two pages outside both languages: the one at the root, and the one for addresses that do not exist."""

from __future__ import annotations

from html import escape

from dlatlas.site.strings import say

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{site} · {site_zh}</title>
<meta name="description" content="{lead}">
<script>
{script}
</script>
<style>
:root {{ color-scheme: light dark; }}
body {{ display: grid; min-height: 100vh; margin: 0; place-content: center; padding: 2rem; text-align: center;
  font: 1.1rem/1.6 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }}
h1 {{ font: 600 2rem/1.2 Georgia, "Songti SC", "Noto Serif CJK SC", serif; }}
a {{ display: inline-block; padding: .6rem 1.2rem; }}
</style>
</head>
<body>
<main>
<h1>{site}<br><span lang="zh">{site_zh}</span></h1>
{message}<p><a href="{root}en/" hreflang="en">English</a> <a href="{root}zh/" hreflang="zh" lang="zh">中文</a></p>
</main>
</body>
</html>
"""

_REDIRECT = """const wanted = navigator.languages.map(l => l.slice(0, 2)).find(l => l === "en" || l === "zh");
location.replace((wanted || "en") + "/");"""

_FIND_ROOT = """const root = location.pathname.match(/^(.*?\\/)(?:en|zh)\\//);
if (root) addEventListener("DOMContentLoaded", () => {
  for (const link of document.links) link.href = root[1] + link.hreflang + "/";
});"""


def landing() -> str:
    """HTML of the page at the root: plain links, and a redirect to the browser's language where scripts run."""
    return _page(_REDIRECT, "", "")


def missing() -> str:
    """HTML shown by hosts for an address that does not exist, at any depth; a script finds the site's root."""
    message = f'<p>{escape(say("en", "missing"))} <span lang="zh">{escape(say("zh", "missing"))}</span></p>\n'
    return _page(_FIND_ROOT, message, "/")


def _page(script: str, message: str, root: str) -> str:
    words = {"site": say("en", "site"), "site_zh": say("zh", "site"), "lead": say("en", "lead")}
    return _PAGE.format(script=script, message=message, root=root, **{key: escape(text) for key, text in words.items()})
