"""Single values change; comments, order and every other value stay."""

from __future__ import annotations

import pytest
from dlatlas.catalog.edit import diff, edited
from dlatlas.catalog.fmt import formatted
from dlatlas.catalog.yamlread import parse_yaml

TEXT = """\
# of the file
- id: one  # of the id
  type: paper
  title:
    en: "One"
  lang: en
  links:
    # of the links
    - {url: "https://a.example/", kind: abs}  # of the first
    - {url: "https://b.example/", archive: "https://old.example/"}
  topics: [pruning]
"""


def test_the_tree_is_in_its_form() -> None:
    assert formatted(TEXT, "entries.yml") == TEXT


def test_values_are_replaced_and_added() -> None:
    url, archive = (0, "links", 0, "url"), (0, "links", 0, "archive")
    new = edited(TEXT, "entries.yml", {url: "https://c.example/", archive: 'a "b" \\', (0, "links", 1, "archive"): "https://new.example/"})
    assert new == TEXT.replace(
        '{url: "https://a.example/", kind: abs}', '{url: "https://c.example/", kind: abs, archive: "a \\"b\\" \\\\"}'
    ).replace("old.example", "new.example")
    assert diff(TEXT, new, "entries.yml").count("\n-    -") == 2


@pytest.mark.parametrize(
    "links",
    [
        "    - url: https://a.example/  # c\n      kind: abs\n",
        "    - url: >\n        https://a.example/\n",
        "    - {kind: abs, url: 'https://a.example/',\n       }\n",
        "    [{url: https://a.example/}]\n",
        "    - url: |-\n        https://a.example/\n      kind: abs\n",
    ],
)
def test_any_layout(links: str) -> None:
    text = f"- id: one\n  links:\n{links}  topics: [pruning]\n"
    new = edited(text, "entries.yml", {(0, "links", 0, "archive"): "https://x.example/"})
    before, after = parse_yaml(text).data, parse_yaml(new)
    assert not after.errors and after.data[0]["links"][0].pop("archive") == "https://x.example/"
    assert after.data == before
    assert new.count("#") == text.count("#")


def test_a_path_that_leads_nowhere() -> None:
    for path in [(0, "links", 0, "no", "archive"), (0, "ids", "github")]:
        with pytest.raises(KeyError, match="no value and no mapping"):
            edited(TEXT, "entries.yml", {path: "x"})
