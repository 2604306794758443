"""A run folder is read as what one run wrote: a damaged file, or one of another run, is named."""

import json
import random
import shutil
from pathlib import Path

import pytest

from datasets import files
from datasets.errors import UserError
from datasets.files import remove_leftovers, replaced_folder
from hustings.ledger import trials_of
from hustings.run_folder import claimed, read_run
from tests.hustings.conftest import Made

RULE = ("run", "buy-after-event", "-p", "instrument=SPX", "-p", "country=US", "-p")


@pytest.fixture(scope="module")
def two_runs(made: Made) -> Path:
    """Return where the folders of two runs of a rule lie, the first with a benchmark."""
    one = (*RULE, "hold=2", "--no-report", "--out", "one", "--benchmark", "SPX")
    return made(one, (*RULE, "hold=5", "--no-report", "--out", "two"))


@pytest.fixture
def folders(cli, home, two_runs: Path) -> tuple[Path, Path]:
    """Return copies of the two folders, which a test may change."""
    for name in ("one", "two"):
        shutil.copytree(two_runs / name, name)
    return Path("one"), Path("two")


def test_every_file_that_is_read_is_in_the_manifest(folders: tuple[Path, Path]) -> None:
    for folder in folders:
        there = {p.name for p in folder.iterdir()}
        assert set(json.loads((folder / "manifest.json").read_text())["files"]) == there
        assert read_run(folder).run_id == json.loads((folder / "manifest.json").read_text())["run_id"]


def test_a_mixture_of_two_runs_is_named(folders: tuple[Path, Path]) -> None:
    one, two = folders
    for name in ("trades.csv", "fills.csv", "equity.csv"):
        shutil.copytree(one, "mixed", dirs_exist_ok=True)
        shutil.copy(two / name, Path("mixed") / name)
        with pytest.raises(UserError, match=f"'mixed': {name} is not what run .* wrote"):
            read_run(Path("mixed"))
    shutil.copy(one / "benchmark.csv", two / "benchmark.csv")
    with pytest.raises(UserError, match=r"'two': benchmark\.csv is of another run than"):
        read_run(two)


def test_damage_is_named_and_never_another_number(cli, folders: tuple[Path, Path]) -> None:
    draw, whole = random.Random(3), {p.name: p.read_bytes() for p in folders[0].iterdir()}
    for n in range(150):
        name = sorted(whole)[n % len(whole)]
        data = bytearray(whole[name])
        if n % 3 == 0:
            del data[draw.randrange(len(data)) :]
        else:
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        (folders[0] / name).write_bytes(data)
        with pytest.raises(UserError, match="'one'"):
            read_run(folders[0])
        (folders[0] / name).write_bytes(whole[name])


@pytest.mark.parametrize("text", ["[]", '"x"', "3", "null", "[" * 100_000, "{}", '{"run_id": "x"}'])
def test_a_manifest_that_is_none_is_named(folders: tuple[Path, Path], text: str) -> None:
    (folders[0] / "manifest.json").write_text(text)
    with pytest.raises(UserError, match="'one' is damaged"):
        read_run(folders[0])


def test_a_run_takes_its_folder_as_a_whole_and_keeps_what_is_not_its_own(cli, folders: tuple[Path, Path]) -> None:
    one = folders[0]
    (one / "mine").mkdir()
    (one / "mine" / "notes.txt").write_text("precious")
    for left in (".one.999999999-ab.tmp", ".one.999999999-cd.tmp"):
        Path(left).mkdir()
    assert cli(*RULE, "hold=5", "--no-report", "--out", "one").code == 0
    assert {p.name for p in one.iterdir()} == {p.name for p in folders[1].iterdir()} | {"mine"}
    assert (one / "mine" / "notes.txt").read_text() == "precious"
    assert not list(Path().glob(".one*"))
    assert read_run(one).run_id == read_run(folders[1]).run_id


@pytest.mark.parametrize("exchange", [True, False])
def test_a_folder_that_cannot_be_written_stays_as_it_was(exchange: bool, tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "a").write_text("old")
    if not exchange:
        monkeypatch.setattr(files, "_exchanged", lambda *_: False)
    with pytest.raises(OSError, match="full"), replaced_folder(folder, kept=lambda _: True) as new:
        (new / "a").write_text("half")
        raise OSError("full")
    assert [p.read_text() for p in tmp_path.rglob("*") if p.is_file()] == ["old"]
    with replaced_folder(folder, kept=lambda name: name == "a") as new:
        (new / "b").write_text("new")
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")) == ["run", "run/a", "run/b"]


def test_an_old_folder_that_a_killed_writer_had_moved_away_is_back(tmp_path: Path) -> None:
    (tmp_path / ".run.999999999-ab.old").mkdir()
    (tmp_path / ".run.999999999-ab.tmp").mkdir()
    (tmp_path / ".run.extra.999999999-ab.old").mkdir()
    remove_leftovers(tmp_path / "run")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".run.extra.999999999-ab.old", "run"]


def test_the_second_writer_into_a_folder_is_refused_before_its_trial_is_entered(cli, home) -> None:
    with claimed(Path("one")):
        answer = cli(*RULE, "hold=2", "--no-report", "--out", "one")
    assert (answer.code, answer.err) == (2, "hustings: another hustings is at work in 'one': wait until it has ended\n")
    assert trials_of("buy-after-event") == []
    assert not list(Path().glob(".one*"))


@pytest.mark.parametrize("out", [".", "..", "/proc"])
def test_a_folder_that_cannot_be_moved_is_refused(cli, home, out: str) -> None:
    answer = cli("run", "pro-growth-win", "--out", out)
    assert answer.code == 2
    assert "--out" in answer.err
