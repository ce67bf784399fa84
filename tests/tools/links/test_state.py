"""What is remembered between runs, and what a kill leaves behind."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from dlatlas.links import state as state_module
from dlatlas.links.result import Result
from dlatlas.links.state import COLUMNS, DAY, NAMES, State

from tests.tools.links.conftest import Site

GONE = Result("https://a.org/x", "gone", "http-404", 404)
NO_HOST = Result("https://a.org/x", "unreachable", "host-not-found")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that the test sets."""
    now = [1_000_000_000.0]
    monkeypatch.setattr(state_module, "time", lambda: now[0])
    return now


def run(root: Path, *results: Result, finish: bool = True) -> list[Result]:
    state = State(root)
    state.begin()
    recorded = [state.record(result) for result in results]
    if finish:
        state.finish()
    state.close()
    return recorded


def test_a_result_comes_back_as_it_went_in(tmp_path: Path, clock: list[float]) -> None:
    full = Result(
        "https://a.org/x", "moved", "permanent-redirect", 200, "https://b.org/y", (("https://a.org/x", 301),), detail="é", elapsed=0.5,
        temporary=True, etag='"1"', modified="Thu, 01 Jan 1970 00:00:00 GMT",
    )  # fmt: skip
    [stored] = run(tmp_path, full)
    assert stored == replace(full, checked_at=clock[0], since=clock[0])
    state = State(tmp_path)
    assert state.get(full.url) == stored and list(state.latest()) == [stored] and state.fresh(1) == {full.url: stored}
    assert state.get("https://a.org/other") is None
    state.close()


def test_gone_in_two_runs_is_confirmed(tmp_path: Path, clock: list[float]) -> None:
    assert not run(tmp_path, GONE)[0].confirmed
    clock[0] += 60
    [second] = run(tmp_path, GONE)
    assert (second.confirmed, second.agree, second.since) == (True, 2, clock[0] - 60)
    [other] = run(tmp_path, replace(GONE, reason="http-410"))
    assert (other.confirmed, other.agree) == (True, 1)
    [back] = run(tmp_path, replace(GONE, verdict="ok", reason="http-200"))
    assert (back.confirmed, back.agree) == (False, 1)
    assert not run(tmp_path, GONE)[0].confirmed


def test_one_run_does_not_confirm_itself(tmp_path: Path) -> None:
    first, second = run(tmp_path, GONE, GONE)
    assert not first.confirmed and not second.confirmed and second.agree == 1


