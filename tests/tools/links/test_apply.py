"""Links that have moved for good are rewritten, and nothing else."""

from __future__ import annotations

from pathlib import Path
from time import time

import pytest
from dlatlas.catalog.fmt import formatted
from dlatlas.catalog.lint import lint
from dlatlas.catalog.load import load
from dlatlas.cli import main
from dlatlas.links.apply import Move, moves
from dlatlas.links.result import Result
from dlatlas.links.state import State

CODE = "https://github.com/Someone/adam"
ARTICLE = "https://zhuanlan.zhihu.com/p/1"


def moved(url: str, new: str, verdict: str = "moved") -> Result:
    return Result(url, verdict, "permanent-redirect", 200, new, ((url, 301),), checked_at=time())


def test_links_and_the_repository_id(tree: Path) -> None:
    made, refused = moves(load(tree), {CODE: moved(CODE, "https://github.com/Renamed/Adam-2")})
    assert made == [
        Move("gh-someone-adam", ("links", 0, "url"), CODE, "https://github.com/Renamed/Adam-2"),
        Move("gh-someone-adam", ("ids", "github"), "Someone/adam", "Renamed/Adam-2"),
    ]
    assert refused == []
    made, _ = moves(load(tree), {CODE: moved(CODE, "https://adam.example/")})
    assert [move.below for move in made] == [("links", 0, "url")]


def test_the_id_of_another_repository_stays(tree: Path) -> None:
    path = tree / "catalog/training/optimizers/entries.yml"
    both = 'links: [{url: "https://github.com/Someone/adam"}, {url: "https://adam.example/demo"}]'
    path.write_text(path.read_text("utf-8").replace('links: [{url: "https://github.com/Someone/adam"}]', both), "utf-8")
    made, _ = moves(load(tree), {"https://adam.example/demo": moved("https://adam.example/demo", "https://github.com/Someone/adam-demo")})
    assert [move.below for move in made] == [("links", 1, "url")]


@pytest.mark.parametrize(
    ("url", "new", "why"),
    [
        (ARTICLE, "https://example.org/obd.pdf", "the address of lecun-1989-optimal-brain-damage"),
        (ARTICLE, "http://www.example.org:80/obd.pdf#page=2", "the address of lecun-1989-optimal-brain-damage"),
        (ARTICLE, "https://arxiv.org/pdf/1412.6980v9", "the address of kingma-2014-adam"),
        ("http://cn.arxiv.org/abs/1412.6980", "https://arxiv.org/abs/1412.6980", ""),
        (ARTICLE, "javascript:alert(1)", "no http or https address"),
        (ARTICLE, 'https://x.example/"', "no http or https address"),
        (ARTICLE, "ftp://x.example/", "no http or https address"),
    ],
)
def test_addresses_that_cannot_be_adopted(tree: Path, url: str, new: str, why: str) -> None:
    made, refused = moves(load(tree), {url: moved(url, new)})
    assert [refusal.new for refusal in refused] == ([new] if why else [])
    assert why == "" or why in str(refused[0])
    assert len(made) == (not why)


def test_two_links_cannot_move_to_one_address(tree: Path) -> None:
    made, refused = moves(load(tree), {url: moved(url, "https://new.example/a") for url in (CODE, ARTICLE)})
    assert len(made) == 1 and "that is the address of" in refused[0].why


@pytest.mark.parametrize("verdict", ["ok", "gone", "blocked"])
def test_other_verdicts_move_nothing(tree: Path, verdict: str) -> None:
    assert moves(load(tree), {CODE: moved(CODE, "https://new.example/", verdict)}) == ([], [])


def test_the_command(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tree / "catalog/training/optimizers/entries.yml"
    text = formatted(path.read_text("utf-8"), path.name).replace('    - {url: "https://z', '    # kept\n    - {url: "https://z')
    path.write_text(text, "utf-8")
    assert lint(tree) == []
    command = ["--root", str(tree), "links", "apply"]
    assert main(command) == 0
    assert "nothing to change" in capsys.readouterr().err
    state = State(tree)
    state.record(moved(CODE, "https://github.com/Renamed/adam"))
    state.record(moved(ARTICLE, "https://zhuanlan.zhihu.com/p/2"))
    state.record(moved("http://cn.arxiv.org/abs/1412.6980", "https://example.org/obd.pdf"))
    state.close()
    assert main(command) == 1
    out, err = capsys.readouterr()
    assert out.startswith("--- a/catalog/training/optimizers/entries.yml\n+++ b/") and out.count("\n+ ") == 3
    assert "cn.arxiv.org/abs/1412.6980 has moved to https://example.org/obd.pdf: that is the address of lecun" in err
    assert path.read_text("utf-8") == text
    assert main([*command, "--max-age", "0"]) == 0
    assert main([*command, "--yes"]) == 1  # one was refused
    new = text.replace(CODE, "https://github.com/Renamed/adam").replace('Someone/adam"}', 'Renamed/adam"}').replace("p/1", "p/2")
    new = new.replace('en: "Renamed/adam"', 'en: "Someone/adam"')
    assert path.read_text("utf-8") == new
    assert lint(tree) == []
    assert "000:1" in new
