"""Options and fixtures shared by the tests of the reference implementations."""

from __future__ import annotations

import os

import pytest
import torch

from tests.refimpl.harness.table import all_cases


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--method", action="append", default=[], help="run only the tests of this method (repeatable)")


def pytest_configure() -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        torch.set_num_threads(1)
    torch.utils.deterministic.fill_uninitialized_memory = True
    torch._dynamo.config.cache_size_limit = 64


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    methods = set(config.getoption("--method"))
    if not methods:
        return
    modules = {module for module, case in all_cases() if case.method in methods}
    unknown = methods - {case.method for _, case in all_cases()}
    if unknown:
        raise pytest.UsageError(f"no case for method {', '.join(sorted(unknown))}")
    kept, dropped = [], []
    for item in items:
        (kept if _belongs(item, methods, modules) else dropped).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=dropped)


def _belongs(item: pytest.Item, methods: set[str], modules: set[str]) -> bool:
    case = getattr(item, "callspec", None) and item.callspec.params.get("case")
    if case is not None:
        return isinstance(case, tuple) and case[1].method in methods
    name = item.path.stem.removeprefix("test_")
    return f"refimpl.{item.path.parent.name}.{name}" in modules


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
