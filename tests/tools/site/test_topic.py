"""Parts of the topic page: what an equation's mark opens, commands, links and their state, BibTeX, what next."""

import re
from dataclasses import replace
from html import unescape

import pytest
from dlatlas.catalog.load import load
from dlatlas.evidence import store
from dlatlas.evidence.store import Evidence, write_json
from dlatlas.links.health import Health, write
from dlatlas.site.commands import INSTALL
from dlatlas.site.context import Context
from dlatlas.site.topic import topic_page

from tests.tools.tree import write as write_text

TEST = "tests/refimpl/training/test_adam.py::TestAdam::test_update"


def body(context: Context, topic: str = "optimizers") -> str:
    return topic_page(context, context.topics[topic]).body


def mark(html: str) -> str:
    found = re.search(r'<details class="mark[^"]*">.*?</details>', html, re.DOTALL)
    assert found
    return found[0]


def record(context: Context, *checks: dict) -> Context:
    """The context with other recorded checks of Adam, made with today's code."""
    module = "refimpl.training.adam"
    hashes = {"code": store.code_hash(context.root, module), "tests": store.tests_hash(context.root, module)}
    environment = {"date": "2026-01-02", "torch": "2.13.0", "numpy": "2.4.6", "python": "3.11.7"}
    common = {"what": "step", "oracle": "torch.optim.Adam", "dtype": "float64", "tolerance": 1e-12}
    write_json(
        context.root / "evidence/checks/cpu/training.json",
        {"adam": {**hashes, "environment": environment, "checks": [{**common, **check} for check in checks]}},
    )
    return replace(context, evidence=Evidence(context.root))


def test_the_mark_of_an_equation_says_what_was_checked(english: Context) -> None:
    html = body(record(english, {"test": f"{TEST}[float64]", "error": 1e-16}))
    shown = mark(html)
    assert "checked" in shown and "<small>largest error 1e-16</small>" in shown
    facts = dict(zip(re.findall(r"<dt>(.*?)</dt>", shown), re.findall(r"<dd>(.*?)</dd>", shown), strict=True))
    assert facts["What it compares"] == "step" and facts["Oracle"] == "torch.optim.Adam"
    assert facts["Largest error"] == "1e-16, allowed 1e-12 (float64)"
    assert facts["Versions"] == "torch 2.13.0, numpy 2.4.6, python 3.11.7" and facts["Date"] == "2026-01-02, cpu"
    target = re.search(r'href="#([^"]+)"', facts["Test"])
    assert target and f'id="{target[1]}"' in html and "TestAdam::test_update[float64]" in facts["Test"]


def test_the_mark_shows_the_worst_run_of_exact_comparisons(english: Context) -> None:
    runs = [
        {"test": f"{TEST}[float64]", "error": 2e-16},
        {"test": f"{TEST}[float64]", "error": 3e-15},
        {"test": f"{TEST}[float64]", "error": 0.5, "tolerance": 1e-5},  # a statistic of draws
        {"test": f"{TEST}[float64]", "error": 0.01, "dtype": "float32"},
    ]
    assert "<small>largest error 3e-15</small>" in mark(body(record(english, *runs)))


def test_the_mark_says_stale_and_nothing_is_claimed_without_a_run(english: Context) -> None:
    write_module = english.root / "refimpl/training/adam.py"
    write_module.write_text(write_module.read_text("utf-8") + "\nx = 1\n", "utf-8")
    assert 'class="mark mark-stale"' in body(replace(english, evidence=Evidence(english.root)))
    html = body(record(english))
    assert '<details class="mark' not in html and "no check yet" in html


def test_a_test_without_a_number_is_named(english: Context) -> None:
    """A run is stored only where all tests of the method pass, those that record no error too."""
    shown = mark(body(record(english, {"test": "another_test", "error": 0.0})))
    assert "checked" in shown and "largest error" not in shown
    facts = dict(zip(re.findall(r"<dt>(.*?)</dt>", shown), re.findall(r"<dd>(.*?)</dd>", shown), strict=True))
    assert TEST.split("::", 1)[1] in facts["Test"] and facts["What it compares"] == "passes or fails, without a number"


def test_every_command_is_a_listing_of_its_own(english: Context) -> None:
    html = body(english)
    section = html[html.index("{#run}") : html.index("{#proof}")]
    commands = [unescape(text) for text in re.findall(r"<pre><code[^>]*>(.*?)</code></pre>", section)]
    assert commands == [
        INSTALL,
        "from refimpl.training.adam import Adam",
        "python -m refimpl.training.adam",
        "dlatlas test adam",
        "dlatlas claims run adam-steps",
    ]
    assert "<details open><summary>Adam</summary>" in section
    assert "{#run}" not in body(english, "pruning")


