import re
from html import unescape
from pathlib import Path

import msgspec
import pytest
from dlatlas.evidence.planted import Planted, write_planted
from dlatlas.evidence.store import text_hash, write_json
from dlatlas.site import listing, proof
from dlatlas.site.configuration import configuration
from dlatlas.site.context import Context, Page, relative
from dlatlas.site.generate import markdown, pages
from dlatlas.site.home import home_page
from dlatlas.site.implementation import public_names
from dlatlas.site.methods import methods_page
from dlatlas.site.strings import LANGUAGES
from dlatlas.site.topic import topic_page

from tests.tools.site.conftest import MODULE
from tests.tools.tree import write


@pytest.mark.parametrize(
    ("here", "there", "url"),
    [
        ("", "", "./"),
        ("", "a/", "a/"),
        ("a/", "", "../"),
        ("a/b/", "a/c/", "../../a/c/"),
        ("a/b/", "a/b/#x", "#x"),
        ("a/b/", "c/#x", "../../c/#x"),
    ],
)
def test_addresses_are_relative(here: str, there: str, url: str) -> None:
    assert relative(here, there) == url


def topic(context: Context, name: str) -> str:
    return topic_page(context, context.topics[name]).body


def test_a_topic_page_has_its_parts_in_reading_order(english: Context) -> None:
    body = topic(english, "optimizers")
    found = re.findall(r"^## .*\{#([\w-]+)\}$", body, re.MULTILINE)
    assert found == ["equations", "implementation", "run", "proof", "speed", "claims", "errata", "reading", "what-next", "api"]
    assert '<h1>Optimizers <span lang="zh" class="title-other">优化器</span></h1>' in body


def test_prerequisites_and_what_comes_next(english: Context) -> None:
    assert '<a href="../../training/optimizers/">Optimizers</a><span>It is trained by gradient descent.</span>' in topic(english, "lstm")
    assert '<a href="../../training/lstm/">LSTM</a>' in topic(english, "optimizers")


def test_changed_code_makes_the_page_say_stale(site_tree: Path, english: Context) -> None:
    before = topic(english, "optimizers")
    assert "badge-verified" in before and "badge-stale" not in before and "<td>2026-01-02</td>" in before
    write(site_tree, {"refimpl/training/adam.py": "\nx = 1\n"}, append=True)
    body = topic(Context(site_tree, english.catalog, english.evidence, english.bench, "en"), "optimizers")
    assert "badge-stale" in body and "mark-stale" in body and "The code has changed" in body
    assert "<td>2026-01-02 <small>earlier code</small></td>" in body


def test_numbers_come_from_the_evidence(site_tree: Path, english: Context) -> None:
    body = topic(english, "optimizers")
    assert "<td>1e-16</td><td>1e-12</td>" in body
    assert "<strong>1.05</strong>" in body and "2.1 ms" in body
    assert "1 ± 0" in body and "0.9 to 1.1" in body and "badge-verified" in body
    assert 'id="figure-adam-steps"' in body


def test_the_count_of_planted_faults_is_shown_as_long_as_it_is_of_todays_code(site_tree: Path, english: Context) -> None:
    module = "refimpl.training.adam"

    def shown(lang: str, **values: object) -> str:
        write_planted(site_tree, module, Planted(**{"code": text_hash(site_tree, module), "tests": "", "date": "2026-01-02"} | values))
        fresh = Context(site_tree, english.catalog, english.evidence, english.bench, lang)
        return topic(fresh, "optimizers")

    found = "Mutation test: 40 faults were planted in this code, one at a time; each made a test fail (2026-01-02)."
    assert "Mutation test" not in topic(english, "optimizers")
    assert f"{found}</p>" in shown("en", faults=40)
    assert f"{found} 2 more change no result; the reasons are listed.</p>" in shown("en", faults=42, equivalent=2)
    assert "植入 40 处错误，其中 1 处尚未使任何测试失败" in shown("zh", faults=40, survivors=("a → b",))
    assert "Mutation test" not in shown("en", faults=40, code="of another day")


