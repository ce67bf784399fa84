"""Export, the way back, the comparison and the record, on a small module."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

pytest.importorskip("onnx")
from dlatlas.evidence.store import EvidenceError, write_json
from dlatlas.site.live import build as building
from dlatlas.site.live import stored
from dlatlas.site.live.build import LiveError
from dlatlas.site.live.compare import difference, draw, largest_difference, run_onnxruntime
from dlatlas.site.live.export import export, load_weights
from dlatlas.site.live.stored import Agreement, LiveEvidence, Model

from refimpl.live.part import Part

RECORD = LiveEvidence(
    id="digits",
    topic="lstm",
    code="0",
    command="dlatlas live build digits",
    environment={"date": "2026-01-02"},
    seconds=1.0,
    values={},
    facts={},
    models={"small": Model(bytes=3, sha256="ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")},
    agreement={"browser": Agreement(runtime="onnxruntime-web 0.0.1, Chromium 1", error=1e-3, inputs=5, date="2026-01-02")},
)
"""Of a file that holds the three bytes ``abc``."""


def _part() -> Part:
    module = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))
    return Part(module, ("y",), lambda generator: {"x": torch.randn(4, 3, generator=generator)}, {"x": 0})


@pytest.fixture(scope="module")
def exported() -> tuple[Part, bytes]:
    torch.manual_seed(0)
    part = _part()
    return part, export(part)


def test_the_file_answers_like_the_module_for_any_size(exported):
    part, data = exported
    assert largest_difference({"a": part}, lambda name, inputs: run_onnxruntime(data, inputs)) == (pytest.approx(0, abs=1e-6), 5)
    x = np.random.RandomState(0).randn(11, 3).astype(np.float32)
    (found,) = run_onnxruntime(data, [{"x": x}])
    np.testing.assert_allclose(found["y"], part.module(torch.from_numpy(x)).detach().numpy(), atol=1e-6)


def test_a_wrong_answer_is_seen(exported):
    part, data = exported

    def spoiled(name, inputs):
        answers = run_onnxruntime(data, inputs)
        answers[-1]["y"] = answers[-1]["y"] + np.float32(0.25)
        return answers

    error, _ = largest_difference({"a": part}, spoiled)
    assert 0 < 0.25 - error < 0.1 or error == pytest.approx(0.25)  # less where a value exceeds 1


def test_weights_come_back(exported):
    part, data = exported
    other = _part()
    assert not torch.equal(other.module[0].weight, part.module[0].weight)
    load_weights(other, data)
    assert all(torch.equal(a, b) for a, b in zip(other.module.parameters(), part.module.parameters(), strict=True))
    with pytest.raises(ValueError, match=r"0\.weight of shape \(7, 3\) in the file, got shape \(5, 3\)"):
        load_weights(Part(nn.Sequential(nn.Linear(3, 7)), ("y",), part.sample), data)


def test_inputs_differ_between_draws_and_not_between_calls(exported):
    first, second = draw(exported[0]), draw(exported[0])
    assert all(np.array_equal(a["x"], b["x"]) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0]["x"], first[1]["x"])


@pytest.mark.parametrize(
    ("found", "expected", "gap"),
    [([1.0, 2.5], [1.0, 2.0], 0.25), ([0.1], [0.0], 0.1), ([np.nan], [0.0], np.inf), ([], [], 0.0), ([-9.0], [-10.0], 0.1)],
)
def test_difference_is_relative_above_one(found, expected, gap):
    assert difference(np.array(found), np.array(expected)) == pytest.approx(gap)


def test_difference_of_other_shapes_is_refused():
    with pytest.raises(ValueError, match=r"expected shape \(2,\), got \(1, 2\)"):
        difference(np.zeros((1, 2)), np.zeros(2))


def test_check_names_everything_wrong(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "DEMONSTRATIONS", ("digits", "dropout"))
    (tmp_path / "refimpl/live").mkdir(parents=True)
    (tmp_path / "refimpl/live/digits.py").write_text("X = 1\n")
    write_json(stored.record_path(tmp_path, "digits"), RECORD)
    write_json(stored.record_path(tmp_path, "gone"), RECORD)
    stored.model_path(tmp_path, "x").parent.mkdir(parents=True)
    stored.model_path(tmp_path, "small").write_bytes(b"abd")
    stored.model_path(tmp_path, "other").write_bytes(b"")
    found = building.check(tmp_path)
    assert [problem.split(";")[0] for problem in found] == [
        "dropout: nothing is stored",
        "digits: made with other code",
        "digits: docs/assets/live/small.onnx is not the file that was made",
        "digits: compared with another version of onnxruntime-web",
        "digits: onnxruntime-web 0.0.1, Chromium 1 differs by 1.0e-03",
        "gone: no such demonstration",
        "other.onnx: belongs to no record",
    ]
    stored.model_path(tmp_path, "small").unlink()
    assert stored.problems(tmp_path, RECORD) == ["docs/assets/live/small.onnx is missing"]
    stored.model_path(tmp_path, "small").write_bytes(b"abc")
    assert stored.problems(tmp_path, RECORD) == []


def test_an_unreadable_record_is_named(tmp_path):
    path = stored.record_path(tmp_path, "digits")
    path.parent.mkdir(parents=True)
    path.write_text('{"id": 3}')
    with pytest.raises(EvidenceError, match=r"evidence/live/digits\.json cannot be read"):
        stored.read_all(tmp_path)


def test_an_unknown_demonstration_is_refused(tmp_path):
    with pytest.raises(LiveError, match="no demonstration digit; expected one of activations, "):
        building.build(tmp_path, ["digit"])
