"""Live demonstrations: reference implementations that the reader's browser runs.

``refimpl.live`` holds the modules; ``dlatlas live build`` trains and exports them to ``docs/assets/live/*.onnx`` with a record
in ``evidence/live``; this package writes their part of a topic's page. Writing it needs neither PyTorch nor ONNX.
"""

from __future__ import annotations

import json
from html import escape

from dlatlas.site.context import Context
from dlatlas.site.live.runtime import copy_runtime, download_size
from dlatlas.site.live.stored import LiveEvidence, module_name, read_all, status
from dlatlas.site.live.words import DEMONSTRATIONS, INTRO, SHARED
from dlatlas.site.markup import tag
from dlatlas.site.proof import number
from dlatlas.site.strings import LANGUAGES

__all__ = ["block", "copy_runtime"]


def block(context: Context, topic: str) -> str:
    """The demonstrations of a topic as HTML; empty when it has none."""
    return "\n\n".join(_demonstration(context, record) for record in read_all(context.root).values() if record.topic == topic)


def _demonstration(context: Context, record: LiveEvidence) -> str:
    at = LANGUAGES.index(context.lang)

    def say(key: str, **values: object) -> str:
        return SHARED[key][at].format(**values)

    words = {key: both[at] for key, both in (DEMONSTRATIONS[record.id] | {k: SHARED[k] for k in ("loading", "ready", "failed")}).items()}
    size = download_size() + sum(model.bytes for model in record.models.values())
    start = tag("button", say("start", size=f"{size / 1e6:.1f}"), type="button", class_="live-start", hidden=True)
    command = tag("code", f"python -m {module_name(record.id)}")
    parts = (
        tag("p", escape(INTRO[record.id][at].format(seconds=record.seconds, **record.values), quote=False)),
        tag("p", start + tag("span", role="status"), class_="live-bar"),
        tag("noscript", tag("p", say("no-script", command=command))),
        tag("div", class_="live-stage"),
        tag("p", _proof(context, record), class_="note"),
    )
    data = {"data_words": words, "data_facts": record.facts, "data_values": record.values}
    return tag("div", "".join(parts), class_="live", data_live=record.id, **{key: _json(value) for key, value in data.items()})


def _proof(context: Context, record: LiveEvidence) -> str:
    at = LANGUAGES.index(context.lang)
    agreement = record.agreement["browser"]
    size = sum(model.bytes for model in record.models.values())
    text = SHARED["proof"][at].format(
        size=f"{size / 1000:.0f}", inputs=agreement.inputs, error=number(agreement.error), runtime=agreement.runtime, date=agreement.date
    )
    stale = status(context.root, record) != "verified"
    return escape(text, quote=False) + (" " + tag("span", SHARED["stale"][at], class_="badge badge-stale") if stale else "")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
