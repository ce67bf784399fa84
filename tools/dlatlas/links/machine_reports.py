"""What a check found, for other programs: JUnit, and annotations for GitHub Actions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from dlatlas.links.report import STRICT, Report, verdict
from dlatlas.links.result import Result

NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Report) -> str:
    """A test case for each link: failed, skipped where nothing can be said or a rule expects it, else passed."""
    suite = ET.Element("testsuite", name="links", tests=str(len(report.results)), failures=str(len(report.failed)), errors="0")
    skipped = 0
    for result in report.results:
        place = report.places.get(result.url)
        group = place.id if place else urlsplit(result.url).netloc or "links"
        case = ET.SubElement(suite, "testcase", classname=_xml(group), name=_xml(result.url), time=f"{result.elapsed:.3f}")
        if place:
            case.set("file", place.file)
            case.set("line", str(place.line))
        rule = report.rule(result)
        if report.fails(result):
            ET.SubElement(case, "failure", type=result.verdict, message=_xml(_words(result))).text = _xml(_chain(result))
        elif result.verdict != "ok":
            ET.SubElement(case, "skipped", message=_xml(f"{_words(result)}; expected: {rule.reason}" if rule else _words(result)))
            skipped += 1
    suite.set("skipped", str(skipped))
    suite.set("time", f"{sum(result.elapsed for result in report.results):.3f}")
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def annotations(report: Report) -> Iterator[str]:
    """Workflow commands of GitHub Actions, an error for what fails and a warning for what else is to be looked at."""
    for result in report.shown:
        if result.verdict not in STRICT:
            continue
        place = report.places.get(result.url)
        where = f"file={_property(place.file)},line={place.line}," if place else ""
        level = "error" if report.fails(result) else "warning"
        yield f"::{level} {where}title={_property('link ' + verdict(result))}::{_data(f'{result.url}: {_words(result)}')}"


def _words(result: Result) -> str:
    led = f", leads to {result.final_url}" if result.final_url else ""
    return f"{verdict(result)}: {result.reason}{led}"


def _chain(result: Result) -> str:
    return "\n".join(f"{status} {url}" for url, status in (*result.chain, (result.final_url or result.url, result.status)))


def _xml(text: str) -> str:
    return NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _data(text: str) -> str:
    """The message of a workflow command: what would end it is percent-encoded."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
