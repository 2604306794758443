"""The report of the look-ahead checks: how many decisions each examined, and those that another future changes."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from msgspec import Struct

from datasets.events import EventCatalogue
from engine.lookahead.uncertain import UncertainHours
from engine.strategy.market import Market


class CheckName(StrEnum):
    """The checks in their order."""

    AGAIN = "again"
    CUT = "cut"
    DELAYED = "delayed"
    SCRAMBLED = "scrambled"
    OPENED = "opened"


CHECKS = {
    CheckName.AGAIN: "called again with nothing changed",
    CheckName.CUT: "data and events end at the decision",
    CheckName.DELAYED: "all news a day later: nothing decided earlier",
    CheckName.SCRAMBLED: "later prices, outcomes and labels redrawn",
    CheckName.OPENED: "opens no file of events or prices itself",
}
"""The condition of each check."""

Progress = Callable[[str], AbstractContextManager[None]]
"""Shows in words what is being done, for as long as it takes."""


class Subject(Struct, frozen=True):
    """A strategy under examination and what it is run on.

    ``reload`` gives a new instance, its own modules loaded again, for as long as the context is open: a module then
    keeps nothing of another world. It gives a rule, or the class of a backtrader strategy. ``facts`` are the files and
    folders of the events and bars; ``seed`` is that of redrawn futures.
    """

    reload: Callable[[], AbstractContextManager[Any]]
    events: EventCatalogue
    market: Market
    since: date | None = None
    facts: tuple[Path, ...] = ()
    seed: int = 0


class Offence(Struct, frozen=True):
    """One decision that another future changes.

    ``subject`` is the event decided on, or the market of an order; ``at`` the instant (None: while the rule's file was
    read); ``given_away_by`` the data or the field of the events that suffices to change it, blank where unsearched.
    """

    check: CheckName
    subject: str
    at: datetime | None
    with_future: str
    without: str
    given_away_by: str = ""


class Check(Struct, frozen=True):
    """One check: how many decisions it examined (None: it was not made), those that changed, and a remark."""

    name: CheckName
    examined: int | None
    offences: tuple[Offence, ...] = ()
    note: str = ""

    @property
    def changed(self) -> int:
        """How many decisions changed."""
        return len(self.offences)


class LookaheadReport(Struct, frozen=True):
    """All checks of one strategy.

    ``files`` are those it opened itself and which no world cuts, ``uncertain`` the decisions and fills on sessions
    whose hours are not certain.
    """

    checks: tuple[Check, ...]
    files: tuple[str, ...] = ()
    uncertain: tuple[UncertainHours, ...] = ()

    @property
    def decisions(self) -> int:
        """How many decisions there were to examine."""
        return max(c.examined or 0 for c in self.checks)

    @property
    def examined(self) -> int:
        """How many decisions were compared with another future."""
        return max(c.examined or 0 for c in self.checks if c.name in (CheckName.CUT, CheckName.SCRAMBLED))

    @property
    def offences(self) -> tuple[Offence, ...]:
        """Every decision that changed, check by check."""
        return tuple(o for c in self.checks for o in c.offences)


def made_checks(checks: Iterable[Callable[[], Check]], progress: Progress) -> tuple[Check, ...]:
    """Return the checks in their order; where the strategy decides differently with nothing changed, no other."""
    made: list[Check] = []
    for (name, words), check in zip(CHECKS.items(), checks, strict=True):
        with progress(f"{name}: {words}"):
            made.append(check())
        if made[0].offences:
            return (*made, *not_made(CheckName.AGAIN, why="it decides differently with nothing changed"))
    return tuple(made)


def not_made(but: CheckName, *, why: str) -> tuple[Check, ...]:
    """Return all checks but one, which were not made."""
    return tuple(Check(name, None, note=f"not made: {why}") for name in CHECKS if name != but)
