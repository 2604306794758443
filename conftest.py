"""What all tests and the examples in docstrings share: a home of their own, and ``hs``."""

import os
from pathlib import Path
from typing import Any

import pytest

import hustings


def pytest_xdist_auto_num_workers() -> int:
    """Return one worker more than there are processors: a sixth of the time tests wait for processes and browsers."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session", autouse=True)
def hustings_home(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """A home for the registry, shared by the tests of one worker.

    All workers share one cache of hours, which is kept by pytest: tables are found by the hash of what they are made
    from.
    """
    home = tmp_path_factory.mktemp("home")
    assert pytestconfig.cache is not None
    (home / "cache").symlink_to(pytestconfig.cache.mkdir("hustings"))
    os.environ["HUSTINGS_HOME"] = str(home)
    os.environ["HUSTINGS_NO_QUANTSTATS"] = "1"  # seconds a run; the tests of that sheet ask for it
    return home


@pytest.fixture(autouse=True)
def hs(doctest_namespace: dict[str, Any]) -> None:
    """Give the examples in docstrings the package as users import it."""
    doctest_namespace["hs"] = hustings