def test_a_claim_whose_seed_leaves_the_band_does_not_hold(site_tree: Path, english: Context) -> None:
    from dlatlas.evidence.store import Evidence

    from tests.tools.tree import claim_evidence

    record = claim_evidence(site_tree, "adam-steps", "refimpl.experiments.training")
    fields = {f: getattr(record, f) for f in record.__struct_fields__}
    write_json(site_tree / "evidence/claims/adam-steps.json", {**fields, "values": {"step": [0.5, 1.5]}})
    body = topic(Context(site_tree, english.catalog, Evidence(site_tree), {}, "en"), "optimizers")
    assert "does not hold" in body and "1 ± 0.71" in body


PLACE = Page("claims/", "Claims", "", "page")


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("arXiv:1412.6980, section 2; reading note 003", "{} (arXiv:1412.6980), section 2; reading note 003"),
        ("arXiv:1904.09237; arXiv:1412.6980", "arXiv:1904.09237; {} (arXiv:1412.6980)"),
        ("kingma-2014-adam", "{}"),
        ("arXiv:1412.69801, doi:10.1/none & more", "arXiv:1412.69801, doi:10.1/none &amp; more"),
    ],
)
def test_the_sources_of_claims_lead_to_the_entries_they_name(english: Context, source: str, shown: str) -> None:
    (found,) = (claim for topic in english.catalog.topics for claim in topic.claims)
    body = proof.claim(english, PLACE, msgspec.structs.replace(found, source=source))
    link = '<cite><a href="../training/optimizers/#entry-kingma-2014-adam">Adam: A Method for Stochastic Optimization</a></cite>'
    assert f'<p class="note">Source: {shown.format(link)}</p>' in body


def test_a_claim_that_does_not_reproduce_says_so(english: Context, chinese: Context) -> None:
    (found,) = (claim for topic in english.catalog.topics for claim in topic.claims)
    assert "not reproduced" not in proof.claim(english, PLACE, found)
    missed = msgspec.structs.replace(found, reproduces=False)
    assert "not reproduced" in proof.claim(english, PLACE, missed) and "badge-verified" in proof.claim(english, PLACE, missed)
    assert "未能复现" in proof.claim(chinese, PLACE, missed)


def test_planned_methods_are_called_planned(english: Context, chinese: Context) -> None:
    body = topic(english, "lstm")
    assert "No implementation exists yet" in body and "LSTM with forget gate" in body
    assert "{#implementation}" not in body and "badge-planned" in body
    assert "尚无实现" in topic(chinese, "lstm")
    assert "Planned, not implemented yet:" in topic(english, "optimizers")


def test_the_reading_list_puts_picks_first_and_shows_relations_both_ways(english: Context) -> None:
    body = topic(english, "optimizers")
    assert re.findall(r"^### .*\{#([\w-]+)\}$", body[body.index("{#reading}") :], re.MULTILINE)[:3] == [
        "read-first",
        "group-code",
        "group-book",
    ]
    adam = re.search(r'<li class="entry" id="entry-kingma-2014-adam".*?</li>', body, re.DOTALL)
    assert adam and "Code</dt>" in adam[0] and "Explained by</dt>" in adam[0] and "abstract" in adam[0]
    code = re.search(r'id="entry-gh-someone-adam".*?</li>', body, re.DOTALL)
    assert code and "Implements</dt>" in code[0] and "(official)" in code[0] and "pytorch" in code[0]
    assert 'lang="zh-Hant"' in body and "Traditional Chinese" in body


def test_an_entry_at_home_elsewhere_is_linked_there(english: Context) -> None:
    body = topic(english, "pruning")
    assert "entry-zhihu-p-1" not in re.findall(r'id="([^"]+)"', body)
    assert 'href="../../training/optimizers/#entry-kingma-2014-adam"' in body


