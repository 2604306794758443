"""A process killed before any of its file operations leaves the old files or the new ones, never a mixture.

``python -m tests.killing`` does the same with each command.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datasets.files import created_file, replaced_folder
from hustings.files import write_text
from tests.killing import files_of, is_killed, temporary


def write_folder(text: str) -> None:
    """Write a folder of three files and a folder in it, and keep a file that is in it."""
    with replaced_folder(Path("run"), kept=lambda name: name == "notes.txt") as new:
        (new / "in").mkdir()
        for name in ("a", "b", "in/c"):
            (new / name).write_text(text)


def write_file(text: str) -> None:
    """Write a page."""
    write_text(Path("page.html"), text * 1000)


def write_new_file(text: str) -> None:
    """Write a file that is never overwritten."""
    with created_file(Path("new.json"), text.encode()):
        pass


@pytest.mark.parametrize(
    ("work", "files", "there"),
    [
        (write_folder, {"run/a": 1, "run/b": 1, "run/in/c": 1}, False),
        (write_folder, {"run/a": 1, "run/b": 1, "run/in/c": 1}, True),
        (write_file, {"page.html": 1000}, False),
        (write_file, {"page.html": 1000}, True),
        (write_new_file, {"new.json": 1}, False),
    ],
)
def test_a_kill_leaves_the_old_or_the_new(
    work: Callable[[str], Any], files: dict[str, int], there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = {"run/notes.txt": b"mine"} if there and work is write_folder else {}
    old, new = (mine | {name: text * times for name, times in files.items()} for text in (b"old", b"new"))
    old, operation, alive = old if there else {}, 0, True
    while alive:
        place = tmp_path / str(operation)
        for name, content in old.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(content)
        place.mkdir(exist_ok=True)
        alive = is_killed(operation, work, "new", cwd=place, env={})
        whole = {n: c for n, c in files_of(place).items() if not temporary(n)}
        assert whole in ([old, new] if alive else [new]), operation
        monkeypatch.chdir(place)
        if work is not write_new_file or not whole:
            work("new")
            assert files_of(place) == new
        operation += 1
    assert operation > 3  # more than nothing was tried
