"""The tables of the page about the link checker: what it and others measured on webs whose truth is known."""

from __future__ import annotations

from html import escape
from statistics import median
from typing import Any

from dlatlas.site import proof
from dlatlas.site.context import Context
from dlatlas.site.markup import tag
from dlatlas.site.measured import Tables
from dlatlas.site.strings import LANGUAGES

BENCH = "evidence/links_bench.json"

WORDS = {
    "web": ("web", "网站"),
    "program": ("program", "程序"),
    "links": ("links", "链接数"),
    "seconds": ("time", "用时"),
    "memory": ("peak memory", "内存峰值"),
    "requests": ("requests", "请求数"),
    "inside": ("sent while asked to wait", "要求等待期间发出"),
    "wrong": ("wrong verdicts", "错误的判定"),
    "broken": ("live links called broken", "被误报失效的有效链接"),
    "passed": ("dead links passed", "漏过的失效链接"),
    "unsaid": ("nothing said", "没有结论"),
    "stopped": ("stopped after {seconds:.0f} s", "{seconds:.0f} 秒后中止"),
}
"""Words of the tables in both languages."""

ME = "dlatlas links"


def _word(context: Context, name: str, **values: Any) -> str:
    return WORDS[name][LANGUAGES.index(context.lang)].format(**values)


def _number(values: list[Any]) -> str:
    """The least and the most over the seeds, once where they are equal."""
    least, most = (f"{v:,.1f}" if isinstance(v, float) else f"{v:,}" for v in (min(values), max(values)))
    return least if least == most else f"{least}–{most}"


def _groups(rows: list[dict[str, Any]], *names: str) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in names), []).append(row)
    return found


def _webs(context: Context, stored: dict[str, Any]) -> str:
    headers = [_word(context, name) for name in ("web", "links", "seconds", "memory", "requests", "inside", "wrong")]
    rows = [
        [
            tag("code", escape(profile)),
            _number([row["links"] for row in runs]),
            f"{median(row['wall'] for row in runs):.1f} s",
            f"{max(row['memory'] for row in runs):.0f} MiB",
            _number([row["requests"] for row in runs]),
            _number([row["inside"] for row in runs]),
            _number([sum(row["wrong"].values()) for row in runs]),
        ]
        for (profile,), runs in _groups(stored["rows"], "profile").items()
    ]
    return proof.table(headers, rows, "numbers-table") + proof.environment(context, stored.get("machine", {}))


def _peers(context: Context, stored: dict[str, Any]) -> str:
    """Each program on each web that another program was tried on too; its own runs are those with the others' seeds."""
    peers = stored.get("peers", [])
    tried = {(row["profile"], row["seed"]) for row in peers}
    mine = [_mine(row) for row in stored["rows"] if (row["profile"], row["seed"]) in tried]
    headers = [_word(context, name) for name in ("web", "program", "seconds", "memory", "broken", "passed", "unsaid")]
    rows = [
        [tag("code", escape(profile)), tag("code", escape(program)), *_cells(context, runs)]
        for (profile, program), runs in sorted(_groups([*mine, *peers], "profile", "peer").items(), key=_place)
    ]
    return proof.table(headers, rows, "numbers-table") if peers else tag("p", context.say("not-run"))


def _mine(row: dict[str, Any]) -> dict[str, Any]:
    names = {"live_called_broken": row["live_called_gone"], "gone_passed": row["gone_called_live"], "unsaid": 0}
    return {**row, "peer": ME, "ended": True, **names}


def _place(group: tuple[tuple[str, ...], Any]) -> tuple[str, bool, str]:
    profile, program = group[0]
    return profile, program != ME, program


def _cells(context: Context, runs: list[dict[str, Any]]) -> list[str]:
    """What the runs measured; a program that had to be stopped has said nothing by then."""
    if not all(row["ended"] for row in runs):
        return [_word(context, "stopped", seconds=max(row["wall"] for row in runs)), *"————"]
    counts = [_number([row[name] for row in runs]) for name in ("live_called_broken", "gone_passed", "unsaid")]
    return [f"{median(row['wall'] for row in runs):.1f} s", f"{max(row['memory'] for row in runs):.0f} MiB", *counts]


TABLES: Tables = {"links-webs": (BENCH, _webs), "links-peers": (BENCH, _peers)}
