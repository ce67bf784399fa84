"""What the page of a topic says of its demonstrations, and what the browser loads for them."""

from __future__ import annotations

import gzip
import json
import re
import string
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from dlatlas.evidence.store import write_json
from dlatlas.site import live
from dlatlas.site.context import Context
from dlatlas.site.live import runtime
from dlatlas.site.live.stored import Agreement, LiveEvidence, Model, model_path, record_path
from dlatlas.site.live.words import DEMONSTRATIONS, INTRO, SHARED
from dlatlas.site.topic import topic_page

from tests.tools.site.conftest import REPOSITORY

SCRIPTS = REPOSITORY / "docs" / "assets" / "live"
ALL = {**{("shared", key): words for key, words in SHARED.items()}, **{("intro", key): words for key, words in INTRO.items()}} | {
    (id, key): both for id, words in DEMONSTRATIONS.items() for key, both in words.items()
}


class Elements(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def one(self, **wanted: str) -> dict[str, str | None]:
        (found,) = (attrs for _, attrs in self.found if all(attrs.get(key.rstrip("_")) == value for key, value in wanted.items()))
        return found


@pytest.fixture
def recorded(english: Context) -> Context:
    """The fabricated tree, whose topic of optimizers has a demonstration."""
    record = LiveEvidence(
        id="dropout",
        topic="optimizers",
        code="0",
        command="dlatlas live build dropout",
        environment={"date": "2026-01-02"},
        seconds=1.0,
        values={"a": 0.5},
        facts={"probabilities": [0.0, 0.5], "text": "<&\"'>"},
        models={"dropout": Model(bytes=20_400, sha256="0")},
        agreement={"browser": Agreement(runtime="onnxruntime-web 1.2.3, Chromium 9", error=8.234e-7, inputs=5, date="2026-01-03")},
    )
    write_json(record_path(english.root, "dropout"), record)
    return english


def test_the_block_says_what_runs_and_how_close_it_is(recorded: Context) -> None:
    html = live.block(recorded, "optimizers")
    assert "(20 kB)" in html
    assert "differ from the Python module's by at most 8.23e-07 (onnxruntime-web 1.2.3, Chromium 9, 2026-01-03)" in html
    assert "earlier version of the code" in html  # the record's hash is not that of the tree
    elements = Elements(html)
    block = elements.one(**{"data-live": "dropout"})
    assert json.loads(block["data-facts"])["text"] == "<&\"'>" and json.loads(block["data-values"]) == {"a": 0.5}
    words = json.loads(block["data-words"])
    assert words["p"] == "p, the probability of dropping" and words["loading"] == "Loading …"
    button = elements.one(class_="live-start")
    assert button["type"] == "button" and "hidden" in button  # the script shows it
    assert "<noscript><p>" in html and "python -m refimpl.live.dropout" in html
    assert re.search(r"Start \(\d\.\d MB\)", html)


def test_the_block_stands_on_the_topics_page_in_both_languages(recorded: Context, chinese: Context) -> None:
    english_topic, chinese_topic = (context.topics["optimizers"] for context in (recorded, chinese))
    assert 'data-live="dropout"' in topic_page(recorded, english_topic).body
    page = topic_page(chinese, chinese_topic).body
    assert 'data-live="dropout"' in page and "丢弃概率" in page and "## 动手试一试 {#live}" in page


def test_a_topic_without_demonstration_has_no_block(recorded: Context) -> None:
    assert live.block(recorded, "pruning") == ""
    assert "{#live}" not in topic_page(recorded, recorded.topics["pruning"]).body


def test_the_pages_need_neither_torch_nor_onnx() -> None:
    code = "import sys, dlatlas.site.topic, dlatlas.site.live; print({'torch', 'onnx', 'onnxruntime', 'numpy'}.intersection(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "set()"


@pytest.mark.parametrize("place", ALL, ids="-".join)
def test_both_languages_have_the_same_placeholders(place: tuple[str, str]) -> None:
    english, chinese = ALL[place]
    fields = [sorted((name, spec) for _, name, spec, _ in string.Formatter().parse(text) if name) for text in (english, chinese)]
    assert english and chinese and fields[0] == fields[1]


@pytest.mark.parametrize("id", DEMONSTRATIONS)
def test_scripts_use_the_words_there_are(id: str) -> None:
    script = (SCRIPTS / f"{id}.js").read_text("utf-8")
    used = set(re.findall(r"words\.([\w]+)|words\[\"([\w-]+)\"\]", script))
    named = {a or b for a, b in used}
    dynamic = set(re.findall(r"\b(\w+): \[-?\d", script)) | {name for name in ("word", "inside") if f'jump("{name}")' in script}
    assert named <= DEMONSTRATIONS[id].keys()
    assert DEMONSTRATIONS[id].keys() - named - dynamic == set()


def test_every_demonstration_has_its_script_and_its_intro() -> None:
    assert INTRO.keys() == DEMONSTRATIONS.keys()
    assert all((SCRIPTS / f"{id}.js").is_file() for id in DEMONSTRATIONS)


def test_scripts_load_only_what_lies_beside_them() -> None:
    for script in (*SCRIPTS.glob("*.js"), SCRIPTS.parent / "live.js"):
        text = script.read_text("utf-8")
        assert not re.search(r"https?://(?!www\.w3\.org/)", text), script.name
        for name in re.findall(r"(?:from|import\() ?\"(\./[^\"]+)\"", text):
            assert (script.parent / name).is_file() or name in {f"./{name}" for name in runtime.SCRIPTS.values()}, (script.name, name)


def test_the_runtime_is_copied_compressed(tmp_path: Path) -> None:
    dist = runtime.MODULES / "onnxruntime-web" / "dist"
    if not dist.is_dir():
        pytest.skip("the Node packages are not installed")
    live.copy_runtime(tmp_path)
    files = {path.name: path for path in (tmp_path / "live").iterdir()}
    assert files.keys() == {"ort.js", "ort-wasm.js", "ort.wasm.gz"}
    assert gzip.decompress(files["ort.wasm.gz"].read_bytes()) == (dist / "ort-wasm-simd-threaded.wasm").read_bytes()
    assert sum(path.stat().st_size for path in files.values()) == pytest.approx(runtime.download_size(), rel=1e-3)
    assert runtime.download_size() < 3_500_000
    assert not any("sourceMappingURL" in files[name].read_text("utf-8") for name in ("ort.js", "ort-wasm.js"))


def test_models_are_named_by_the_scripts() -> None:
    """Each stored file is loaded by a script, by its name or by one made of the facts."""
    scripts = "".join(path.read_text("utf-8") for path in SCRIPTS.glob("*.js"))
    for path in model_path(REPOSITORY, "x").parent.glob("*.onnx"):
        name = re.sub(r"-\d+$", "-", path.stem)
        assert f'"{path.stem}"' in scripts or f"`{name}" in scripts, path.name
