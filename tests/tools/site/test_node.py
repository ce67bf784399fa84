import json
from pathlib import Path

import pytest
from dlatlas.site.node_tools import FOLDER, MODULES, start

from tests.tools.tree import write


def test_the_lock_file_pins_everything_and_names_no_registry() -> None:
    package = json.loads((FOLDER / "package.json").read_text("utf-8"))
    wanted = package["dependencies"] | package["devDependencies"]
    lock = json.loads((FOLDER / "package-lock.json").read_text("utf-8"))["packages"]
    assert {name: lock[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert all("resolved" not in package for package in lock.values())
    assert all(package.get("integrity") or package.get("optional") for name, package in lock.items() if name)


installed = pytest.mark.skipif(not MODULES.is_dir(), reason="the node packages are not installed: make site")

SHEET = """\
@font-face{font-family:x;src:url(x.woff2)}
@keyframes turn{from{top:0}to{top:1px}}
:root{--gone:1}
:focus-visible{outline:1px solid}
::selection{color:red}
.used{color:red}
.never,.used>a{color:green}
.used .never{color:blue}
#never{color:blue}
nav{color:blue}
:not(.never)>a:is(.used,.never):hover{color:blue}
.scripted{color:red}
body[data-md-locked]{overflow:hidden}
[data-md-never]{overflow:hidden}
[class=used]{color:red}
[class=never]{color:red}
[class^=never]{color:red}
.after-a-quoted-bracket{color:red}
.not\\:a-word{color:red}
@media print{.never-printed{display:none}.used{color:black}}
@media screen{.never-shown{display:none}}
.only-in-the-text{color:red}
"""
LEFT_OUT = ("#never{", "nav{", ".used .never{", "[data-md-never]", "[class=never]", "@media screen", ".only-in-the-text")

PAGE = """\
<!doctype html><html><head><link rel="stylesheet" href="assets/a.css">
<link rel="stylesheet" href="assets/b.css">
</head><body><p title="a > b" class="after-a-quoted-bracket">only-in-the-text</p><a class="used" href="#">x</a></body></html>
"""

SCRIPT = 'node.className = "scripted"; document.body.dataset.mdLocked = ""; const html = `<table>`'


def finish(folder: Path, *files: Path) -> str:
    process = start(FOLDER / "finish.mjs", folder, *files)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    return (folder / "assets/site.css").read_text("utf-8")


def site(folder: Path) -> Path:
    write(folder, {"assets/a.css": SHEET, "assets/b.css": "/* of tables */ table{margin:0}\n", "assets/a.js": SCRIPT, "index.html": PAGE})
    return folder / "index.html"


@installed
def test_rules_that_no_page_and_no_script_uses_are_left_out(tmp_path: Path) -> None:
    site(tmp_path)
    kept = [line for line in SHEET.splitlines() if not line.startswith(LEFT_OUT)]
    expected = "\n".join(kept).replace(".never,.used>a", ".used>a").replace(".never-printed{display:none}", "")
    assert finish(tmp_path).split() == [*expected.split(), "table{margin:0}"]


@installed
def test_one_page_alone_gets_every_rule(tmp_path: Path) -> None:
    """The other pages' needs are not known then."""
    assert finish(tmp_path, site(tmp_path)) == SHEET + "\n/* of tables */ table{margin:0}\n"