@pytest.mark.parametrize("lang", LANGUAGES)
def test_nothing_hostile_reaches_a_page(site_tree: Path, english: Context, lang: str) -> None:
    context = Context(site_tree, english.catalog, english.evidence, english.bench, lang)
    text = "\n".join(markdown(page) for page in pages(context))
    assert "<script" not in text and "<img" not in text and "onerror=alert(3)>" not in text
    assert not re.search(r'href="\s*javascript', text, re.IGNORECASE)
    assert "https://example.org/?a=1&amp;b=&#x27;&quot;&lt;" in text


def test_titles_in_front_matter_are_escaped(english: Context) -> None:
    page = home_page(english)
    hostile = type(page)("x/", '<b>"a"</b>', "", "page")
    assert 'title: "&lt;b&gt;&quot;a&quot;&lt;/b&gt;"' in markdown(hostile)


def test_home_counts_the_catalog(english: Context) -> None:
    body = home_page(english).body
    assert re.findall(r"<dd>(?:<a[^>]*>)?(\d+)", body) == ["2", "3", "5", "3", "1"]


def test_every_method_is_in_the_table(english: Context) -> None:
    body = methods_page(english).body
    assert [body.count(f"<code>{m}</code>") for m in ("adam", "storm", "lstm")] == [1, 1, 1]
    assert body.count("badge-planned") == 3 and "torch.optim.Adam" in body and "1e-16" in body


def test_source_pages_hold_the_whole_file(english: Context) -> None:
    (page,) = listing.source_pages(english)
    assert page.address == "source/refimpl.training.adam/"
    assert shown_lines(page.body) == MODULE.splitlines()


def shown_lines(html: str) -> list[str]:
    lines = re.findall(r'id="__codelineno-0-(\d+)" data-n="\1"[^>]*>(.*?)\n</span>', html)
    assert [int(n) for n, _ in lines] == list(range(1, len(lines) + 1))
    return [unescape(re.sub(r"<[^>]+>", "", line)) for _, line in lines]


def test_the_modules_that_a_method_uses_are_folded_below_it(site_tree: Path, english: Context) -> None:
    write(site_tree, {"refimpl/training/rule.py": '"""A rule."""\n', "refimpl/training/adam.py": "from refimpl.training.rule import x\n"})
    body = topic(english, "optimizers")
    folded = '<details class="helper"><summary>It uses <code>refimpl.training.rule</code></summary>'
    assert folded in body and "<p>A rule.</p>" in body

    text = 'from refimpl.training.rule import x\nfrom refimpl.training.scale import y\n\n__all__ = ["y"]\n'
    write(site_tree, {"refimpl/training/scale.py": '"""A scale."""\n', "refimpl/training/adam.py": text})
    body = topic(english, "optimizers")
    opened = '<details class="helper" open><summary>Part of it: <code>refimpl.training.scale</code></summary>'
    assert 0 < body.index(opened) < body.index(folded), "what a method offers as its own stands open, before what it only uses"
    assert 'href="../../source/refimpl.training.rule/"' in body
    assert "source/refimpl.training.rule/" in [page.address for page in listing.source_pages(english)]


def test_both_languages_have_the_same_pages(english: Context, chinese: Context) -> None:
    assert [p.address for p in pages(english)] == [p.address for p in pages(chinese)]


def test_only_sections_are_in_the_navigation(english: Context, tmp_path: Path) -> None:
    nav = configuration(english, tmp_path)["nav"]
    areas = ["training/index.md", "compression/index.md"]
    lists = ["methods/index.md", "claims/index.md", "errata/index.md", "glossary/index.md", "verify.md"]
    assert [next(iter(item.values())) for item in nav] == ["index.md", *areas, *lists]


def test_public_names() -> None:
    assert public_names(MODULE) == ["Adam", "step"]
    assert public_names("def a(): ...\ndef _b(): ...\nclass C: ...\n") == ["a", "C"]
