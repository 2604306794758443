"""A run folder is read as what one run wrote: a damaged file, or one of another run, is named."""

import json
import random
import shutil
from pathlib import Path

import pytest

from datasets.errors import UserError
from hustings.run_folder import read_run
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
        there = {p.name for p in folder.iterdir()} - {"manifest.json"}
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
    equity = read_run(folders[0]).equity.tolist()
    for n in range(150):
        name = sorted(whole)[n % len(whole)]
        data = bytearray(whole[name])
        if n % 3 == 0:
            del data[draw.randrange(len(data)) :]
        else:
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        (folders[0] / name).write_bytes(data)
        try:
            seen = read_run(folders[0]).equity.tolist()
            assert (name, seen) == ("manifest.json", equity), n
        except UserError as e:
            assert "one" in str(e)
        (folders[0] / name).write_bytes(whole[name])


@pytest.mark.parametrize("text", ["[]", '"x"', "3", "null", "[" * 100_000, "{}", '{"run_id": "x"}'])
def test_a_manifest_that_is_none_is_named(folders: tuple[Path, Path], text: str) -> None:
    (folders[0] / "manifest.json").write_text(text)
    with pytest.raises(UserError, match="'one' is damaged"):
        read_run(folders[0])
