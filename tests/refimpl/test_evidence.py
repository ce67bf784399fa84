"""The recorded evidence is that of today's code: every implemented method has some, and every claim holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from dlatlas.catalog.load import load
from dlatlas.catalog.model import Catalog
from dlatlas.evidence.store import Evidence
from dlatlas.evidence.verdict import check

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _reads_only(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--evidence"):
        pytest.skip("this run writes the evidence; the next one checks it")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load(ROOT)


def test_every_implemented_method_has_fresh_cpu_evidence(catalog):
    evidence = Evidence(ROOT)
    status = {method.id: evidence.status(method) for _, method in catalog.methods() if method.object}
    assert status, "the catalog has no implemented method"
    wrong = {id: state for id, state in status.items() if state != "verified"}
    assert not wrong, "run: make evidence"


def test_no_evidence_is_left_of_a_method_that_is_gone(catalog):
    known = {method.id for _, method in catalog.methods() if method.object}
    assert {device: set(found) - known for device, found in Evidence(ROOT).devices.items() if set(found) - known} == {}


def test_every_claim_holds():
    wrong = [str(verdict) for verdict in check(ROOT) if verdict.state != "holds"]
    assert not wrong, "\n".join(wrong)
