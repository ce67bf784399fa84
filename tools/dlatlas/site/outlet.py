"""Prove that the way out of MkDocs stays open: ``python -m dlatlas.site.outlet`` builds the same tree of Markdown with Zensical.

It generates the tree anew, builds both languages, and looks into what came out: each Markdown page must have become a page
with its title, its formulas and its rows of code.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from html import unescape
from pathlib import Path

from dlatlas.catalog.load import load
from dlatlas.root import find_root
from dlatlas.site import node_tools
from dlatlas.site.generate import generate
from dlatlas.site.node_tools import BuildError
from dlatlas.site.strings import LANGUAGES

MARKS = ('class="arithmatex"', 'class="edition-row"', '<li class="entry"')
"""What a page must hold as often as its Markdown does."""


def outlet(root: Path) -> int:
    """Build both languages with Zensical below ``root/build/outlet``; the number of pages that came out.

    Raises:
        BuildError: Zensical is missing or failed, or a page lacks something.
    """
    program = shutil.which("zensical", path=str(Path(sys.executable).parent)) or shutil.which("zensical")
    if program is None:
        raise BuildError("zensical is missing: pip install zensical")
    work = root / "build" / "outlet"
    generate(root, work, load(root))
    pages = 0
    for lang in LANGUAGES:
        node_tools.copy_assets(work / lang / "assets")
        shutil.rmtree(work / "html" / lang, ignore_errors=True)
        start = time.perf_counter()
        done = subprocess.run([program, "build", "-f", f"mkdocs.{lang}.yml"], cwd=work, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildError(f"zensical failed on {lang}:\n{(done.stdout + done.stderr).strip()[-2000:]}")
        problems = lacking(work / lang, work / "html" / lang)
        if problems:
            raise BuildError("\n".join(problems))
        made = sum(1 for _ in (work / lang).rglob("*.md"))
        print(f"{lang}: {made} pages in {time.perf_counter() - start:.1f} s", flush=True)
        pages += made
    return pages


def lacking(tree: Path, site: Path) -> list[str]:
    """What the pages of ``site`` lack of the Markdown below ``tree``."""
    problems = []
    for source in sorted(tree.rglob("*.md")):
        place = source.relative_to(tree)
        file = site / (place.parent if place.name == "index.md" else place.with_suffix("")) / "index.html"
        if not file.is_file():
            problems.append(f"{place}: no page came out")
            continue
        text, html = source.read_text("utf-8"), file.read_text("utf-8")
        title = re.search(r'^title: "?(.+?)"?$', text, re.MULTILINE)
        if title and title[1] not in html and unescape(title[1]) not in html:
            problems.append(f"{place}: the title is missing: {title[1]}")
        for mark in MARKS:
            if html.count(mark) < text.count(mark):
                problems.append(f"{place}: {mark} stands {html.count(mark)} times, not {text.count(mark)}")
    return problems


if __name__ == "__main__":
    try:
        outlet(find_root())
    except BuildError as error:
        sys.exit(str(error))
