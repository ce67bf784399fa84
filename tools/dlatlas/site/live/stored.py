"""What is stored of the live demonstrations: where the files lie, and the record of the run that made them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from dlatlas.evidence.store import EvidenceError, Status, code_hash

__all__ = ["Agreement", "LiveEvidence", "Model", "model_path", "module_name", "problems", "read_all", "record_path", "status"]


class Model(Struct, frozen=True, kw_only=True):
    """A stored ONNX file."""

    bytes: int
    sha256: str


class Agreement(Struct, frozen=True, kw_only=True):
    """The largest difference between the outputs of a runtime and those of PyTorch, relative where a value exceeds 1."""

    runtime: str
    error: float
    inputs: int
    date: str


class LiveEvidence(Struct, frozen=True, kw_only=True):
    """The record of one demonstration: what was trained, with which code, and how well its files agree with it."""

    id: str
    topic: str
    code: str
    command: str
    environment: dict[str, str]
    seconds: float
    values: dict[str, float]
    facts: dict[str, Any]
    models: dict[str, Model]
    agreement: dict[str, Agreement]


def module_name(id: str) -> str:
    """The module that creates and trains the demonstration ``id``."""
    return f"refimpl.live.{id}"


def record_path(root: Path, id: str) -> Path:
    return root / "evidence" / "live" / f"{id}.json"


def model_path(root: Path, name: str) -> Path:
    return root / "docs" / "assets" / "live" / f"{name}.onnx"


def read_all(root: Path) -> dict[str, LiveEvidence]:
    """The stored records by id.

    Raises:
        EvidenceError: a record cannot be read; the message names it.
    """
    found = {}
    for path in sorted((root / "evidence" / "live").glob("*.json")):
        try:
            found[path.stem] = msgspec.json.decode(path.read_bytes(), type=LiveEvidence)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise EvidenceError(f"{path.relative_to(root).as_posix()} cannot be read: {error}") from error
    return found


def status(root: Path, record: LiveEvidence | None) -> Status:
    """``verified`` when the demonstration was made with today's code."""
    if record is None:
        return "unverified"
    return "verified" if record.code == code_hash(root, module_name(record.id)) else "stale"


def problems(root: Path, record: LiveEvidence) -> list[str]:
    """What is wrong with the files of a record: missing, or other than those that were made."""
    found = []
    for name, model in record.models.items():
        path = model_path(root, name)
        if not path.is_file():
            found.append(f"{path.relative_to(root).as_posix()} is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != model.sha256:
            found.append(f"{path.relative_to(root).as_posix()} is not the file that was made")
    return found
