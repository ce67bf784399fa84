"""The stored demonstrations are those of today's code, and answer what PyTorch answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from dlatlas.catalog.load import load
from dlatlas.site.live import build
from dlatlas.site.live.build import DEMONSTRATIONS, restored
from dlatlas.site.live.compare import TOLERANCE, largest_difference, run_onnxruntime
from dlatlas.site.live.stored import model_path, read_all

from tests.tools.site.conftest import REPOSITORY

onnx = pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def records():
    return read_all(REPOSITORY)


def test_nothing_is_missing_stale_or_left_over():
    assert build.check(REPOSITORY) == []


def test_every_demonstration_has_a_topic(records):
    topics = {topic.id for topic in load(REPOSITORY).topics}
    assert records.keys() == set(DEMONSTRATIONS)
    assert {record.topic for record in records.values()} <= topics


@pytest.mark.parametrize("id", DEMONSTRATIONS)
def test_onnxruntime_answers_like_the_module(id, records):
    """Today's modules with the stored weights, on inputs drawn here."""
    parts = restored(REPOSITORY, records[id])
    assert parts.keys() == records[id].models.keys()
    error, inputs = largest_difference(parts, lambda name, arrays: run_onnxruntime(model_path(REPOSITORY, name).read_bytes(), arrays))
    assert inputs == 5 * len(parts) and error <= TOLERANCE


def test_the_files_are_small_and_tell_nothing_of_the_machine(records):
    files = {name: model_path(REPOSITORY, name).read_bytes() for record in records.values() for name in record.models}
    assert sum(map(len, files.values())) < 1_000_000
    for name, data in files.items():
        assert not any(path in data for path in (b"/work", b"/tmp", b"/home", b"site-packages", b"refimpl")), name


def test_values_are_those_of_the_stored_weights(records):
    from refimpl.data import digits_split
    from refimpl.live import characters, sorting

    data = digits_split()
    reader = restored(REPOSITORY, records["digits"])["digits"].module.eval()
    with torch.no_grad():
        right = (reader.net(reader.enlarge(data.x_test)).argmin(1) == data.y_test).double().mean().item()
    assert right == records["digits"].values["accuracy"] > 0.95

    text = characters.encode(characters.TEXT)
    held_out = text[len(text) - round(characters.HELD_OUT * len(text)) :]
    model = restored(REPOSITORY, records["characters"])["characters"].module.eval()
    with torch.no_grad():
        scores = model.scores(held_out[:-1].unsqueeze(1)).squeeze(1)
        bits = torch.nn.functional.cross_entropy(scores, held_out[1:]).item() / np.log(2)
    assert bits == pytest.approx(records["characters"].values["held_out_bits"], rel=1e-4)

    sorter = restored(REPOSITORY, records["sorting"])["sorting"].module.eval()
    word = sorting.words(500, 7, torch.Generator().manual_seed(5))
    with torch.no_grad():
        share = (sorter(word)[0].argmax(2) == word.sort(1).values).all(1).double().mean().item()
    assert share == pytest.approx(records["sorting"].values["sorted_share"], abs=0.03)  # 500 words: three standard errors are 1 to 2 %
