import json
import re
from pathlib import Path

import pytest
from dlatlas.links import health
from dlatlas.site.changes import changelog, changes_page
from dlatlas.site.configuration import configuration, hand_written
from dlatlas.site.context import Context
from dlatlas.site.guide import FILES, anchored, guide_page
from dlatlas.site.link_health import link_health_page
from dlatlas.site.methods import methods_page, speed
from dlatlas.site.numbers import GATES, SCALE, numbers_page
from dlatlas.site.reference import LIBRARY, reference_page

from tests.tools.site.conftest import REPOSITORY
from tests.tools.tree import write


def row(ratio: float | None, against: str, device: str = "cpu", mode: str = "eager") -> dict[str, object]:
    return {"device": device, "mode": mode, "forward_ratio": ratio, "against": against}


def test_speed_is_the_geometric_mean_against_pytorch_itself() -> None:
    rows = [row(9.0, "loop"), row(0.5, "torch.x"), row(2.0, "torch.x")]
    rows += [row(4.0, "torch.x", mode="compiled"), row(4.0, "torch.x", device="gpu")]
    assert speed(rows) == (pytest.approx(1.0), "torch.x")
    assert speed(rows[:1]) == (pytest.approx(9.0), "loop")
    assert speed([row(None, "torch.x")]) is None


def test_the_methods_table_shows_the_speed_and_can_sort(english: Context) -> None:
    body = methods_page(english).body
    assert "1.05× <small>torch.optim.Adam</small>" in body and "table-wrap methods sortable" in body


def test_link_health_says_when_nothing_was_checked(english: Context) -> None:
    body = link_health_page(english).body
    assert "Nothing has been checked yet" in body and "<table" not in body


def test_link_health_shows_what_needs_attention(site_tree: Path, english: Context) -> None:
    fine = health.Health("https://arxiv.org/abs/1412.6980", "ok", "200", checked="2026-01-03")
    gone = health.Health("http://cn.arxiv.org/abs/1412.6980", "gone", "host not found <x>", since="2026-01-02", checked="2026-01-03")
    health.write(site_tree, [fine, gone])
    body = link_health_page(english).body
    assert "2 of " in body and "last on 2026-01-03" in body
    trouble = body[body.index('id="trouble"') :]
    assert "host not found &lt;x&gt;" in trouble and "2026-01-02" in trouble and 'href="http://cn.arxiv.org/abs/1412.6980"' in trouble
    assert "https://arxiv.org/abs/1412.6980" not in trouble
    assert 'href="../training/optimizers/#entry-kingma-2014-adam"' in trouble


def test_what_changed_lists_dated_works_and_the_changelog(site_tree: Path, english: Context) -> None:
    assert "{#changelog}" not in changes_page(english).body
    write(site_tree, {"CHANGELOG.md": "# Changelog\n\n## 1.0\n\n### Added\n\n- Things.\n"})
    body = changes_page(english).body
    assert re.findall(r'<h3 id="on-2026-01-01">2026-01-01</h3><ul>(.*?)</ul>', body)[0].count("<li>") == 1
    assert "### 1.0 {#change-1}" in body and "#### Added {#change-2}" in body and "- Things." in body
    assert "../../feed.xml" in body


def test_a_changelog_is_marked_as_english() -> None:
    assert changelog("# Changelog\n\nWords.\n") == '<div lang="en" markdown="1">\n\nWords.\n\n</div>'


def test_the_guide_has_the_same_anchors_in_both_languages(english: Context) -> None:
    assert guide_page(english) is None
    found = [re.findall(r"\{#part-\d+\}", anchored((REPOSITORY / name).read_text("utf-8"))) for name in FILES.values()]
    assert found[0] == found[1] and len(found[0]) > 4
    listings = [re.findall(r"^(?!make|#)\S.*$", code, re.MULTILINE) for name in FILES.values() for code in code_of(name)]
    half = len(listings) // 2
    assert listings[:half] == listings[half:]


def code_of(name: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", (REPOSITORY / name).read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_headings_in_listings_are_left_alone() -> None:
    assert anchored("# a\n\n```sh\n# no\n```\n\n## b\n") == "# a {#part-0}\n\n```sh\n# no\n```\n\n## b {#part-1}\n"


def test_the_reference_names_every_public_name(english: Context) -> None:
    body = reference_page(english).body
    assert "<code>Adam</code>, <code>step</code>" in body and 'href="../source/refimpl.training.adam/"' in body
    assert [f"::: {name}" in body for name in LIBRARY] == [True] * len(LIBRARY)


def test_the_numbers_come_from_the_recorded_runs(site_tree: Path, english: Context) -> None:
    assert numbers_page(english).body.count("<table") == 0
    scale = {"topics": 1000, "pages": 2044, "seconds": 40.0, "ms_per_page": 19.6, "peak_mib": 700, "first_result_ms": 321, "edit_ms": 1234}
    gates = {"weight": {"problems": [], "seconds": 3.2, "looked": 4, "heaviest": {"address": "en/x/", "bytes": 299418}}}
    write(site_tree, {SCALE: json.dumps({"environment": {"cpu": "x"}, "rows": [scale]})})
    write(site_tree, {GATES: json.dumps({"environment": {}, "gates": gates})})
    body = numbers_page(english).body
    for shown in ("2,044", "40 s", "19.6 ms", "700 MiB", "321 ms", "1.2 s", "≤ 299 kB", "3.2"):
        assert shown in body


def test_pages_written_by_hand_name_themselves(site_tree: Path, english: Context, tmp_path: Path) -> None:
    write(site_tree, {"docs/en/extra.md": '---\ntitle: "An extra <page>"\nkind: page\n---\n\n# x {#x}\n'})
    assert hand_written(site_tree, "en")["extra"] == "An extra <page>"
    more = configuration(english, tmp_path)["extra"]["more"]
    assert {"id": "extra", "title": "An extra &lt;page&gt;"} in more
    assert "verify" not in [item["id"] for item in more]


def test_the_address_of_the_site_reaches_the_templates(english: Context, tmp_path: Path) -> None:
    assert configuration(english, tmp_path)["extra"]["url"] is None
    assert configuration(english, tmp_path, "https://a.example/")["extra"]["base"] == "https://a.example/"
