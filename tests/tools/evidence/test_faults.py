"""The faults that are made, and those that are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from dlatlas.evidence.faults import Module


def faults(tmp_path: Path, source: str) -> dict[str, set[str]]:
    """The mutated statements by original statement."""
    path = tmp_path / "module.py"
    path.write_text(source, "utf-8")
    found: dict[str, set[str]] = {}
    for fault in Module(path).faults:
        found.setdefault(fault.original, set()).add(fault.mutated)
    return found


@pytest.mark.parametrize(
    ("statement", "mutated"),
    [
        ("y = a + b", {"y = a - b", "y = b"}),
        ("y = a - b", {"y = a + b"}),
        ("y = a * b", {"y = a / b", "y = b"}),
        ("y = a / b", {"y = a * b"}),
        ("y = -a", {"y = a"}),
        ("y = not a", {"y = a"}),
        ("y = x[-1]", {"y = x[-2]"}),
        ("y = a < b", {"y = a <= b", "y = a > b"}),
        ("y = a == b", {"y = a != b"}),
        ("y = a and b", {"y = a", "y = b"}),
        ("y = a if b else c", {"y = a", "y = c"}),
        ("y = 0", {"y = 1"}),
        ("y = 1", {"y = 0"}),
        ("y = 3", {"y = 4"}),
        ("y = 0.1", {"y = 0.15"}),
        ("y = 0.0", {"y = 1.0"}),
        ("y = True", {"y = False"}),
        ("x += y", {"x -= y", "pass"}),
        ("check(x)", {"pass"}),
        ("y = x.amax(dim)", {"y = x.amin(dim)"}),
        ("y = x.sum(dim, keepdim=True)", {"y = x.mean(dim, keepdim=True)", "y = x.sum(dim, keepdim=False)"}),
        ("y = x.sum(dim=dim)", {"y = x.mean(dim=dim)", "y = x.sum()"}),
        ("y = torch.var(x, correction=0)", {"y = torch.var(x, correction=1)", "y = torch.var(x)"}),
        ("y = torch.exp(x)", {"y = x"}),
        ("y = x.detach()", {"y = x"}),
        ("y = torch.where(c, a, b)", {"y = torch.where(c, b, a)"}),
        ("y = zip(a, b, strict=True)", set()),
        ("y = f'{a + b}'", set()),
        ("y = 'a text'", set()),
        ("y: int = x", set()),
        ("import os", set()),
        ("raise ValueError(a + 1)", set()),
        ("__all__ = ['a']", set()),
    ],
)
def test_one_statement(tmp_path, statement, mutated):
    found = faults(tmp_path, statement)
    assert found == ({statement: mutated} if mutated else {})


def test_a_branch_is_taken_always_and_never_but_a_guard_is_only_removed(tmp_path):
    source = "if a > b:\n    x = y\nif a is None:\n    raise ValueError(a)\n"
    assert faults(tmp_path, source) == {
        "if a > b:": {"if False:", "if True:", "if a >= b:"},
        "if a is None:": {"if False:"},
    }


def test_what_only_people_read_is_left_alone(tmp_path):
    source = '''
"""Adds 1 + 1."""
class A:
    """1 + 1"""
    def extra_repr(self):
        return 1 + 1
    def __repr__(self):
        return str(1)
@decorate(1)
def f(x: Literal[1]) -> Literal[2]:
    """2 + 2"""
if TYPE_CHECKING:
    one = 1
if __name__ == "__main__":
    print(1 + 1)
'''
    assert faults(tmp_path, source) == {}


def test_each_fault_compiles_to_what_it_says_and_leaves_the_tree_alone(tmp_path):
    path = tmp_path / "module.py"
    path.write_text("def f(a, b, scale=2):\n    if a > b:\n        a = a + b\n    return a * scale\n")
    module = Module(path)

    def values(code) -> list[int]:
        scope: dict = {}
        exec(code, scope)
        return [scope["f"](*pair) for pair in ((3, 2), (2, 3), (2, 2))]

    right = values(module.code(None))
    assert right == [10, 4, 4]
    assert {str(f).split(" → ")[1]: values(module.code(f)) for f in module.faults} == {
        "def f(a, b, scale=3):": [15, 6, 6],
        "if False:": [6, 4, 4],
        "if True:": [10, 10, 8],
        "if a >= b:": [10, 4, 8],
        "a = a - b": [2, 4, 4],
        "a = b": [4, 4, 4],
        "return a / scale": [2.5, 1.0, 1.0],
        "return scale": [2, 2, 2],
    }
    assert values(module.code(None)) == right


def test_lines_point_at_the_source(tmp_path):
    path = tmp_path / "module.py"
    path.write_text("x = (\n    a\n    + 1\n)\n")
    assert {(f.line, f.mutated) for f in Module(path).faults} == {(2, "x = a - 1"), (2, "x = 1"), (3, "x = a + 0")}
