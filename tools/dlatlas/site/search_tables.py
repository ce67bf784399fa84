"""The tables of the page about the search: what its judged queries and its benchmark measured, in the places the page names."""

from __future__ import annotations

from html import escape
from typing import Any

from dlatlas.site import proof
from dlatlas.site.context import Context
from dlatlas.site.markup import tag
from dlatlas.site.measured import Tables
from dlatlas.site.strings import LANGUAGES

QUALITY = "evidence/search_quality.json"
SPEED = "evidence/search.json"

WORDS = {
    "kind": ("kind of query", "查询的种类"),
    "queries": ("queries", "查询数"),
    "recall": ("recall at 5", "前五召回率"),
    "mrr": ("MRR", "平均倒数排名"),
    "dev": ("development", "开发用"),
    "final": ("held out", "留作终测"),
    "all": ("all", "全部"),
    "measured": ("Measured on {date} on {entries} entries.", "测量于 {date}，目录当时有 {entries} 个条目。"),
    "goal": (
        "The goal is a recall of {overall} over all queries and of {kind} for each kind.",
        "目标是全部查询的召回率达到 {overall}，每一种达到 {kind}。",
    ),
    "reached": ("Both halves reach it.", "两半都已达到。"),
    "not-reached": ("Not reached yet, {half}: {where}.", "尚未达到（{half}）：{where}。"),
    "documents": ("documents", "文档数"),
    "engine": ("engine", "引擎"),
    "cold": ("whole process, median over queries", "整个进程，各查询的中位数"),
    "slowest": ("slowest query", "最慢的查询"),
    "build": ("index built in", "建索引用时"),
    "memory": ("peak memory", "内存峰值"),
    "file": ("size of the index", "索引大小"),
    "scan": ("plain scan", "逐条扫描"),
    "sqlite": ("dlatlas search", "dlatlas search"),
    "english": ("English", "英文"),
    "simplified": ("Simplified Chinese", "简体中文"),
    "traditional": ("Traditional Chinese", "繁体中文"),
    "mixed": ("mixed, without spaces", "中英混写，不加空格"),
    "acronym": ("acronyms", "缩写"),
    "id": ("identifiers and addresses", "编号与网址"),
    "author": ("authors", "作者"),
    "facts": ("venue, year, framework", "会议、年份、框架"),
    "spelling": ("British and American spelling", "英式与美式拼写"),
    "forms": ("plurals and other forms", "复数与其他词形"),
    "typo": ("misspellings", "拼写错误"),
    "cross": ("from one language to the other", "跨语言"),
    "topic": ("names of topics", "主题名"),
    "method": ("names of methods", "方法名"),
    "question": ("questions", "自然语言提问"),
    "filter": ("filters", "筛选"),
}
"""Words of the tables in both languages."""


def _word(context: Context, name: str, **values: Any) -> str:
    found = WORDS.get(name)
    return found[LANGUAGES.index(context.lang)].format(**values) if found else escape(name)


def _quality(context: Context, stored: dict[str, Any]) -> str:
    halves = stored["halves"]
    headers = [_word(context, "kind"), _word(context, "queries")]
    headers += [f"{_word(context, name)}, {_word(context, half)}" for half in halves for name in ("recall", "mrr")]
    kinds = [*dict.fromkeys(kind for half in halves.values() for kind in half["kinds"]), "all"]
    rows = []
    for kind in kinds:
        measured = [half if kind == "all" else half["kinds"][kind] for half in halves.values()]
        queries = " + ".join(str(one["queries"]) for one in measured)
        rows.append([_word(context, kind), queries, *(f"{one[name]:.3f}" for one in measured for name in ("recall", "mrr"))])
    when = _word(context, "measured", date=escape(stored["date"]), entries=f"{stored['entries']:,}")
    return proof.table(headers, rows, "numbers-table") + tag("p", when, class_="environment") + tag("p", _goal(context, stored))


def _goal(context: Context, stored: dict[str, Any]) -> str:
    """The goal, and what of each half does not reach it."""
    goal, comma = stored["goal"], {"en": ", ", "zh": "、"}[context.lang]
    said = [_word(context, "goal", **goal)]
    for half, data in stored["halves"].items():
        below = [kind for kind, means in data["kinds"].items() if means["recall"] < goal["kind"]]
        below = [*(["all"] if data["recall"] < goal["overall"] else []), *below]
        if below:
            where = comma.join(_word(context, kind) for kind in below)
            said.append(_word(context, "not-reached", half=_word(context, half), where=where))
    return {"en": " ", "zh": ""}[context.lang].join(said if len(said) > 1 else [*said, _word(context, "reached")])


def _speed(context: Context, stored: dict[str, Any]) -> str:
    headers = [_word(context, name) for name in ("documents", "engine", "cold", "slowest", "build", "memory", "file")]
    rows = [
        [
            f"{row['documents']:,}",
            _word(context, row["engine"]),
            f"{row['cold_ms']['p50']:,.0f} ms",
            f"{row['cold_ms']['max']:,.0f} ms",
            f"{row['build_s']:,.1f} s",
            f"{row['peak_mib']:,.0f} MiB",
            f"{row['file_mib']:,.1f} MiB",
        ]
        for row in stored["scale"]
    ]
    return proof.table(headers, rows, "numbers-table") + proof.environment(context, stored.get("environment", {}))


TABLES: Tables = {"quality": (QUALITY, _quality), "speed": (SPEED, _speed)}
