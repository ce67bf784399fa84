"""The parts of a page that show measured numbers: checks, speed and claims."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import msgspec

from dlatlas.catalog.keys import canonical
from dlatlas.catalog.model import Claim, Entry, Erratum, Expectation, Method
from dlatlas.evidence.store import Check, MethodEvidence, text_hash
from dlatlas.evidence.verdict import judge
from dlatlas.site.badges import badge
from dlatlas.site.context import Context, Page
from dlatlas.site.figures import draw
from dlatlas.site.markup import inline, tag

BENCH_COLUMNS = ("method", "case", "against", "forward", "backward", "spread", "ours", "theirs", "mode", "device", "date")
"""Words of the speed table's header."""

WORK_NUMBER = re.compile(r"(?:arXiv:\d{4}\.\d{4,5}|doi:10\.\S+?)(?=[,;]?(?:\s|$))")
"""The number of a work in a source's text."""


def number(value: float) -> str:
    """A measured number as the pages print it."""
    return f"{value:.3g}"


def table(headers: list[str], rows: list[list[str]], class_: str = "") -> str:
    """A table of HTML cells that scrolls sideways on its own where it is too wide."""
    head = tag("tr", "".join(tag("th", name, scope="col") for name in headers))
    body = "".join(tag("tr", "".join(tag("td", cell) for cell in row)) for row in rows)
    whole = tag("table", tag("thead", head) + tag("tbody", body), class_="data")
    return tag("div", whole, class_=f"table-wrap {class_}".strip(), tabindex="0")


def environment(context: Context, values: Mapping[str, Any]) -> str:
    """The line that says where numbers were measured; the date stands elsewhere."""
    text = " · ".join(f"{escape(key)} {escape(str(value))}" for key, value in values.items() if key != "date" and value)
    return tag("p", f"{context.say('environment')}: {text}", class_="environment") if text else ""


PRECISE = "float64"
"""The dtype whose error says whether the formula is right; the others add rounding."""


def exact(check: Check) -> bool:
    """Whether the check compares numbers that should be equal, not a statistic of random draws."""
    return check.tolerance < (1e-6 if check.dtype == PRECISE else 1.0)


def largest(checks: Iterable[Check]) -> dict[str, float]:
    """The largest error in each dtype. Statistics of random draws, which are wide by nature, are left out."""
    found: dict[str, float] = {}
    for check in checks:
        if exact(check):
            found[check.dtype] = max(check.error, found.get(check.dtype, 0.0))
    return dict(sorted(found.items(), key=lambda pair: (pair[0] != PRECISE, pair[0] != "float32", pair[0])))


def largest_error(context: Context, method: Method) -> str:
    """The largest error in float64 over the recorded checks of all devices, or nothing."""
    found = largest(check for record in context.evidence.of(method.id).values() for check in record.checks)
    return number(found[PRECISE]) if PRECISE in found else ""


def test_name(test: str, *, titled: bool = True) -> str:
    """A pytest node id without its file, safe for HTML; the whole of it as a title."""
    return tag("code", escape(test.split("::", 1)[-1]), title=test if titled else None)


def anchor(method: str, device: str, test: str) -> str:
    """Id of a check's row on its topic's page."""
    readable = "".join(c if c.isalnum() else "-" for c in test.split("::", 1)[-1])
    return f"check-{method}-{device}-{readable}"


def method_proof(context: Context, method: Method) -> str:
    """The recorded checks of one method, a table a device."""
    status = context.statuses[method.id]
    oracle = tag("span", context.html(method.oracle)) if method.oracle else ""
    head = tag("p", badge(context, status) + oracle, class_="proof-head")
    notes = {"stale": context.say("stale-note"), "unverified": context.say("unverified-note")}
    if status in notes:
        head += tag("p", notes[status], class_="note")
    found = context.evidence.of(method.id)
    proofs = "".join(_device_proof(context, method, device, record) for device, record in found.items())
    modules = {name for record in found.values() for name in (method.module, *record.modules) if name}
    return head + proofs + _planted_faults(context, sorted(modules))


def _planted_faults(context: Context, modules: list[str]) -> str:
    """How many of the faults planted in some modules the tests find; nothing unless that is known of each as it is now."""
    records = [context.planted.get(module) for module in modules]
    if not records or any(r is None or r.code != text_hash(context.root, m) for r, m in zip(records, modules, strict=True)):
        return ""
    equivalent, left = sum(r.equivalent for r in records), sum(len(r.survivors) for r in records)
    tried = sum(r.faults for r in records) - equivalent
    text = context.say("faults-left" if left else "faults-found", n=tried, left=left, date=min(r.date for r in records))
    return tag("p", " ".join([text, *([context.say("faults-equivalent", n=equivalent)] if equivalent else ())]), class_="environment")


def _device_proof(context: Context, method: Method, device: str, record: MethodEvidence) -> str:
    if not record.checks:
        return ""
    headers = [context.say(key) for key in ("test", "compares", "oracle", "dtype", "shapes", "error", "tolerance")]
    seen: set[str] = set()
    rows = []
    for check in record.checks:
        name = anchor(method.id, device, check.test)
        again = name in seen  # once is enough, on pages with a thousand rows
        first = test_name(check.test, titled=not again)
        first = first if again else tag("span", first, id=name)
        seen.add(name)
        texts = [escape(text) for text in (check.what, check.oracle, check.dtype, check.shapes)]
        rows.append([first, *texts, number(check.error), number(check.tolerance)])
    errors = " · ".join(f"{escape(dtype)} {number(error)}" for dtype, error in largest(record.checks).items() if dtype)
    summary = tag("strong", context.say("checks-of", n=len(record.checks), device=escape(device), date=escape(record.date[:10]))) + tag(
        "span", context.say("checks-summary", errors=errors)
    )
    content = table(headers, rows, "checks") + environment(context, record.environment)
    return tag("details", tag("summary", summary) + content, open=len(rows) <= 10)


