"""The kinds of events: one line each, with all that the program knows of a kind."""

import re
from enum import StrEnum
from typing import Any, Self


class Ballot(StrEnum):
    """Whether citizens vote, and on what: ``local`` is a state, a town or a single seat."""

    ELECTION = "election"
    LOCAL = "local"
    REFERENDUM = "referendum"
    NONE = "none"


_COUNT = range(10, 30)  # exit polls, the count of that night, a call at dawn; India counts by day
_DAYTIME = range(8, 22)
_WAKING = range(7, 24)
_LATE_SITTING = range(7, 28)
_ANY_HOUR = range(24)
_NAME = re.compile(r"[a-z][a-z0-9_]{2,40}")


class Kind(StrEnum):
    """What sort of event it is.

    ``ballot`` says what citizens vote on; ``hours`` are the local hours in which the outcome becomes known: 24 is
    midnight, 29 five the next morning.
    """

    ballot: Ballot
    hours: range

    def __new__(cls, name: str, *facts: Any) -> Self:
        """Return a member; a line of the table that is not complete is an error at import."""
        kind = str.__new__(cls, name)
        kind._value_ = name
        kind.ballot, kind.hours = facts
        return kind

    GENERAL_ELECTION = "general_election", Ballot.ELECTION, _COUNT
    PRESIDENTIAL_ELECTION = "presidential_election", Ballot.ELECTION, _COUNT
    LEGISLATIVE_ELECTION = "legislative_election", Ballot.ELECTION, _COUNT
    LEADERSHIP_ELECTION = "leadership_election", Ballot.NONE, _WAKING
    REFERENDUM = "referendum", Ballot.REFERENDUM, _COUNT
    DISSOLUTION = "dissolution", Ballot.NONE, range(7, 25)
    RESIGNATION = "resignation", Ballot.NONE, _WAKING
    APPOINTMENT = "appointment", Ballot.NONE, _ANY_HOUR
    CONFIDENCE_VOTE = "confidence_vote", Ballot.NONE, _LATE_SITTING
    IMPEACHMENT = "impeachment", Ballot.NONE, _ANY_HOUR
    BUDGET_OR_POLICY = "budget_or_policy", Ballot.NONE, _LATE_SITTING
    PARTY_CONGRESS = "party_congress", Ballot.NONE, _DAYTIME
    COUP_OR_MARTIAL_LAW = "coup_or_martial_law", Ballot.NONE, _ANY_HOUR
    INAUGURATION = "inauguration", Ballot.NONE, _DAYTIME
    MACRO_RELEASE = "macro_release", Ballot.NONE, range(7, 19)
    STATE_ELECTION = "state_election", Ballot.LOCAL, _COUNT
    LOCAL_ELECTION = "local_election", Ballot.LOCAL, _COUNT
    BY_ELECTION = "by_election", Ballot.LOCAL, _COUNT
    EXIT_POLL = "exit_poll", Ballot.NONE, _COUNT
    TARIFF_ANNOUNCEMENT = "tariff_announcement", Ballot.NONE, _ANY_HOUR
    TRADE_DEAL = "trade_deal", Ballot.NONE, _ANY_HOUR
    SANCTIONS = "sanctions", Ballot.NONE, _ANY_HOUR
    COURT_RULING = "court_ruling", Ballot.NONE, _DAYTIME
    CENTRAL_BANK_APPOINTMENT = "central_bank_appointment", Ballot.NONE, _ANY_HOUR
    GOVERNMENT_SHUTDOWN = "government_shutdown", Ballot.NONE, _ANY_HOUR
    DEBT_CEILING = "debt_ceiling", Ballot.NONE, _ANY_HOUR
    NATIONALISATION = "nationalisation", Ballot.NONE, _ANY_HOUR
    SOVEREIGN_RATING = "sovereign_rating", Ballot.NONE, _ANY_HOUR
    WAR = "war", Ballot.NONE, _ANY_HOUR
    CEASEFIRE = "ceasefire", Ballot.NONE, _ANY_HOUR

    @property
    def is_vote(self) -> bool:
        """Whether citizens vote."""
        return self.ballot is not Ballot.NONE

    @property
    def words(self) -> str:
        """The kind as a page shows it, such as ``general election``."""
        return self.value.replace("_", " ")


class OwnKind(str):
    """A kind of somebody's own file: known at any hour, and no vote unless its row says so (``vote=yes``)."""

    ballot = Ballot.NONE
    hours = _ANY_HOUR
    is_vote = False

    @property
    def value(self) -> str:
        """The name itself, as of a known kind."""
        return str(self)

    @property
    def words(self) -> str:
        """The kind as a page shows it."""
        return self.replace("_", " ")


_KNOWN = frozenset(Kind)


def kind_of(name: str) -> Kind | OwnKind:
    """Return the kind of a name: a known one, or one's own.

    Raises:
        ValueError: it is not a name such as ``party_split``.

    >>> kind_of("referendum"), kind_of("party_split")
    (<Kind.REFERENDUM: 'referendum'>, 'party_split')
    """
    if isinstance(name, OwnKind) or name in _KNOWN:
        return name if isinstance(name, OwnKind) else Kind(name)
    if not _NAME.fullmatch(name):
        raise ValueError(f"'{name}' is no kind: write a name of small letters such as party_split")
    return OwnKind(name)
