"""Timing side by side, and the file of rows."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
from dlatlas.evidence import bench, timing
from dlatlas.evidence.store import code_hash, write_json
from dlatlas.evidence.timing import compare, percentiles

BENCHES = """\
import torch

from tests.refimpl.harness.bench import Bench, parameters


def work(x, times=1):
    for _ in range(times):
        x = x @ x
    return x / x.norm()


def sample():
    return (torch.eye(96),)


BENCHES = [
    Bench("halve", "equal", lambda: work, {"the same": lambda: work, "absent": lambda: None}, sample, compiled=False, threads=1),
    Bench("halve", "slower", lambda: lambda x: work(x, 40), {"faster": lambda: work}, sample, compiled=False, threads=1),
    Bench("step", "SGD", lambda: torch.optim.SGD(parameters((50, 50), (7,)), lr=1e-3),
          {"itself": lambda: torch.optim.SGD(parameters((50, 50), (7,)), lr=1e-3)}, compiled=False, threads=1),
]
"""


@pytest.fixture
def checkout(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tree with benchmarks, importable in this process; short blocks on a clock that other processes do not move."""
    import tests.refimpl

    folder = tree / "tests/refimpl/toys"
    (folder / "bench_halve.py").write_text(BENCHES)
    (folder / "__init__.py").touch()
    monkeypatch.setattr(tests.refimpl, "__path__", [*tests.refimpl.__path__, str(tree / "tests/refimpl")])
    monkeypatch.setattr(timing, "BLOCK", 0.004)
    monkeypatch.setattr(timing, "PAIRS", 7)
    monkeypatch.setattr(timing, "CLOCK", time.process_time)
    yield tree
    for name in [n for n in sys.modules if n.startswith("tests.refimpl.toys")]:
        del sys.modules[name]


def rows(root: Path) -> dict[tuple[str, str], dict]:
    return {(row["case"], row["against"]): row for row in json.loads((root / "evidence/bench.json").read_text())["rows"]}


def test_ratios_of_equal_and_unequal_pairs(checkout, capsys):
    found = bench.run(checkout, ["halve"])
    equal, slower = rows(checkout)["equal", "the same"], rows(checkout)["slower", "faster"]
    assert 0.5 < equal["forward_ratio"] < 2 and 0.5 < equal["backward_ratio"] < 2
    assert slower["forward_ratio"] > 4 and slower["backward_ratio"] > 4
    for row in (equal, slower):
        assert row["spread"][0] <= row["backward_ratio"] <= row["spread"][1]
        assert row["mode"] == "eager" and row["device"] == "cpu" and row["dtype"] == "float32" and row["threads"] == 1
    assert 0.4 < slower["ours_ms"] / slower["theirs_ms"] / slower["backward_ratio"] < 2.5
    captured = capsys.readouterr()
    assert "absent is not installed: left out" in captured.err and len(found) == 2
    assert [line.split("\t")[:3] for line in captured.out.splitlines()] == [["halve", "equal", "the same"], ["halve", "slower", "faster"]]


def test_an_optimizer_is_timed_by_its_step(checkout):
    (row,) = bench.run(checkout, ["step"])
    assert 0.4 < row.forward_ratio < 2.5 and row.backward_ratio is None


def test_rows_are_merged_and_those_no_longer_defined_are_dropped(checkout):
    bench.run(checkout)
    path = checkout / "evidence/bench.json"
    stored = json.loads(path.read_text())
    before = next(r for r in stored["rows"] if r["case"] == "equal")
    stored["rows"] += [
        before | {"case": "gone"},
        before | {"case": "gone", "device": "some-gpu"},
        before | {"method": "other", "case": "gone"},
        before | {"against": "absent"},
    ]
    stored["environment"]["some-gpu"] = "kept"
    path.write_text(json.dumps(stored))
    bench.run(checkout, ["halve"])
    stored = json.loads(path.read_text())
    assert {(r["method"], r["case"], r["device"], r["against"]) for r in stored["rows"]} == {
        ("halve", "equal", "cpu", "the same"),
        ("halve", "equal", "cpu", "absent"),
        ("halve", "slower", "cpu", "faster"),
        ("halve", "gone", "some-gpu", "the same"),
        ("other", "gone", "cpu", "the same"),
        ("step", "SGD", "cpu", "itself"),
    }
    assert stored["environment"].keys() == {"cpu", "some-gpu"} and "torch" in stored["environment"]["cpu"]


def test_only_what_is_not_yet_timed_with_todays_code(checkout):
    source = checkout / "refimpl/toys/halve.py"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text("x = 1\n")
    bench.run(checkout, ["halve"])
    done = rows(checkout)
    assert all(row["module"] == "refimpl.toys.halve" and row["code"] == code_hash(checkout, row["module"]) for row in done.values())
    assert [row.method for row in bench.run(checkout, changed=True)] == ["step"]
    assert bench.run(checkout, changed=True) == []
    stored = json.loads((checkout / "evidence/bench.json").read_text())
    stored["rows"] = [row for row in stored["rows"] if row["case"] != "slower"]
    write_json(checkout / "evidence/bench.json", stored)
    assert [row.case for row in bench.run(checkout, changed=True)] == ["slower"]
    source.write_text("x = 2\n")
    assert [row.case for row in bench.run(checkout, ["halve"], changed=True)] == ["equal", "slower"]


