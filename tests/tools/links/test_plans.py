"""The checker on small webs whose truth is known: nothing live is called gone, nothing gone is called live."""

from __future__ import annotations

import pytest

from tests.tools.links.bench_check import measure

SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("profile", "seed", "seconds", "megabytes"),
    [
        ("main", 1, 20, 100),
        ("bombs", 1, 20, 100),
        pytest.param("main", 2, 20, 100, marks=SLOW),
        pytest.param("tls", 1, 10, 120, marks=SLOW),
        pytest.param("hard", 1, 60, 100, marks=SLOW),
        pytest.param("ratelimit", 1, 20, 100, marks=SLOW),
        pytest.param("catalog", 1, 90, 100, marks=SLOW),
    ],
)
def test_plans(profile: str, seed: int, seconds: float, megabytes: float) -> None:
    """Every verdict is right. The bounds on time are for a busy machine; ``bench_check`` measures on a quiet one."""
    found = measure(profile, seed)
    assert found["wrong"] == {}
    assert found["live_called_gone"] == found["gone_called_live"] == 0
    assert found["wall"] < seconds and found["memory"] < megabytes
    assert found["most"] <= 4
    if profile == "catalog":
        assert found["inside"] <= 10
