"""Run the stored files in headless Chromium, through the scripts that the site serves."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dlatlas.site import node_tools
from dlatlas.site.live.compare import Arrays
from dlatlas.site.live.runtime import copy_runtime
from dlatlas.site.live.stored import model_path

__all__ = ["run_browser"]


def run_browser(root: Path, inputs: Mapping[str, Sequence[Arrays]]) -> tuple[str, dict[str, list[Arrays]]]:
    """What onnxruntime-web answers for each file's inputs, and the browser's name and version.

    Raises:
        BuildError: Node or a package of it is missing, no Chromium is found, or a file does not run.
    """
    node_tools.require(gates=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(model_path(root, "x").parent, folder / "live")
        copy_runtime(folder)
        (folder / "index.html").write_text("<!doctype html><title>live</title><link rel=icon href=data:,>", "utf-8")
        jobs = {file: [_to_json(arrays) for arrays in draws] for file, draws in inputs.items()}
        (folder / "jobs.json").write_text(json.dumps(jobs), "utf-8")
        process = node_tools.start(node_tools.FOLDER / "live.mjs", folder)
        output = process.communicate()[0]
        if process.returncode:
            raise node_tools.BuildError(f"the demonstrations do not run in the browser:\n{output.strip()}")
        answer = json.loads((folder / "answers.json").read_text("utf-8"))
    return answer["browser"], {file: [_from_json(arrays) for arrays in draws] for file, draws in answer["files"].items()}


def _to_json(arrays: Arrays) -> dict[str, dict[str, Any]]:
    return {name: {"type": str(a.dtype), "dims": list(a.shape), "data": a.flatten().tolist()} for name, a in arrays.items()}


def _from_json(values: Mapping[str, dict[str, Any]]) -> Arrays:
    return {name: np.array(value["data"], dtype=np.float32).reshape(value["dims"]) for name, value in values.items()}