def test_a_run_that_died_is_taken_up(tmp_path: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """What it found is fresh for the next one, does not confirm itself, and does so no longer once that is done."""
    run(tmp_path, GONE, finish=False)
    state = State(tmp_path)
    assert set(state.fresh(7)) == {GONE.url}
    state.begin()
    assert not state.record(GONE).confirmed
    state.finish()
    assert state.fresh(7) == {}
    state.begin()
    assert state.record(GONE).confirmed
    assert set(state.fresh(7)) == {GONE.url}
    state.close()


def test_a_run_that_died_long_ago_is_another_run(tmp_path: Path, clock: list[float]) -> None:
    run(tmp_path, GONE, finish=False)
    clock[0] += 2 * DAY
    assert run(tmp_path, GONE)[0].confirmed


def test_a_run_that_is_alive_is_left_alone(tmp_path: Path) -> None:
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        state = State(tmp_path)
        first = state.begin()
        with sqlite3.connect(state.path) as database:
            database.execute("UPDATE runs SET process = ?", (sleeper.pid,))
        database.close()
        assert state.begin() == first + 1
        state.close()
    finally:
        sleeper.kill()
        sleeper.wait()


@pytest.mark.parametrize(("days", "verdict"), [(0.5, "unreachable"), (1.9, "unreachable"), (2.1, "gone"), (30, "gone")])
def test_a_host_without_a_name_is_gone_after_days(tmp_path: Path, clock: list[float], days: float, verdict: str) -> None:
    run(tmp_path, NO_HOST)
    clock[0] += days * DAY
    [second] = run(tmp_path, NO_HOST)
    assert (second.verdict, second.confirmed) == (verdict, verdict == "gone")
    clock[0] += DAY
    assert run(tmp_path, NO_HOST)[0].verdict == ("unreachable" if days < 1 else "gone")


def test_a_host_that_came_back_starts_anew(tmp_path: Path, clock: list[float]) -> None:
    for result in (NO_HOST, replace(NO_HOST, verdict="ok", reason="http-200"), NO_HOST):
        [last] = run(tmp_path, result)
        clock[0] += 3 * DAY
    assert last.verdict == "unreachable"
    run(tmp_path, replace(NO_HOST, reason="dns-failure"))
    clock[0] += 3 * DAY
    assert run(tmp_path, NO_HOST)[0].verdict == "unreachable"


def test_freshness(tmp_path: Path, clock: list[float]) -> None:
    urls = {verdict: f"https://a.org/{verdict}" for verdict in ("ok", "gone", "unreachable")}
    run(tmp_path, *(Result(url, verdict, "x") for verdict, url in urls.items()))
    clock[0] += 3 * DAY
    run(tmp_path, Result("https://a.org/new", "ok", "x"))
    state = State(tmp_path)
    assert set(state.fresh(1)) == {"https://a.org/new"}
    assert set(state.fresh(7)) == {"https://a.org/new", urls["ok"], urls["unreachable"]}
    assert state.fresh(0) == {}
    state.close()


def test_history_keeps_all_runs(tmp_path: Path, clock: list[float]) -> None:
    for verdict in ("ok", "gone", "ok"):
        run(tmp_path, replace(GONE, verdict=verdict))
        clock[0] += DAY
    state = State(tmp_path)
    assert [result.verdict for result in state.history(GONE.url)] == ["ok", "gone", "ok"]
    assert [result.checked_at for result in state.history(GONE.url)] == [clock[0] - days * DAY for days in (1, 2, 3)]
    state.close()


def test_the_first_format_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with sqlite3.connect(tmp_path / "state/links.db") as database:
        database.execute("CREATE TABLE links(url TEXT PRIMARY KEY, verdict TEXT)")
        database.execute("INSERT INTO links VALUES ('https://a.org/x', 'gone')")
    database.close()
    assert not run(tmp_path, GONE)[0].confirmed


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    monkeypatch.setenv("DLATLAS_CACHE", str(tmp_path / "cache"))
    state = State(tmp_path)
    assert state.path == tmp_path / "cache" / "links.db" and state.record(GONE)
    state.close()


def test_a_hundred_thousand_links(tmp_path: Path) -> None:
    """What is fresh among them is found in under a second."""
    state = State(tmp_path)
    now = time.time()
    row = {name: None for name in NAMES} | {"verdict": "moved", "reason": "permanent-redirect", "agree": 1, "confirmed": 0}
    row["chain"] = '[["https://a.org/x", 301]]'
    with sqlite3.connect(state.path) as database:
        database.executemany(
            f"INSERT INTO links({COLUMNS}, run) VALUES ({', '.join('?' * (len(NAMES) + 1))})",
            ([*(row | {"url": f"https://a.org/{i}", "checked_at": now - (i % 10) * DAY}).values(), 1] for i in range(100_000)),
        )
    database.close()
    best = 9.0
    for _ in range(3):
        began = time.perf_counter()
        fresh = state.fresh(4.5)
        best = min(best, time.perf_counter() - began)
    state.close()
    assert len(fresh) == 50_000 and best < 1.0


def check_file(root: Path, file: Path) -> subprocess.Popen[bytes]:
    options = ["--allow-private", "--timeout", "10", "--workers", "8", "--max-per-host", "4"]
    command = [sys.executable, "-m", "dlatlas.cli", "--root", str(root), "links", "check", "--urls", str(file), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


def count(root: Path) -> int:
    with sqlite3.connect(root / "state/links.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        number: int = database.execute("SELECT count(*) FROM links").fetchone()[0]
    database.close()
    return number


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_kills_lose_what_was_in_flight_only(tree: Path, site: Site, kills: int) -> None:
    """Killed again and again at any moment, the runs together ask hardly more than one run would have asked."""
    links = 40 * kills
    file = tree / "urls.txt"
    file.write_text("\n".join(site(f"busy?{i}") for i in range(links)))
    chance = random.Random(7)
    for _ in range(kills):
        before = site.hits["GET /busy"]
        process = check_file(tree, file)
        for _ in range(2000):
            if process.poll() is not None or site.hits["GET /busy"] > before:
                break
            time.sleep(0.005)
        time.sleep(chance.random() * 0.12)
        process.send_signal(signal.SIGKILL)
        process.wait()
        count(tree)
    assert count(tree) < links, "the runs were too fast to be killed"
    assert check_file(tree, file).wait() == 0
    assert count(tree) == links
    assert site.hits["GET /busy"] <= links + kills * 8


def test_two_processes_at_once(tree: Path, site: Site) -> None:
    files = [tree / "a.txt", tree / "b.txt"]
    for number, file in enumerate(files):
        file.write_text("\n".join(site(f"busy?{i}") for i in range(number * 30, number * 30 + 60)))
    assert [process.wait() for process in [check_file(tree, file) for file in files]] == [0, 0]
    assert count(tree) == 90


def test_many_open_a_new_store_at_once(tmp_path: Path) -> None:
    """None takes the tables of another for those of the first format, and none goes elsewhere because the file is busy."""
    for attempt in range(15):
        root = tmp_path / str(attempt)
        start = threading.Barrier(6)

        def write(number: int, root: Path = root, start: threading.Barrier = start) -> Path:
            start.wait()
            state = State(root)
            state.record(Result(f"https://example.org/{number}", "live", "ok"))
            state.close()
            return state.path

        with ThreadPoolExecutor(6) as pool:
            assert set(pool.map(write, range(6))) == {root / "state" / "links.db"}
        assert count(root) == 6
