"""The stored files in headless Chromium, through the scripts that the site serves."""

from __future__ import annotations

import shutil

import pytest

pytest.importorskip("onnx")
from dlatlas.site.live import build
from dlatlas.site.live.browser import run_browser
from dlatlas.site.live.build import DEMONSTRATIONS, restored
from dlatlas.site.live.compare import TOLERANCE, draw, largest_difference
from dlatlas.site.live.stored import read_all
from dlatlas.site.node_tools import MODULES, BuildError

from tests.tools.site.conftest import REPOSITORY

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (MODULES / "playwright-core").is_dir(), reason="the Node packages are not installed"),
    pytest.mark.skipif(not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), reason="no Chromium is installed"),
]


def test_the_browser_answers_like_the_modules():
    """All demonstrations in one browser, in the one runtime that they share on a page."""
    records = read_all(REPOSITORY)
    parts = {name: part for id in DEMONSTRATIONS for name, part in restored(REPOSITORY, records[id]).items()}
    browser, answers = run_browser(REPOSITORY, {name: draw(part) for name, part in parts.items()})
    assert browser.startswith("Chromium ")
    error, inputs = largest_difference(parts, lambda name, _: answers[name])
    assert 0 < error <= TOLERANCE and inputs == 5 * len(parts)


def test_a_broken_file_is_reported(tmp_path):
    live = build.stored.model_path(tmp_path, "broken")
    shutil.copytree(REPOSITORY / "docs/assets/live", live.parent, ignore=shutil.ignore_patterns("*.onnx"))
    live.write_bytes(b"not a model")
    with pytest.raises(BuildError, match=r"do not run in the browser:\n.*protobuf"):
        run_browser(tmp_path, {"broken": []})
