"""YouTube, by oEmbed: its pages answer 200 whether a video is there or not.

https://oembed.com: 200 for a video that is there, 404 for none, 401 or 403 for one that is private or must not be embedded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from dlatlas.catalog.keys import canonical
from dlatlas.links.known.link import Link, by_page, parts_of, told
from dlatlas.links.options import Options
from dlatlas.links.steps import Steps, ask_json

API = "https://www.youtube.com/oembed?format=json&url="
HOSTS = ("youtube.com", "m.youtube.com", "youtu.be", "youtube-nocookie.com")
SHOWN = {"youtube": "https://www.youtube.com/watch?v=", "youtube-list": "https://www.youtube.com/playlist?list="}


def recognize(url: str) -> str | None:
    if parts_of(url)[0] not in HOSTS:
        return None
    kind, _, name = canonical(url).partition(":")
    return SHOWN[kind] + name if kind in SHOWN else None


def steps(links: Sequence[Link], options: Options) -> Iterator[Steps]:
    for link in links:
        yield _one(link, options)


def _one(link: Link, options: Options) -> Steps:
    answer, data = yield from ask_json(API + quote(link.key, safe=""))
    if answer.status == 200 and isinstance(data, dict):
        return told(link, "ok", "oembed", 200, detail=str(data.get("title", ""))[:200])
    if answer.status in (401, 403):
        return told(link, "blocked", "private-video", answer.status)
    if answer.status in (400, 404):
        return told(link, "gone", "no-such-video", answer.status)
    return (yield from by_page([link], options))
