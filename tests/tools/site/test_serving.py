import threading
import urllib.request
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from dlatlas.site import serving
from dlatlas.site.build import build
from dlatlas.site.incremental import Incremental, _Worker, topics_of
from dlatlas.site.node_tools import BuildError
from dlatlas.site.preview import EVENTS, SCRIPT, Bell, _Handler
from dlatlas.site.serving import Keeper

from tests.tools.tree import write


@pytest.mark.parametrize(
    ("files", "topics"),
    [
        (["catalog/training/lstm/topic.yml"], {"lstm"}),
        (["catalog/training/lstm/topic.yml", "catalog/compression/pruning/entries.yml"], {"lstm", "pruning"}),
        (["catalog/areas.yml"], None),
        (["catalog/training/lstm/topic.yml", "docs/en/verify.md"], None),
        (["catalog/training/lstm/gone.yml"], None),
    ],
)
def test_only_files_of_topics_are_built_alone(tree: Path, files: list[str], topics: set[str] | None) -> None:
    assert topics_of(tree, [tree / name for name in files]) == topics


def test_a_page_built_alone_is_the_page_of_the_whole_build(site_tree: Path, tmp_path: Path) -> None:
    site = tmp_path / "out"
    build(site_tree, site)
    pages = [site / lang / "training/optimizers/index.html" for lang in ("en", "zh")]
    before = [page.read_text("utf-8") for page in pages]
    with Incremental(site_tree, site) as alone:
        assert alone.update({"optimizers"}) == ["training/optimizers/"]
        assert [page.read_text("utf-8") for page in pages] == before
        topic = site_tree / "catalog/training/optimizers/topic.yml"
        topic.write_text(topic.read_text("utf-8").replace("into a step.", "into a new step."), "utf-8")
        alone.update({"optimizers"})
        assert "into a new step." in pages[0].read_text("utf-8") and 'class="katex"' in pages[0].read_text("utf-8")
        assert pages[1].read_text("utf-8") == before[1]
        topic.write_text(topic.read_text("utf-8").replace("\\theta \\leftarrow", "\\thetta \\leftarrow"), "utf-8")
        with pytest.raises(BuildError, match="thetta"):
            alone.update({"optimizers"})
        assert "into a new step." in pages[0].read_text("utf-8")
        with pytest.raises(BuildError, match="no topic storm"):
            alone.update({"storm"})


def test_mkdocs_stays_until_what_it_read_once_changes(site_tree: Path) -> None:
    worker = _Worker(site_tree, site_tree / "build/preview", "en")
    page = site_tree / "build/preview/html/en/training/optimizers/index.html"
    assert 'id="refimpl.training.adam.step"' in page.read_text("utf-8")
    first = worker.kept
    topic = site_tree / "catalog/training/optimizers/topic.yml"
    topic.write_text(topic.read_text("utf-8").replace("into a step.", "into a new step."), "utf-8")
    worker.build(["optimizers"])
    assert worker.kept is first and "into a new step." in page.read_text("utf-8")
    write(site_tree, {"refimpl/training/adam.py": '\n\ndef added() -> None:\n    """A new one."""\n'}, append=True)
    worker.build(["optimizers"])
    assert worker.kept is not first and 'id="refimpl.training.adam.added"' not in page.read_text("utf-8")


class Recorder:
    """Stands for the pages that are built alone."""

    def __init__(self) -> None:
        self.updated: list[set[str]] = []

    def update(self, topics: set[str]) -> None:
        if "broken" in topics:
            raise BuildError("the page is broken")
        self.updated.append(set(topics))


def test_a_changed_topic_is_shown_at_once_and_the_rest_later(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole: list[Path] = []
    pages, bell = Recorder(), Bell()
    keeper = Keeper(tree, tree / "site", pages, bell)  # type: ignore[arg-type]

    def build_all(root: Path, site: Path) -> None:
        whole.append(site)
        keeper.changed({tree / "catalog/training/lstm/topic.yml"})

    monkeypatch.setattr(serving, "build", build_all)
    keeper.changed({tree / "catalog/training/lstm/topic.yml"})
    assert pages.updated == [{"lstm"}] and bell.count == 1 and keeper.last is not None
    keeper.changed({tree / "catalog/areas.yml"})
    assert pages.updated == [{"lstm"}] and bell.count == 1
    keeper.recent.clear()
    keeper.whole()  # an edit during a whole build is not lost: the old page is in it
    assert whole == [tree / "site"] and pages.updated == [{"lstm"}, {"lstm"}, {"lstm"}]
    write(tree, {"catalog/training/broken/topic.yml": "x"})
    keeper.changed({tree / "catalog/training/broken/topic.yml"})
    assert "the page is broken" in capsys.readouterr().err


def test_open_pages_learn_of_a_change(tmp_path: Path) -> None:
    write(tmp_path, {"a/index.html": "<body>x</body>", "a/b.txt": "</body>"})
    bell = Bell()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(tmp_path), bell=bell)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        root = f"http://127.0.0.1:{server.server_port}"
        with urllib.request.urlopen(f"{root}/a/?q=1") as answer:
            assert answer.read() == b"<body>x" + SCRIPT + b"</body>"
        with urllib.request.urlopen(f"{root}/a/b.txt") as answer:
            assert answer.read() == b"</body>"
        with urllib.request.urlopen(root + EVENTS, timeout=10) as events:
            bell.ring()
            assert events.readline() == b"data: changed\n"
        server.shutdown()
    assert (tmp_path / "a/index.html").read_text("utf-8") == "<body>x</body>"
