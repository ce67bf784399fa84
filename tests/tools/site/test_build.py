import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from dlatlas.catalog.load import CatalogError
from dlatlas.site import build as building
from dlatlas.site import gates, preview
from dlatlas.site.build import BuildError, build

from tests.tools.tree import write


def text(site: Path, page: str) -> str:
    return (site / page / "index.html").read_text("utf-8")


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_whole_site(site_tree: Path, tmp_path: Path) -> None:
    site = tmp_path / "out"
    build(site_tree, site)
    assert gates.check(site) == []
    for lang, title in (("en", "Optimizers"), ("zh", "优化器")):
        page = text(site, f"{lang}/training/optimizers")
        assert f"<title>{title}" in page and f'<html lang="{lang}"' in page
        assert 'class="katex"' in page and "arithmatex" not in page
        assert 'id="refimpl.training.adam.Adam"' in page
        other = {"en": "zh", "zh": "en"}[lang]
        assert f'href="../../../{other}/training/optimizers/" hreflang="{other}"' in page
        assert (site / "search/index.json").is_file() and (site / lang / "assets/search.js").is_file()
        assert f'content="http://127.0.0.1:8000/cards/{lang}/training/optimizers.png"' in page
        assert (site / f"cards/{lang}/training/optimizers.png").is_file() and (site / f"cards/{lang}/home.png").is_file()
        assert re.search(r'id="__codelineno-0-12"', text(site, f"{lang}/source/refimpl.training.adam"))
        assert (site / lang / "source/refimpl.training.adam/adam.py.txt").read_text("utf-8") == (
            site_tree / "refimpl/training/adam.py"
        ).read_text("utf-8")
    landing = text(site, "")
    assert 'href="en/"' in landing and 'href="zh/"' in landing
    assert not list(tmp_path.glob(".out-*"))
    before = contents(site)
    build(site_tree, site)
    assert contents(site).keys() == before.keys()


def broken_formula(root: Path) -> None:
    topic = root / "catalog/training/optimizers/topic.yml"
    topic.write_text(topic.read_text("utf-8").replace("\\theta \\leftarrow", "\\thetta \\leftarrow"), "utf-8")


def broken_link(root: Path) -> None:
    write(root, {"docs/en/verify.md": "\n[nowhere](nowhere.md)\n"}, append=True)


def broken_anchor(root: Path) -> None:
    write(root, {"docs/en/verify.md": '\n<a href="#nowhere">x</a>\n'}, append=True)


@pytest.mark.parametrize(
    ("damage", "message"),
    [(broken_formula, "thetta"), (broken_link, "nowhere.md"), (broken_anchor, "anchor that does not exist: #nowhere")],
    ids=["formula", "link", "anchor"],
)
def test_a_failed_build_leaves_the_last_good_site(site_tree: Path, tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    site = good_site(tmp_path)
    damage(site_tree)
    with pytest.raises(BuildError, match=re.escape(message)):
        build(site_tree, site)
    assert contents(site) == {".nojekyll": b"", "index.html": b"the last good site"}
    assert not list(tmp_path.glob(".site-*"))


def good_site(folder: Path) -> Path:
    site = folder / "site"
    site.mkdir()
    (site / ".nojekyll").touch()
    (site / "index.html").write_text("the last good site", "utf-8")
    return site


@pytest.mark.parametrize("step", ["_generate", "_mkdocs", "_swap"])
def test_an_interrupted_build_leaves_the_last_good_site(
    site_tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def interrupt(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    site = good_site(tmp_path)
    monkeypatch.setattr(building, step, interrupt)
    with pytest.raises(KeyboardInterrupt):
        build(site_tree, site)
    assert (site / "index.html").read_text("utf-8") == "the last good site"
    assert not list(tmp_path.glob(".site-*"))


def test_a_swap_that_fails_halfway_is_undone(tmp_path: Path) -> None:
    site = good_site(tmp_path)
    with pytest.raises(FileNotFoundError):
        building._swap(tmp_path / "missing", site)
    assert (site / "index.html").read_text("utf-8") == "the last good site"
    assert not list(tmp_path.glob(".site-*"))


def test_what_a_killed_build_left_is_put_right(tmp_path: Path) -> None:
    site = good_site(tmp_path)
    aside, unfinished, running = (tmp_path / f".site-{name}" for name in ("a.old", "b.part", "c.part"))
    for folder in (aside, unfinished, running):
        folder.mkdir()
    site.rename(aside / "site")
    os.utime(unfinished, (0, 0))
    building._recover(site)
    assert (site / "index.html").read_text("utf-8") == "the last good site"
    assert not unfinished.exists() and running.exists()


def test_a_broken_catalog_is_reported(site_tree: Path, tmp_path: Path) -> None:
    write(site_tree, {"catalog/training/lstm/topic.yml": "id: [\n"})
    with pytest.raises(CatalogError, match=r"lstm/topic\.yml:\d+"):
        build(site_tree, tmp_path / "out")


def test_a_folder_that_is_not_a_site_is_never_replaced(site_tree: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.tex").write_text("x", "utf-8")
    with pytest.raises(BuildError, match="precious holds something"):
        build(site_tree, precious)
    assert (precious / "thesis.tex").exists()


def test_missing_parts_are_named(site_tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building.node_tools, "MODULES", tmp_path / "none")
    with pytest.raises(BuildError, match="npm ci --prefix"):
        build(site_tree, tmp_path / "out")
    (site_tree / "mkdocs.yml").unlink()
    with pytest.raises(BuildError, match=r"mkdocs\.yml is missing"):
        build(site_tree, tmp_path / "out")


def test_the_preview_sees_changes(tmp_path: Path) -> None:
    write(tmp_path, {"a/b.yml": "1", "c.yml": "2"})
    watched = [tmp_path / "a", tmp_path / "c.yml"]
    first = preview.snapshot(watched)
    assert {p.name for p in first} == {"b.yml", "c.yml"}
    write(tmp_path, {"a/d.yml": "3"})
    assert preview.snapshot(watched) != first
