"""The page at the root, which leads to the reader's language."""

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
<link rel="icon" href="en/assets/mark.svg">
<link rel="alternate" hreflang="en" href="en/">
<link rel="alternate" hreflang="zh" href="zh/">
<script>
const wanted = (navigator.languages || [navigator.language || "en"]).map(l => l.slice(0, 2)).find(l => l === "en" || l === "zh");
location.replace((wanted || "en") + "/");
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
<p><a href="en/" hreflang="en">English</a> <a href="zh/" hreflang="zh" lang="zh">中文</a></p>
</main>
</body>
</html>
"""


def landing() -> str:
    """HTML of the landing page: plain links, and a redirect where scripts run."""
    return _PAGE.format(site=escape(say("en", "site")), site_zh=escape(say("zh", "site")), lead=escape(say("en", "lead")))
