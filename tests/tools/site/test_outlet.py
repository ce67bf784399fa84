from pathlib import Path

import pytest
from dlatlas.site import outlet
from dlatlas.site.node_tools import BuildError

from tests.tools.tree import write


def test_what_a_page_lacks_is_named(tmp_path: Path) -> None:
    text = '---\ntitle: "A &lt;title&gt;"\n---\n\n<span class="arithmatex">x</span>\n'
    write(tmp_path, {"en/a/index.md": text, "en/b.md": text, "en/c/index.md": text})
    write(tmp_path, {"html/a/index.html": '<h1>A &lt;title&gt;</h1><span class="arithmatex">', "html/b/index.html": "<h1>B</h1>"})
    assert outlet.lacking(tmp_path / "en", tmp_path / "html") == [
        "b.md: the title is missing: A &lt;title&gt;",
        'b.md: class="arithmatex" stands 0 times, not 1',
        "c/index.md: no page came out",
    ]


def test_a_missing_program_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlet.shutil, "which", lambda *args, **more: None)
    with pytest.raises(BuildError, match="pip install zensical"):
        outlet.outlet(tmp_path)
