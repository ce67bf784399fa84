import re
import string

import pytest
from dlatlas.site.configuration import SECTIONS, TEMPLATE_WORDS
from dlatlas.site.strings import LANGUAGES, WORDS, say

from tests.tools.site.conftest import REPOSITORY


@pytest.mark.parametrize("key", WORDS)
def test_both_languages_have_the_same_placeholders(key: str) -> None:
    english, chinese = WORDS[key]
    fields = [sorted(name for _, name, _, _ in string.Formatter().parse(text) if name) for text in (english, chinese)]
    assert english and chinese and fields[0] == fields[1]


def test_say_fills_placeholders() -> None:
    assert say("en", "topics-count", n=3) == "3 topics"
    assert say("zh", "topics-count", n=3) == "3 个主题"
    with pytest.raises(KeyError):
        say("en", "no-such-word")


def test_every_word_is_used() -> None:
    files = (REPOSITORY / "tools/dlatlas/site").rglob("*.py")
    source = "\n".join(p.read_text("utf-8") for p in files if not p.name.startswith(("strings", "words_")))
    prefixes = ("verdict-", "gate-", "type-", "lang-", "level-", "link-", "rel-", "rev-", "filter-", "group-", "use-")
    unused = [
        k for k in WORDS if not re.search(f"[\"']{k}[\"']", source) and not k.startswith(prefixes) and not k.endswith(("-count", "-one"))
    ]
    assert unused == []


def test_templates_only_use_words_they_are_given() -> None:
    templates = "\n".join(p.read_text("utf-8") for p in (REPOSITORY / "docs/overrides").rglob("*.html"))
    assert set(re.findall(r"words\.(\w+)", templates)) <= {word.replace("-", "_") for word in TEMPLATE_WORDS}


def test_hand_written_pages_exist_in_both_languages_with_explicit_ids() -> None:
    names = {lang: {p.relative_to(REPOSITORY / "docs" / lang) for p in (REPOSITORY / "docs" / lang).rglob("*.md")} for lang in LANGUAGES}
    assert names["en"] == names["zh"]
    anchors = {}
    for lang in LANGUAGES:
        for name in names[lang]:
            prose = re.sub(r"^```.*?^```", "", (REPOSITORY / "docs" / lang / name).read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
            headings = re.findall(r"^#+ .*$", prose, re.MULTILINE)
            assert all(re.search(r"\{#[a-z-]+\}$", h) for h in headings), (lang, name)
            anchors.setdefault(name, []).append([re.search(r"\{#([a-z-]+)\}$", h)[1] for h in headings])  # type: ignore[index]
    assert all(english == chinese for english, chinese in anchors.values())
    assert "verify" in SECTIONS
