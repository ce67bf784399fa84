"""Build the site: generate, MkDocs for both languages at once, formulas, search, checks, and one swap at the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dlatlas.catalog.load import load
from dlatlas.site import live, node_tools, render, search
from dlatlas.site.landing import landing, missing
from dlatlas.site.node_tools import BuildError
from dlatlas.site.publish import LOCAL, publish, site_url
from dlatlas.site.strings import LANGUAGES

__all__ = ["BuildError", "build"]

MARK = ".nojekyll"
"""Tells a site of ours, which a build may replace; its name also keeps GitHub Pages from dropping files."""

WITHOUT_HOST = ("404.html", "sitemap.xml", "sitemap.xml.gz")
"""What MkDocs writes for a site at the root of a known host, which ours need not be."""


def build(root: Path, out: Path, *, strict: bool = True, url: str | None = None) -> None:
    """Build the site of the checkout ``root`` into ``out``, which changes only when everything has succeeded.

    ``url`` is the address under which it will be found (default: ``$DLATLAS_SITE_URL``); without one it names no host but this machine.

    Raises:
        CatalogError: the catalog breaks its format.
        ValueError: ``url`` is not an address of a page on the web.
        BuildError: a step failed, or (with ``strict``) MkDocs warned or a check of the built pages found a problem.
    """
    root, out, url = root.resolve(), out.resolve(), site_url(url)
    for needed in (root / "mkdocs.yml", *(root / "docs" / lang for lang in LANGUAGES)):
        if not needed.exists():
            raise BuildError(f"{needed} is missing: the site is built from a checkout of the repository")
    if out.exists() and any(out.iterdir()) and not (out / MARK).exists():
        raise BuildError(f"{out} holds something that is not a site of this program; name an empty or a new folder")
    node_tools.require()
    work = root / "build" / "site"
    out.parent.mkdir(parents=True, exist_ok=True)
    _recover(out)
    new = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-", suffix=".part"))
    try:
        with _step("pages"):
            catalog = load(root)
            counts = _together({lang: _generate(root, work, lang, url) for lang in LANGUAGES})
            for lang in LANGUAGES:
                node_tools.copy_assets(work / lang / "assets")
                live.copy_runtime(work / lang / "assets")
            pages = {lang: int(count) for lang, count in counts.items()}
            print(f"{sum(pages.values())} pages", end=" ", flush=True)
        with _step("html"):
            for part in render.parts(max(pages.values())):
                _together({lang: _mkdocs(work, lang, new / lang, part, strict) for lang in LANGUAGES})
            for unusable in (new / lang / name for lang in LANGUAGES for name in WITHOUT_HOST):
                unusable.unlink(missing_ok=True)
        with _step("formulas and styles"):
            _together({lang: node_tools.start(node_tools.FOLDER / "finish.mjs", new / lang) for lang in LANGUAGES})
        with _step("cards"):
            drawn = _together({lang: _python("cards", root, new / "cards" / lang, lang) for lang in LANGUAGES})
            print(f"{sum(map(int, drawn.values()))} drawn", end=" ", flush=True)
        (new / "index.html").write_text(landing(), "utf-8")
        (new / "404.html").write_text(missing(), "utf-8")
        (new / MARK).touch()
        publish(new, catalog, url)
        with _step("search index and checks"):
            problems = _together({"": _python("gates", new, url or LOCAL)}, meanwhile=lambda: search.prepare(new, catalog))[""]
            if problems and strict:
                raise BuildError(f"the built pages have problems:\n{problems}")
            print(problems, end="", flush=True)
        new.chmod(0o755)
        _swap(new, out)
    finally:
        shutil.rmtree(new, ignore_errors=True)


@contextmanager
def _step(name: str) -> Iterator[None]:
    """Say what is being done and how long it took."""
    print(f"site: {name} … ", end="", flush=True)
    start = time.perf_counter()
    try:
        yield
    except BaseException:
        print("failed", flush=True)
        raise
    print(f"{time.perf_counter() - start:.1f} s", flush=True)


def _generate(root: Path, work: Path, lang: str, url: str | None) -> subprocess.Popen[str]:
    return _python("generate", root, work, lang, *(["--url", url] if url else []))


def _mkdocs(work: Path, lang: str, to: Path, part: int, strict: bool) -> subprocess.Popen[str]:
    return _python("render", work / f"mkdocs.{lang}.yml", to, "--part", str(part), *(["--strict"] if strict else []))


def _python(module: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """Start a module of this package in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", f"dlatlas.site.{module}", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
    )


def _together(processes: Mapping[str, subprocess.Popen[str]], meanwhile: Callable[[], object] = bool) -> dict[str, str]:
    """Wait for all and return what they print; when one fails or the wait is interrupted, none is left running.

    ``meanwhile`` is done in this process while they run.

    Raises:
        BuildError: with the output of those that failed.
    """
    try:
        meanwhile()
        outputs = {name: process.communicate()[0] for name, process in processes.items()}
    finally:
        for process in processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()
    failed = [f"[{name}] {output.strip() or 'no output'}" for name, output in outputs.items() if processes[name].returncode]
    if failed:
        raise BuildError("\n".join(failed))
    return outputs


def _recover(out: Path) -> None:
    """Undo what a killed build left: put back a site that it had set aside, remove unfinished ones of an hour ago."""
    for aside in out.parent.glob(f".{out.name}-*.old"):
        if not out.exists() and (aside / out.name).is_dir():
            (aside / out.name).rename(out)
    for left in (*out.parent.glob(f".{out.name}-*.old"), *out.parent.glob(f".{out.name}-*.part")):
        if time.time() - left.stat().st_mtime > 3600:
            shutil.rmtree(left, ignore_errors=True)


def _swap(new: Path, out: Path) -> None:
    """Put ``new`` in the place of ``out``; when that fails, ``out`` is put back."""
    if not out.exists():
        new.rename(out)
        return
    old = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-", suffix=".old"))
    try:
        out.rename(old / out.name)
        try:
            new.rename(out)
        except BaseException:
            (old / out.name).rename(out)
            raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
