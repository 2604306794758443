"""Rules on what was public when: winners, shares, majorities and titles that knew more than their instant."""

import re
from collections.abc import Iterator

from datasets.events.event import Majority, PoliticalEvent, WinnerStatus
from datasets.events.kinds import Ballot, Kind

_BEFORE_THE_COUNT = ("exit_poll", "first_projection", "media_call", "quick_count", "estimated")
_NARROW = 0.03
"""A share of seats so near to half or two thirds was not called by an exit poll or a first projection."""

_NOT_A_NAME = re.compile(r"[()\d]|\b(lead|leads|largest|plurality|projected|ahead|minority)\b", re.IGNORECASE)
_BEYOND = re.compile(
    r"two[- ]thirds|three[- ](quarters|fifths)|\bsupermajority|\bnarrow|\bby (a hair|\d)"
    r"|\b\d+ (of \d+ )?seats|\b\d+ of \d+\b|\d %|\b(quits|resigns|concedes|to (quit|resign))\b",
    re.IGNORECASE,
)
_MAJORITY_WON = re.compile(r"\b(wins?|won|outright|absolute|clear|own)\b( \w+)?( \w+)? majority\b", re.IGNORECASE)
_UNDECIDED = (
    Kind.DISSOLUTION,
    Kind.RESIGNATION,
    Kind.EXIT_POLL,
    Kind.REFERENDUM,
    Kind.IMPEACHMENT,
    Kind.COUP_OR_MARTIAL_LAW,
)
"""Kinds after which the executive is not in question, or not settled."""
_ASSEMBLY_DECIDES = ("FR",)
"""Countries whose `legislative_election` decides whether the president's side governs on."""


def winner(event: PoliticalEvent) -> Iterator[str]:
    """The winner is a plain name, and a vote says what he was when the outcome became known."""
    found = _NOT_A_NAME.search(event.winner or "")
    if found:
        yield f"winner '{event.winner}' is not a plain name ('{found[0]}'): say it in winner_status"
    if (event.winner is None) != (event.winner_status is None) and event.is_vote:
        yield "winner and winner_status must be given together: leads, projected, elected or appointed"


def incumbent(event: PoliticalEvent) -> Iterator[str]:
    """Whether the incumbent won is known when it is settled who governs, and not by votes that do not decide it."""
    if event.incumbent_won is None:
        return
    if event.ballot is Ballot.LOCAL or event.kind in _UNDECIDED:
        yield f"incumbent_won is given, but a {event.kind} does not decide who governs: leave it blank"
    elif event.kind is Kind.LEGISLATIVE_ELECTION and event.country not in _ASSEMBLY_DECIDES:
        yield (
            "incumbent_won is given, but a legislative_election is of an upper house, or of a chamber next to a "
            "president: leave it blank, or call it general_election"
        )
    elif event.settled_at is not None or _dated(event, "incumbent_won") is not None:
        return
    elif event.winner_status is WinnerStatus.LEADS:
        yield "incumbent_won is given, but the winner only leads: nobody has won; blank, or give settled_at"
    elif event.majority is Majority.HUNG:
        yield "incumbent_won is given of a hung vote without settled_at: who governs was not settled that night"


def public(event: PoliticalEvent) -> Iterator[str]:
    """A share that only the count gives, and a majority near its threshold, have their own instants."""
    if event.known_at_basis not in _BEFORE_THE_COUNT or not event.is_vote or event.winner_share is None:
        return
    if _dated(event, "winner_share") is None:
        yield f"winner_share is of the count, but known_at is {event.known_at_basis}: date it in fields_known_at"
    near = [t for t in _thresholds(event.majority) if abs(event.winner_share - t) < _NARROW]
    if near and event.share_kind == "seats" and _dated(event, "majority") is None:
        yield (
            f"{event.winner_share:g} of the seats is near {near[0]:.3g}, and known_at is {event.known_at_basis}: "
            "give the instant at which majority was public in fields_known_at"
        )


def _thresholds(majority: Majority | None) -> tuple[float, ...]:
    match majority:
        case None | Majority.NOT_APPLICABLE:
            return ()
        case Majority.SUPERMAJORITY:
            return (2 / 3,)
        case Majority.MAJORITY:
            return (0.5, 2 / 3)
        case _:
            return (0.5,)


def title(event: PoliticalEvent) -> Iterator[str]:
    """A title says no more than was public at ``known_at``."""
    if event.known_at_basis in _BEFORE_THE_COUNT and event.is_vote and _dated(event, "title") is None:
        found = _BEYOND.search(event.title)
        if found:
            yield f"the title says '{found[0]}', which only the count shows: reword it, or give its instant"
        won = _MAJORITY_WON.search(event.title)
        if won and event.majority is Majority.MAJORITY and _dated(event, "majority") is not None:
            yield f"the title says '{won[0]}', but majority was public later: reword it, or give the title's instant"


def exit_polls(event: PoliticalEvent) -> Iterator[str]:
    """A poll is no vote, and a quick count is no exit poll."""
    words = event.title.casefold()
    if event.kind is Kind.EXIT_POLL and event.voted_on is not None:
        yield "voted_on is given of an exit poll, which is no vote: leave it blank"
    if event.is_vote and words.startswith(("exit poll", "exit-poll")):
        yield "the title says exit poll: its kind is exit_poll"
    if "quick count" in words and event.known_at_basis == "exit_poll":
        yield "the title says quick count: known_at_basis is quick_count"


def _dated(event: PoliticalEvent, field: str) -> object:
    own = dict(event.fields_known_at)
    return own.get(field) or (own.get("winner") if field == "winner_share" else None)
