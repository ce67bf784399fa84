"""The two pages outside both languages: the one at the root, and the one for addresses that do not exist."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from dlatlas.site.strings import say

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{title}</title>
<meta name="description" content="{lead}">
<link rel="icon" href="{icon}">
{head}<script>
{script}
</script>
<style>
:root {{ color-scheme: light dark; --paper: #fbfaf6; --ink: #22252b; --soft: #5d6069; --link: #17586b; --line: #dedacd; }}
@media (prefers-color-scheme: dark) {{ :root {{ --paper: #15181d; --ink: #e4e1d9; --soft: #a2a6ae; --link: #86c5d6; --line: #343a44; }} }}
body {{ display: grid; min-height: 100vh; margin: 0; place-content: center; padding: 2rem; box-sizing: border-box;
  background: var(--paper); color: var(--ink); text-align: center;
  font: 1.1rem/1.6 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }}
h1 {{ font: 600 2rem/1.3 Georgia, "Songti SC", "Noto Serif CJK SC", serif; }}
p {{ color: var(--soft); }}
a {{ display: inline-block; padding: .6rem 1.2rem; color: var(--link); }}
form {{ display: inline-flex; gap: .5rem; margin: .3rem; flex-wrap: wrap; justify-content: center; }}
input, button {{ font: inherit; padding: .35rem .7rem; color: inherit; background: none;
  border: 1px solid var(--line); border-radius: .3rem; }}
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

_ICON = "data:image/svg+xml," + quote(
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'><circle cx='4' cy='4' r='3' fill='none' stroke='#a54a24'/></svg>",
    safe="/:='",
)
"""Stands in the page, which is served at any depth."""

_REDIRECT = """const wanted = navigator.languages.map(l => l.slice(0, 2)).find(l => l === "en" || l === "zh");
location.replace((wanted || "en") + "/");"""

_FIND_ROOT = """const root = location.pathname.match(/^(.*?\\/)(?:en|zh)\\//)?.[1];
addEventListener("DOMContentLoaded", () => {
  if (root) {
    for (const link of document.links) link.href = root + link.hreflang + "/";
    for (const form of document.forms) form.action = root + form.lang + "/";
  }
  const first = /\\/zh\\//.test(location.pathname) || (!root && navigator.language.startsWith("zh")) ? "zh" : "en";
  for (const part of document.querySelectorAll("[data-lang]")) if (part.dataset.lang === first) part.parentElement.prepend(part);
});"""


def landing() -> str:
    """HTML of the page at the root: plain links, and a redirect to the browser's language where scripts run."""
    head = '<link rel="alternate" hreflang="en" href="en/">\n<link rel="alternate" hreflang="zh" href="zh/">\n'
    return _page(_REDIRECT, "", "", head, f"{say('en', 'site')} · {say('zh', 'site')}")


def missing() -> str:
    """HTML shown by hosts for an address that does not exist, at any depth, in both languages.

    A script finds the site's root and puts the language of the address first; each language has a search field of its own.
    """
    parts = "".join(
        f'<div data-lang="{lang}" lang="{lang}"><p>{escape(say(lang, "missing"))}</p>'
        f'<form action="/{lang}/" lang="{lang}"><input type="search" name="q" aria-label="{escape(say(lang, "missing-search"))}">'
        f"<button>{escape(say(lang, 'search'))}</button></form></div>\n"
        for lang in ("en", "zh")
    )
    message = f"<div>\n{parts}</div>\n"
    return _page(_FIND_ROOT, message, "/", '<meta name="robots" content="noindex">\n', f"404 · {say('en', 'site')} · {say('zh', 'site')}")


def _page(script: str, message: str, root: str, head: str, title: str) -> str:
    words = {"site": say("en", "site"), "site_zh": say("zh", "site"), "lead": say("en", "lead"), "title": title, "icon": _ICON}
    return _PAGE.format(script=script, message=message, root=root, head=head, **{key: escape(text) for key, text in words.items()})
