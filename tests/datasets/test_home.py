"""Where hustings keeps its files, as the environment names it."""

from pathlib import Path

import pytest

from datasets.errors import UserError
from datasets.home import hustings_home as home


def test_a_tilde_is_the_users_own_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("HUSTINGS_HOME", "~/x")
    assert home() == Path("/home/ada/x")


def test_a_path_is_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUSTINGS_HOME", "bars/~x")
    assert home() == Path("bars/~x")


def test_the_tilde_of_nobody_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUSTINGS_HOME", "~nobody-of-that-name/x")
    with pytest.raises(UserError, match="no such user"):
        home()
