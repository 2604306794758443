"""What a forked process does meanwhile is what this one would do, whatever happens to the process."""

import os
from collections.abc import Callable
from multiprocessing import active_children
from time import sleep

import pytest

from hustings import meanwhile as module
from hustings.meanwhile import meanwhile


@pytest.fixture
def forks(monkeypatch) -> None:
    monkeypatch.setattr(module, "fork_gains", lambda: True)


def begun(work: Callable[[], object]) -> object:
    with meanwhile(work) as result:
        return result()


def test_where_backtrader_is_imported_already_nothing_is_forked() -> None:
    import backtrader  # noqa: F401

    assert begun(os.getpid) == os.getpid()


@pytest.mark.usefixtures("forks")
def test_another_process_does_it() -> None:
    assert begun(os.getpid) not in (os.getpid(), None)


@pytest.mark.usefixtures("forks")
def test_what_it_raises_is_raised_here() -> None:
    with pytest.raises(ZeroDivisionError):
        begun(lambda: 1 // 0)


@pytest.mark.usefixtures("forks")
def test_what_a_lost_process_owes_is_done_here() -> None:
    here = os.getpid()
    assert begun(lambda: "done here" if os.getpid() == here else os._exit(3)) == "done here"


@pytest.mark.usefixtures("forks")
def test_what_cannot_be_sent_is_done_here() -> None:
    found = begun(lambda: lambda: "done here")
    assert callable(found)
    assert found() == "done here"


@pytest.mark.usefixtures("forks")
def test_it_ends_with_the_block() -> None:
    with meanwhile(lambda: sleep(600)):
        assert len(active_children()) == 1
    assert not active_children()
