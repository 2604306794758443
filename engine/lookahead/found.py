"""What the look-ahead checks leave: how many decisions each examined, and those that another future changed."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

AGAIN, CUT, DELAYED, SCRAMBLED, OPENED = "again", "cut", "delayed", "scrambled", "opened"
CHECKS = {
    AGAIN: "asked again with nothing changed",
    CUT: "data and events end at the decision",
    DELAYED: "all news a day later: nothing decided earlier",
    SCRAMBLED: "later prices, outcomes and labels redrawn",
    OPENED: "opens no file of facts by itself",
}
"""The checks in their order, each with what it holds."""
GIVEN_AWAY_LIMIT = 5
"""Of so many offences a check are data and events taken apart, to see which gave the future away."""

Progress = Callable[[str], AbstractContextManager[None]]
"""Shows in words what is being done, as long as it is."""


@dataclass(frozen=True)
class Offence:
    """One decision that another future changed.

    ``subject`` is the event decided on, or the market of an order; ``at`` the instant (None: while the rule's file was
    read); ``given_away_by`` the data or the field of the events that is enough to change it, blank where not sought.
    """

    check: str
    subject: str
    at: datetime | None
    with_future: str
    without: str
    given_away_by: str = ""


@dataclass(frozen=True)
class Check:
    """One check: how many decisions it examined, those that changed, and a remark. None: it was not made."""

    name: str
    examined: int | None
    offences: tuple[Offence, ...] = ()
    note: str = ""

    @property
    def changed(self) -> int:
        """How many decisions changed."""
        return len(self.offences)


@dataclass(frozen=True)
class LookaheadReport:
    """All checks of one rule; ``files`` are those it opened itself, of which nothing could be cut."""

    checks: tuple[Check, ...]
    decisions: int
    files: tuple[str, ...] = ()

    @property
    def offences(self) -> tuple[Offence, ...]:
        """Every decision that changed, check by check."""
        return tuple(o for c in self.checks for o in c.offences)


def not_made(*, but: str, why: str = "not made: it decides differently with nothing changed") -> tuple[Check, ...]:
    """Return the other checks, which were not made."""
    return tuple(Check(name, None, note=why) for name in CHECKS if name != but)