def speed(context: Context, methods: list[str]) -> str:
    """The benchmark rows of some methods, or nothing."""
    found = [row for row in context.bench.get("rows", ()) if row.get("method") in methods]
    if not found:
        return ""
    headers = [context.say(key) for key in BENCH_COLUMNS]
    note = tag("p", context.say("speed-note"), class_="note")
    rows = table(headers, [_bench_row(context, row) for row in found], "speed")
    return note + rows + environment(context, context.bench.get("environment", {}))


def _bench_row(context: Context, row: dict[str, Any]) -> list[str]:
    def ratio(key: str) -> str:
        return "" if row.get(key) is None else f"{row[key]:.2f}"

    def milliseconds(key: str) -> str:
        return "" if row.get(key) is None else f"{number(row[key])} ms"

    low, high = row.get("spread") or (None, None)
    words = {key: escape(str(row.get(key) or "")) for key in ("method", "case", "against", "mode", "device", "dtype", "date")}
    current = context.evidence.is_current(row["code"], row["module"])
    return [
        tag("code", words["method"]),
        words["case"],
        words["against"],
        tag("strong", ratio("forward_ratio")),
        tag("strong", ratio("backward_ratio")),
        "" if low is None else f"{low:.2f}–{high:.2f}",
        milliseconds("ours_ms"),
        milliseconds("theirs_ms"),
        words["mode"],
        f"{words['device']} {words['dtype']}".strip(),
        words["date"][:10] + ("" if current else " " + tag("small", context.say("earlier-code"))),
    ]


def claim(context: Context, page: Page, claim: Claim) -> str:
    """A claim: its sentence, the expected band, what was measured, the figure and the command."""
    record = context.evidence.claims.get(claim.id)
    status = context.evidence.claim_status(claim.id, claim.experiment.split(":")[0])
    head = tag("p", context.html(claim.statement), class_="statement") + _source(context, page, claim.source)
    if not claim.reproduces:
        mark = tag("span", context.say("not-reproduced"), class_="badge badge-fails")
        head += tag("p", f"{mark} {context.say('not-reproduced-note')}", class_="note")
    if record is None:
        return head + tag("p", context.say("not-run"), class_="note")
    rows = []
    for expected in claim.expect:
        values = record.values.get(expected.value)
        if not values:
            rows.append([tag("code", escape(expected.value)), band(context, expected), context.say("not-run"), ""])
            continue
        mean = record.mean(expected.value)
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        held = judge(msgspec.structs.replace(claim, expect=(expected,)), record).state == "holds"
        verdict = tag("span", context.say("holds" if held else "fails"), class_=f"badge badge-{'verified' if held else 'fails'}")
        rows.append([tag("code", escape(expected.value)), band(context, expected), f"{mean:.4g} ± {spread:.2g}", verdict])
    headers = [context.say(key) for key in ("value", "expected", "measured", "status")]
    stale = tag("p", badge(context, "stale") + " " + context.say("stale-note"), class_="note") if status == "stale" else ""
    figure = draw(record.figure, context.lang, f"figure-{claim.id}") if record.figure else ""
    when = context.say("took", seconds=number(record.seconds), date=escape(str(record.environment.get("date", ""))[:10]))
    foot = tag("p", f"{context.say('over-seeds', n=len(record.seeds))} · {when}", class_="environment")
    return head + stale + table(headers, rows, "claim") + foot + figure + tag("pre", tag("code", escape(record.command)), tabindex="0")


def band(context: Context, expected: Expectation) -> str:
    """The band of an expectation in words."""
    if expected.min is not None and expected.max is not None:
        return context.say("between", lo=number(expected.min), hi=number(expected.max))
    if expected.max is not None:
        return context.say("at-most", n=number(expected.max))
    return context.say("at-least", n=number(expected.min)) if expected.min is not None else ""


def erratum(context: Context, page: Page, erratum: Erratum) -> str:
    """A printed mistake, the right form, and the test that shows it."""
    pairs = ((context.say("wrong"), context.html(erratum.wrong)), (context.say("right"), context.html(erratum.right)))
    body = tag("dl", "".join(tag("dt", name) + tag("dd", text) for name, text in pairs))
    tests = ", ".join(test_name(test) for test in erratum.checked_by)
    shown = tag("p", context.say("shown-by", test=tests), class_="note") if tests else ""
    return tag("div", _source(context, page, erratum.source) + body + shown, class_="erratum", id=f"erratum-{erratum.id}")


def _source(context: Context, page: Page, source: str) -> str:
    """Where it is said: the title of a catalog entry, linked, where ``source`` is its id, and before each number of a work it holds."""

    def cite(entry: Entry) -> str:
        return tag("cite", tag("a", escape(entry.title.get(context.lang)), href=page.url(context.entry_address(entry))))

    def titled(match: re.Match[str]) -> str:
        entry = context.cited.get(canonical(match[0]))
        return f"{cite(entry)} ({match[0]})" if entry else match[0]

    entry = context.entries.get(source)
    shown = cite(entry) if entry else WORK_NUMBER.sub(titled, inline(source))
    return tag("p", context.say("from-source", source=shown), class_="note")