def test_an_opponent_that_does_not_compile_is_left_out(checkout, capsys, monkeypatch):
    """With the row that it had before; ours compiled and theirs as it is are still timed."""

    def compiled(function, dynamic):
        return function if function.__name__ == "work" else lambda *args: (_ for _ in ()).throw(RuntimeError("no graph\nat all"))

    monkeypatch.setattr("torch.compile", compiled)
    path = checkout / "tests/refimpl/toys/bench_halve.py"
    first = 'Bench("halve", "equal", lambda: work, {"odd": lambda: lambda x: work(x)}, sample, threads=1),'
    path.write_text(BENCHES[: BENCHES.index("BENCHES = [")] + f"BENCHES = [{first}]\n")
    bench.run(checkout, ["halve"])
    found = [row["mode"] for row in json.loads((checkout / "evidence/bench.json").read_text())["rows"]]
    assert found == ["compiled", "eager"] and "odd does not compile: no graph\n" in capsys.readouterr().err
    stored = json.loads((checkout / "evidence/bench.json").read_text())
    stored["rows"] += [stored["rows"][0] | {"mode": "both compiled"}]
    write_json(checkout / "evidence/bench.json", stored)
    bench.run(checkout, ["halve"])
    assert [row["mode"] for row in json.loads((checkout / "evidence/bench.json").read_text())["rows"]] == ["compiled", "eager"]


def test_an_unknown_method_is_named(checkout):
    with pytest.raises(bench.BenchError, match=r"no benchmark of absent; expected some of halve, step"):
        bench.run(checkout, ["absent"])
    assert not (checkout / "evidence").exists()


def test_sides_that_return_other_shapes_are_refused(checkout):
    path = checkout / "tests/refimpl/toys/bench_halve.py"
    path.write_text(BENCHES.replace('{"faster": lambda: work}', '{"faster": lambda: lambda x: x[0]}'))
    with pytest.raises(bench.BenchError, match=r"halve, slower: ours returns shapes \[\(96, 96\)\], faster \[\(96,\)\]"):
        bench.run(checkout, ["halve"])


def test_the_shipped_benchmarks_are_distinct_and_of_methods_that_have_tests():
    """Rows are kept by method, setting and opponent, so that two of the same name would overwrite each other."""
    from dlatlas.evidence.trials import methods_of

    root = Path(__file__).parents[3]
    shipped = bench.benches(root)
    keys = [(b.method, b.name, str(b.dtype), name) for _, b in shipped for name in b.theirs]
    assert keys and len(set(keys)) == len(keys)
    assert {(module, b.method) for module, b in shipped} <= {(method.module, id) for method in methods_of(root) for id in method.ids}


def test_an_optimizer_is_moved_with_its_gradients():
    import torch

    from tests.refimpl.harness.bench import Bench, parameters

    optimizer = torch.optim.SGD(parameters((3, 2)), lr=0.1)
    (parameter,) = optimizer.param_groups[0]["params"]
    before, gradient = parameter.detach().clone(), parameter.grad.clone()
    side = bench._Side(optimizer, Bench("m", "n", lambda: None, {"a": lambda: None}, dtype=torch.float64), "cpu")
    assert parameter.dtype == parameter.grad.dtype == torch.float64
    side.forward()
    assert torch.allclose(parameter.detach(), before.double() - 0.1 * gradient.double())


@pytest.mark.parametrize(("a", "b", "drift"), [(0.004, 0.001, 1.0), (0.001, 0.001, 1.0), (0.003, 0.002, 1.02)])
def test_compare_by_a_clock_of_its_own(monkeypatch, a, b, drift):
    """The ratio is exact on a steady machine, and nearly so on one that slows down by 2 % at each call."""
    now, waits, order = [0.0], [0], []
    speed = [1.0]

    def action(name: str, seconds: float):
        def act() -> None:
            order.append(name)
            speed[0] *= drift
            now[0] += seconds * speed[0]

        return act

    def wait() -> None:
        waits[0] += 1

    monkeypatch.setattr(timing, "CLOCK", lambda: now[0])
    found = compare(action("a", a), action("b", b), synchronize=wait, pairs=5, block=0.0001 if drift > 1 else 0.004)
    assert found.ratio == pytest.approx(a / b, rel=0.05 if drift > 1 else 1e-9)
    assert found.low <= found.ratio <= found.high
    assert waits[0] >= 2 * 2 * 5
    if drift > 1:  # one call a block: five pairs that alternate
        assert "".join(order[-10:]) == "abbaabbaab"
    else:
        assert (found.a, found.b) == pytest.approx((a, b))
        assert order.count("b") >= 5 * round(0.004 / b) + timing.WARM_UP


def test_percentiles():
    assert percentiles([float(v) for v in range(11)]) == (1.0, 9.0)
    assert percentiles([2.0]) == (2.0, 2.0)