def test_what_comes_next_says_why(english: Context) -> None:
    html = body(english)
    section = html[html.index("{#what-next}") :]
    assert '<a href="../../training/lstm/">LSTM</a><p>It is trained by gradient descent.</p>' in section
    assert "{#what-next}" not in body(english, "pruning")


def entry(html: str, name: str) -> str:
    found = re.search(rf'<li class="entry" id="entry-{name}".*?</li>', html, re.DOTALL)
    assert found
    return found[0]


def test_each_entry_has_its_bibtex(english: Context) -> None:
    shown = unescape(entry(body(english), "kingma-2014-adam"))
    assert "@misc{kingma-2014-adam," in shown and "author = {Diederik P. Kingma and Jimmy Ba}" in shown
    assert shown.index("<summary>BibTeX") < shown.index("@misc")


def checked(context: Context, *links: Health) -> Context:
    write(context.root, links)
    return replace(context)


ABS, MIRROR = "https://arxiv.org/abs/1412.6980", "http://cn.arxiv.org/abs/1412.6980"


def test_links_are_bare_where_nothing_was_checked(english: Context) -> None:
    assert "link-ok" not in body(english) and "badge-fails" not in entry(body(english), "kingma-2014-adam")


def test_a_link_that_answered_has_a_mark_with_its_day(english: Context, chinese: Context) -> None:
    health = Health(ABS, "ok", "200", checked="2026-11-20")
    shown = entry(body(checked(english, health)), "kingma-2014-adam")
    assert shown.count("link-ok") == 1 and "reached on 2026-11-20" in shown
    assert "2026-11-20 可访问" in entry(body(checked(chinese, health)), "kingma-2014-adam")


def test_a_dead_link_is_struck_out_with_its_archived_copy(english: Context) -> None:
    gone = Health(ABS, "gone", "404", archive="https://web.archive.org/x", since="2026-10-01", confirmed=True)
    shown = entry(body(checked(english, gone)), "kingma-2014-adam")
    assert f'<cite><a href="{MIRROR}"' in shown, "the title leads to the copy that may work"
    assert "<s><a" in shown and "gone since 2026-10-01" in shown and 'href="https://web.archive.org/x"' in shown


def test_the_title_leads_to_the_archive_when_every_copy_is_dead(english: Context) -> None:
    links = [Health(url, "gone", "404", archive=f"https://web.archive.org/{n}", confirmed=True) for n, url in enumerate((ABS, MIRROR))]
    assert '<cite><a href="https://web.archive.org/0"' in entry(body(checked(english, *links)), "kingma-2014-adam")


@pytest.mark.parametrize(("verdict", "word"), [("unreachable", "no answer"), ("broken-tls", "broken certificate")])
def test_a_troubled_link_carries_a_badge(english: Context, verdict: str, word: str) -> None:
    shown = entry(body(checked(english, Health(ABS, verdict, "x"))), "kingma-2014-adam")
    assert word in shown and "<s>" not in shown


def test_a_gone_link_is_not_struck_out_before_it_is_confirmed(english: Context) -> None:
    shown = entry(body(checked(english, Health(ABS, "gone", "404"))), "kingma-2014-adam")
    assert "<s>" not in shown and "badge-fails" in shown


def test_an_archive_address_that_is_not_safe_never_reaches_the_page(english: Context) -> None:
    gone = Health(ABS, "gone", "404", archive="javascript:alert(1)", confirmed=True)
    assert "javascript:" not in entry(body(checked(english, gone)), "kingma-2014-adam")


def test_filters_wait_for_the_script_and_the_list_is_whole_without_it(english: Context) -> None:
    more = "".join(
        f"- {{id: extra-{n}, type: {kind}, title: {{en: Extra {n}}}, lang: en, topics: [optimizers]}}\n"
        for n, kind in enumerate(["paper", "article", "video"] * 3)
    )
    write_text(english.root, {"catalog/training/optimizers/entries.yml": more}, append=True)
    html = body(replace(english, catalog=load(english.root)))
    entries = re.findall(r'<li class="entry"[^>]*>', html)
    assert len(entries) == 12 and not any(" hidden" in entry for entry in entries)
    filters = re.search(r'<div class="filters"[^>]*>', html)
    assert filters and " hidden" in filters[0]
    assert 'data-type="video"' in html and '<option value="video">video (3)</option>' in html
