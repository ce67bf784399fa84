import json
import os
import subprocess
from pathlib import Path

import pytest
from dlatlas.site import inspection
from dlatlas.site.inspection import inspect
from dlatlas.site.node_tools import FOLDER, BuildError, executable
from dlatlas.site.numbers import GATES

from tests.tools.tree import write

GOOD = '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>t</title></head><body><h1 id="a">x</h1>{}</body></html>\n'


def test_a_missing_site_and_a_missing_browser_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BuildError, match="holds no built site"):
        inspect(tmp_path, tmp_path / "site")
    write(tmp_path, {"site/index.html": GOOD.format("")})
    monkeypatch.setenv("CHROME_PATH", str(tmp_path / "no-browser"))
    with pytest.raises(BuildError, match="no Chromium: install one"):
        inspect(tmp_path, tmp_path / "site", only=["markup"])
    with pytest.raises(BuildError, match="leave --only or --evidence away"):
        inspect(tmp_path, tmp_path / "site", only=["markup"], evidence=True)


def test_a_gate_that_does_not_exist_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"site/index.html": GOOD.format("")})
    with pytest.raises(BuildError, match="no gate nonsense; there are markup"):
        inspect(tmp_path, tmp_path / "site", only=["nonsense"])


def test_links_need_no_browser(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"site/index.html": GOOD.format('<a href="no/">x</a>')})
    assert not inspect(tmp_path, tmp_path / "site", only=["links"])
    assert "FAILED links" in capsys.readouterr().out
    write(tmp_path, {"site/index.html": GOOD.format('<a href="#a">x</a>')})
    assert inspect(tmp_path, tmp_path / "site", only=["links"])


def test_all_gates_are_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"site/index.html": GOOD.format("")})
    monkeypatch.setattr(inspection, "_browser", lambda site, only: {"markup": {"problems": ["x"], "seconds": 1.0, "looked": 1}})
    assert not inspect(tmp_path, tmp_path / "site", evidence=True)
    stored = json.loads((tmp_path / GATES).read_text("utf-8"))
    assert list(stored["gates"]) == ["links", "markup"] and stored["environment"]["cores"] == str(os.cpu_count())


FAULTY = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>t</title><link rel="icon" href="data:,"></head>
<body><main><h1>x</h1><p style="color: #aaa; background: #fff">pale</p><img src="no.png"><a href="#a" id="a" id="b">a</a></main>
<script>console.error("wrong"); fetch("http://127.0.0.2:9/").catch(() => {});</script></body></html>
"""


def test_the_gates_find_what_is_planted(tmp_path: Path) -> None:
    """Every browser gate that can look at a bare page finds the fault that is on it."""
    write(tmp_path, {"site/index.html": FAULTY, "site/en/a/index.html": FAULTY, "site/zh/a/index.html": FAULTY})
    report = tmp_path / "report.json"
    gates = ["markup", "accessibility", "visit", "foreign requests", "console"]
    command = [executable(), FOLDER / "gates/main.mjs", tmp_path / "site", report, *gates]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    found = {name: "\n".join(gate["problems"]) for name, gate in json.loads(report.read_text("utf-8")).items()}
    assert "index.html:3" in found["markup"] and "attr" in found["markup"]
    assert "color-contrast" in found["accessibility"] and "image-alt" in found["accessibility"]
    assert "http://127.0.0.2:9/" in found["foreign requests"]
    assert "wrong" in found["console"] and "404 no.png" in found["console"]
