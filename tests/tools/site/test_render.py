from pathlib import Path

import pytest
from dlatlas.catalog.load import load
from dlatlas.site import render as rendering
from dlatlas.site.generate import generate_language
from dlatlas.site.render import render

from tests.tools.tree import write


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_tree_built_in_parts_is_the_tree_built_at_once(site_tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rendering.prepare()
    generate_language(site_tree, tmp_path, load(site_tree), "en")
    render(tmp_path / "mkdocs.en.yml", tmp_path / "whole", strict=True)
    shallow = sum(len(page.relative_to(tmp_path / "en").parts) < 3 for page in (tmp_path / "en").rglob("*.md"))
    monkeypatch.setattr(rendering, "PART", shallow + 1)
    pages = sum(1 for _ in (tmp_path / "en").rglob("*.md"))
    assert len(rendering.parts(pages)) == 2
    for part in rendering.parts(pages):
        render(tmp_path / "mkdocs.en.yml", tmp_path / "parts", part=part, strict=True)
    whole, parts = files(tmp_path / "whole"), files(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    assert [name for name in whole if name.endswith(".html") and whole[name] != parts[name]] == []
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["checkout", "en", "parts", "whole"]


def test_a_warning_ends_a_strict_build(site_tree: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(site_tree, {"docs/en/verify.md": "\n[nowhere](nowhere.md)\n"}, append=True)
    rendering.prepare()
    generate_language(site_tree, tmp_path, load(site_tree), "en")
    render(tmp_path / "mkdocs.en.yml", tmp_path / "lenient")
    with pytest.raises(SystemExit, match="1 warning"):
        render(tmp_path / "mkdocs.en.yml", tmp_path / "strict", strict=True)
