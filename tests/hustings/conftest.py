"""The command line as a user meets it: arguments in; exit code, stdout and stderr out."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hustings.__main__ import main


@dataclass(frozen=True)
class Answer:
    """What a command left on the screen."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Answer]


Made = Callable[..., Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, hustings_home: Path) -> Made:
    """Run commands once for all tests of a file, in a directory and with a home of their own; return the directory."""

    def run(*commands: Sequence[str]) -> Path:
        folder = tmp_path_factory.mktemp("made")
        (folder / "home").mkdir()
        (folder / "home" / "cache").symlink_to(hustings_home / "cache")
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.setenv("HUSTINGS_HOME", str(folder / "home"))
            assert [main(list(command)) for command in commands] == [0] * len(commands)
        return folder

    return run


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Run commands in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Answer:
        capsys.readouterr()
        code = main(list(arguments))
        out, err = capsys.readouterr()
        return Answer(code, out, err)

    return run
