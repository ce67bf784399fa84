"""Train, export and compare the live demonstrations, and check what is stored."""

from __future__ import annotations

import datetime
import hashlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dlatlas.evidence.checkout import import_from
from dlatlas.evidence.environment import describe_environment
from dlatlas.evidence.store import code_hash, write_json
from dlatlas.files import write_atomically
from dlatlas.site.live import stored
from dlatlas.site.live.browser import run_browser
from dlatlas.site.live.compare import TOLERANCE, draw, largest_difference, run_onnxruntime
from dlatlas.site.live.export import export, load_weights
from dlatlas.site.live.runtime import version
from dlatlas.site.live.stored import Agreement, LiveEvidence, Model

if TYPE_CHECKING:
    from refimpl.live.part import Demonstration, Part

__all__ = ["DEMONSTRATIONS", "LiveError", "build", "check", "restored"]

DEMONSTRATIONS = ("activations", "normalization", "dropout", "digits", "characters", "sorting", "wasserstein")
"""The modules of ``refimpl.live`` that hold a demonstration."""


class LiveError(ValueError):
    """A demonstration does not exist, or its files differ from PyTorch by more than is accepted."""


def build(root: Path, ids: Sequence[str] = (), *, force: bool = False) -> None:
    """Make the files and records of the demonstrations ``ids`` (all where none is given) that today's code lacks.

    Each is written when it is finished, so an interrupted run goes on with the next one.

    Raises:
        LiveError: no such demonstration, or a runtime's answers differ too much.
        BuildError: Node, its packages or Chromium are missing.
    """
    if unknown := [id for id in ids if id not in DEMONSTRATIONS]:
        raise LiveError(f"no demonstration {', '.join(unknown)}; expected one of {', '.join(DEMONSTRATIONS)}")
    records = stored.read_all(root)
    for id in ids or DEMONSTRATIONS:
        old = records.get(id)
        fresh = stored.status(root, old) == "verified" and not stored.problems(root, old)
        if fresh and not force and old.agreement.keys() == {"onnxruntime", "browser"} and _current(old):
            _say(f"{id}: up to date")
            continue
        record = _compare(root, _make(root, id, old) if force or not fresh else old)
        write_json(stored.record_path(root, id), record)
        said = ", ".join(f"{a.runtime} {a.error:.1e}" for a in record.agreement.values())
        _say(f"{id}: {sum(m.bytes for m in record.models.values()) / 1000:.0f} kB, differs from PyTorch by {said}")


def check(root: Path) -> list[str]:
    """Everything wrong with what is stored, without running anything."""
    records = stored.read_all(root)
    found = [f"{id}: nothing is stored; run dlatlas live build {id}" for id in DEMONSTRATIONS if id not in records]
    for id, record in records.items():
        if id not in DEMONSTRATIONS:
            found.append(f"{id}: no such demonstration; remove its record")
            continue
        if stored.status(root, record) != "verified":
            found.append(f"{id}: made with other code; run dlatlas live build {id}")
        found += [f"{id}: {problem}" for problem in stored.problems(root, record)]
        if not _current(record):
            found.append(f"{id}: compared with another version of onnxruntime-web; run dlatlas live build {id}")
        found += [f"{id}: {a.runtime} differs by {a.error:.1e}" for a in record.agreement.values() if a.error > TOLERANCE]
    files = {name for record in records.values() for name in record.models}
    return found + [f"{p.name}: belongs to no record" for p in stored.model_path(root, "x").parent.glob("*.onnx") if p.stem not in files]


def restored(root: Path, record: LiveEvidence) -> dict[str, Part]:
    """The modules of a demonstration as today's code makes them, with the stored weights."""
    parts = _demonstration(root, record.id).parts()
    for name, part in parts.items():
        load_weights(part, stored.model_path(root, name).read_bytes())
    return parts


def _demonstration(root: Path, id: str) -> Demonstration:
    return import_from(root, stored.module_name(id)).LIVE


def _make(root: Path, id: str, old: LiveEvidence | None) -> LiveEvidence:
    """Train and export; the files are written, the record is not."""
    import torch

    code = code_hash(root, stored.module_name(id))  # before the work, so that a change during it makes the record stale
    demonstration = _demonstration(root, id)
    start = time.perf_counter()
    torch.manual_seed(0)
    parts = demonstration.parts()
    values: dict[str, float] = {}
    if demonstration.train is not None:
        _say(f"{id}: training{f', {old.seconds:.0f} s the last time' if old else ''} …")
        values = demonstration.train(parts)
    seconds = time.perf_counter() - start
    models = {}
    for name, part in parts.items():
        data = export(part)
        write_atomically(stored.model_path(root, name), data)
        models[name] = Model(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    return LiveEvidence(
        id=id,
        topic=demonstration.topic,
        code=code,
        command=f"dlatlas live build {id}",
        environment=describe_environment(),
        seconds=round(seconds, 1),
        values=values,
        facts=dict(demonstration.facts),
        models=models,
        agreement={},
    )


def _compare(root: Path, record: LiveEvidence) -> LiveEvidence:
    """The record with its agreement measured again.

    Raises:
        LiveError: a runtime differs by more than the tolerance.
    """
    import onnxruntime

    parts = restored(root, record)
    files = {name: stored.model_path(root, name).read_bytes() for name in parts}
    browser, answers = run_browser(root, {name: draw(part) for name, part in parts.items()})
    runtimes = {
        "onnxruntime": (f"onnxruntime {onnxruntime.__version__}", lambda name, inputs: run_onnxruntime(files[name], inputs)),
        "browser": (f"onnxruntime-web {version()}, {browser}", lambda name, inputs: answers[name]),
    }
    agreement = {}
    for key, (runtime, run) in runtimes.items():
        error, inputs = largest_difference(parts, run)
        if error > TOLERANCE:
            raise LiveError(f"{record.id}: {runtime} differs from PyTorch by {error:.1e}, expected at most {TOLERANCE:.0e}")
        agreement[key] = Agreement(runtime=runtime, error=error, inputs=inputs, date=datetime.date.today().isoformat())
    return msgspec.structs.replace(record, agreement=agreement)


def _current(record: LiveEvidence) -> bool:
    """Whether the browser's answers are those of the version that the site serves."""
    agreement = record.agreement.get("browser")
    return agreement is not None and agreement.runtime.startswith(f"onnxruntime-web {version()},")


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
