"""The filters: their fields and values, the words that mean a value, and the check of a value.

A filter is ``field:value`` in a query or an entry of the mapping given to ``search``. A value
may be several with commas between them, of which one must hold; a year may be a range
(``2016..2019``, ``2016..``, ``..2016``). Every value of a document is one token of the
index's column ``tags``, such as ``type=paper``.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches

from dlatlas.search.text import squash

FILTERS = ("type", "topic", "area", "lang", "level", "year", "framework", "has")

WORDS = {
    "type=paper": "paper, article, 论文, 文献, 原文, 原论文",
    "type=code": "code, source code, implementation, repository, repo, GitHub, 代码, 源码, 源代码, 实现, 代码实现, 复现",
    "type=article": "article, blog, blog post, post, explanation, explained, 文章, 博客, 讲解, 详解, 解读, 解释",
    "type=course": "course, lecture, lectures, lecture notes, class, MOOC, 课程, 公开课, 网课, 慕课, 讲义, 教程",
    "type=book": "book, textbook, 书, 图书, 教材, 书籍, 教科书, 课本",
    "type=video": "video, talk, lecture, 视频, 录像, 讲座, 演讲",
    "type=slides": "slides, presentation, PPT, 幻灯片, 课件, 讲义",
    "type=dataset": "dataset, data set, data, corpus, 数据集, 语料, 语料库",
    "type=tool": "tool, library, framework, toolkit, toolbox, software, package, 工具, 工具箱, 框架, 软件, 软件包, 库",
    "type=list": "list, collection, resources, awesome, roundup, reading list, 列表, 清单, 合集, 汇总, 资源, 资料汇总",
    "type=method": "method, 方法",
    "type=topic": "topic, 专题",
    "level=intro": "introduction, introductory, intro, tutorial, beginner, for beginners, getting started, basics, primer, "
    "入门, 教程, 教学, 简介, 介绍, 基础, 初学者, 初学, 新手",
    "level=advanced": "advanced, in depth, 进阶, 高级, 深入",
    "lang=zh": "Chinese, 中文, 汉语, 中文版",
    "lang=en": "English, 英文, 英语",
    "framework=pytorch": "PyTorch, torch",
    "framework=tensorflow": "TensorFlow, tf",
    "has=code": "code, implementation, source code, with code, 代码, 源码, 实现",
}
"""What people write for a value; in a query such a word also finds the documents that have the value."""


def worded() -> Iterator[tuple[str, str, float]]:
    """The words of ``WORDS`` as (word, tag, how surely it means it): a word for several values counts less for each."""
    tags = [(word, tag) for tag, text in WORDS.items() for word in text.split(", ")]
    uses = Counter(word for word, _ in tags)
    return ((word, tag, uses[word] ** -0.5) for word, tag in tags)


def meanings() -> Iterator[tuple[str, ...]]:
    """The words of each value, which mean the same."""
    return (tuple(text.split(", ")) for text in WORDS.values())


class UnknownValue(ValueError):
    """A filter was given a value that it does not take; ``nearest`` holds those that come near."""

    def __init__(self, field: str, value: str, nearest: list[str]) -> None:
        self.field, self.value, self.nearest = field, value, nearest
        hint = f"; did you mean {' or '.join(nearest)}?" if nearest else ""
        super().__init__(f"unknown {field} {value[:80]!r}{hint}")


def values(database: sqlite3.Connection, field: str) -> list[str]:
    """The values that a filter takes: years in order, others by how many documents have them."""
    order = "value" if field == "year" else "documents DESC, rowid"
    return [value for (value,) in database.execute(f"SELECT value FROM facets WHERE field = ? ORDER BY {order}", (field,))]


def tags(database: sqlite3.Connection, field: str, text: str) -> list[str]:
    """The tokens of which a document must have one to pass ``field:text``.

    Raises:
        UnknownValue: the filter does not take this value, or there is no such filter.
    """
    if field not in FILTERS:
        raise UnknownValue("filter", field, get_close_matches(field, FILTERS, 3, 0.5))
    parts = [part.strip() for part in text.split(",") if part.strip()] or [text]
    known = values(database, field)
    return list(dict.fromkeys(tag for part in parts for tag in _matching(database, field, part, known)))


def _matching(database: sqlite3.Connection, field: str, text: str, known: list[str]) -> list[str]:
    if field == "year":
        return [f"year={year}" for year in _years(text, known)]
    by_form = {value.lower(): value for value in known}
    if (found := by_form.get(text.lower())) is not None:
        return [f"{field}={found}"]
    named = [tag for tag in _named(database, text) if tag.startswith((f"{field}=", "area=") if field == "topic" else f"{field}=")]
    if not named:
        close = get_close_matches(text.lower()[:60], by_form, 3, 0.5)
        raise UnknownValue(field, text, [by_form[form] for form in close] or known[:12])
    return named


def _years(text: str, known: list[str]) -> list[str]:
    if re.fullmatch(r"\d{4}", text, re.ASCII):
        return [text]
    m = re.fullmatch(r"(\d{4})?\s*(?:\.\.|-|–|…)\s*(\d{4})?", text, re.ASCII)
    first, last = (m[1] or "0000", m[2] or "9999") if m else ("", "")
    if m is None or not (m[1] or m[2]) or first > last:
        raise UnknownValue("year", text, [known[-1], f"{known[0]}..{known[-1]}", f"{known[0]}.."] if known else [])
    return [year for year in known if first <= year <= last] or [first]


def _named(database: sqlite3.Connection, text: str) -> list[str]:
    """Values by another name: the id, title or alias of a topic or area, or a word of ``WORDS``."""
    return [tag for (tag,) in database.execute("SELECT tag FROM subjects WHERE name = ?", (squash(text),))]
