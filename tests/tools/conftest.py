from pathlib import Path

import pytest

from tests.tools.tree import make_tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A fabricated checkout whose lint is clean."""
    return make_tree(tmp_path / "checkout")
