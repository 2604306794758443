"""What all tests share: a home of their own, golden files, and the private price files where a machine has them."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("hustings", deadline=None)  # how long one example takes is the machine's affair
settings.register_profile("same", settings.get_profile("hustings"), derandomize=True)  # the same examples every time
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "hustings"))

SHARED = Path(os.environ.get("HUSTINGS_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes run the tests: half as many again as cores, because some tests wait."""
    return max(2, len(os.sched_getaffinity(0)) * 3 // 2) if hasattr(os, "sched_getaffinity") else 2


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew; then read the diff")
    parser.addoption("--screenshots", action="store_true", help="keep pictures of the pages in build/screenshots")


@pytest.fixture(scope="session")
def update_golden(pytestconfig: pytest.Config) -> bool:
    """Whether the golden files are to be written anew."""
    return bool(pytestconfig.getoption("--update-golden"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Do without garbage collection while all is imported, and never look through that again: half of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes long first: at the end no process waits for another."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session", autouse=True)
def hustings_home(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """A home for the registry, shared by the tests of one worker.

    All workers share one cache of hours, which is kept by pytest: tables are found by the hash of what they are made from.
    """
    home = tmp_path_factory.mktemp("home")
    assert pytestconfig.cache is not None
    (home / "cache").symlink_to(pytestconfig.cache.mkdir("hustings"))
    os.environ["HUSTINGS_HOME"] = str(home)
    os.environ["HUSTINGS_NO_QUANTSTATS"] = "1"  # seconds a run; the tests of that sheet ask for it
    return home


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hustings_home: Path) -> Path:
    """A registry of this test's own, with the session's cached hours."""
    own = tmp_path / "home"
    own.mkdir()
    (own / "cache").symlink_to(hustings_home / "cache")
    monkeypatch.setenv("HUSTINGS_HOME", str(own))
    return own


@pytest.fixture(scope="session")
def market_dir() -> Path:
    """The directory of real bars, which is never part of the project."""
    folder = SHARED / "market"
    if not folder.is_dir():
        pytest.skip("the private price files (../shared/market) are not on this machine")
    return folder


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The private reference files."""
    if not SHARED.is_dir():
        pytest.skip("the private reference files (../shared) are not on this machine")
    return SHARED
