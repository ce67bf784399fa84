import shutil
from pathlib import Path

import pytest
from dlatlas.catalog.load import load
from dlatlas.evidence.store import Evidence, code_hash, write_json
from dlatlas.site.context import Context, load_bench

from tests.tools.tree import claim_evidence, write

REPOSITORY = Path(__file__).resolve().parents[3]

MODULE = '''\
r"""Adam: a step scaled by running moments.

Equations (g gradient)
    moment   m <- b m + (1 - b) g
    step     x <- x - a m

Deviations
    1. None, and x < y stays text.
"""

import math

__all__ = ["Adam", "step"]


# One step
# with a comment above.
def step(x: float, g: float) -> float:
    """Move ``x`` against ``g``.

    Args:
        x: the point, with $x \\\\in \\\\mathbb{R}$.
        g: the gradient.
    """
    if g < 0:
        return x + math.fabs(g)
    # Positive gradients go the other way.
    return x - g


class Adam:
    """Adaptive moments."""

    def __init__(self) -> None:
        self.m = 0.0

    def update(self, g: float) -> float:
        """Take the gradient in."""
        self.m = g
        return self.m
'''

FIGURE = {
    "kind": "lines",
    "title": {"en": "Steps & more", "zh": "步长"},
    "x": {"label": {"en": "step", "zh": "步"}, "scale": "linear"},
    "y": {"label": {"en": "size", "zh": "大小"}, "scale": "log"},
    "series": [
        {"label": {"en": "ours", "zh": "本实现"}, "x": [1, 2, 3], "y": [1.0, 0.1, 0.01], "spread": [0.1, 0.2, 0.001]},
        {"label": {"en": "theirs", "zh": "对照"}, "x": [1, 2, 3], "y": [1.0, 1.0, 1.0]},
    ],
}

ERRATA = """\
errata:
  - id: plus-sign
    source: kingma-2014-adam
    wrong: {en: "The update adds $g$.", zh: "更新量为加 $g$。"}
    right: {en: "It subtracts $g$.", zh: "应减去 $g$。"}
    checked_by: ["tests/refimpl/training/test_adam.py::TestAdam::test_update[float64]"]
"""

HOSTILE = """\
- id: hostile
  type: article
  title: {en: "<script>alert(1)</script> *a* _b_ [c](javascript:alert(2)) $x$", zh: "<img src=x onerror=alert(3)>"}
  lang: en
  links: [{url: "javascript:alert(4)"}, {url: "https://example.org/?a=1&b='\\"<"}]
  topics: [pruning]
  note: {en: "</p><script>alert(5)</script> [d](javascript:alert(6))", zh: "</li>"}
"""

BENCH_ROW = {
    "method": "adam",
    "module": "refimpl.training.adam",
    "case": "5M parameters",
    "device": "cpu",
    "dtype": "float32",
    "against": "torch.optim.Adam",
    "forward_ratio": 1.05,
    "backward_ratio": None,
    "spread": [1.0, 1.1],
    "ours_ms": 2.1,
    "theirs_ms": 2.0,
    "mode": "eager",
    "date": "2026-01-02",
}


@pytest.fixture
def site_tree(tree: Path) -> Path:
    """The fabricated checkout with everything a site needs: pages, a real module, evidence that fits, a figure."""
    shutil.copytree(REPOSITORY / "docs", tree / "docs")
    shutil.copyfile(REPOSITORY / "mkdocs.yml", tree / "mkdocs.yml")
    write(tree, {"refimpl/__init__.py": "", "refimpl/training/__init__.py": "", "refimpl/training/adam.py": MODULE})
    write(tree, {"catalog/training/optimizers/topic.yml": ERRATA, "catalog/compression/pruning/entries.yml": HOSTILE}, append=True)
    checks = tree / "evidence/checks/cpu/training.json"
    evidence = Evidence(tree).devices["cpu"]["adam"]
    test = "tests/refimpl/training/test_adam.py::TestAdam::test_update[float64]"
    check = {"test": test, "what": "step", "oracle": "torch.optim.Adam", "dtype": "float64", "error": 1e-16, "tolerance": 1e-12}
    environment = {"date": "2026-01-02", "torch": "2.13.0"}
    code = code_hash(tree, "refimpl.training.adam")
    write_json(checks, {"adam": {"code": code, "tests": evidence.tests, "environment": environment, "checks": [check]}})
    claim = claim_evidence(tree, "adam-steps", "refimpl.experiments.training")
    write_json(tree / "evidence/claims/adam-steps.json", {**{f: getattr(claim, f) for f in claim.__struct_fields__}, "figure": FIGURE})
    row = BENCH_ROW | {"code": code_hash(tree, BENCH_ROW["module"])}
    write_json(tree / "evidence/bench.json", {"environment": {"torch": "2.13.0"}, "rows": [row]})
    return tree


@pytest.fixture
def english(site_tree: Path) -> Context:
    return Context(site_tree, load(site_tree), Evidence(site_tree), load_bench(site_tree), "en")


@pytest.fixture
def chinese(site_tree: Path) -> Context:
    return Context(site_tree, load(site_tree), Evidence(site_tree), load_bench(site_tree), "zh")
