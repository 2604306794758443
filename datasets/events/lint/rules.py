"""Rules on the rows of a file together, on the instants of an event, and on what was public when."""

import re
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from datasets.csv_rows import bundled_rows
from datasets.events.event import Majority, PoliticalEvent, WinnerStatus
from datasets.events.event_catalogue import EventRow
from datasets.events.kinds import Ballot, Kind
from datasets.events.lint.facts import exchange_of
from datasets.instants import iso_z
from datasets.markets.sessions import calendar_sessions, hours_table
from datasets.markets.zones import zones

Rows = Sequence[tuple[EventRow, PoliticalEvent]]
_NEAR = timedelta(days=3)
_ALIKE = 0.6
_BETWEEN_ROUNDS = timedelta(days=60)
_IN_ROUNDS = (Kind.PRESIDENTIAL_ELECTION, Kind.LEGISLATIVE_ELECTION)
_LATE = datetime.max.replace(tzinfo=UTC)


def duplicate(rows: Rows) -> Iterator[tuple[EventRow, str]]:
    """No id appears twice, and no two events of a country and kind within three days have the same words."""
    groups: dict[tuple[str, str], list[tuple[EventRow, PoliticalEvent]]] = defaultdict(list)
    seen: dict[str, EventRow] = {}
    for row, event in rows:
        if event.event_id in seen:
            yield row, f"event_id appears already at {seen[event.event_id].where}"
        seen.setdefault(event.event_id, row)
        groups[event.country, event.kind].append((row, event))
    for group in groups.values():
        for (_, first), (row, second) in _near_pairs(group):
            if first.event_id != second.event_id and _is_alike(first.title, second.title):
                yield row, f"within {_NEAR.days} days of {first.event_id}, of the same kind and in the same words"


def names(rows: Rows) -> Iterator[tuple[EventRow, str]]:
    """One person has one name in a country, and a candidate one programme and reading in both rounds of a vote."""
    known: dict[str, set[str]] = defaultdict(set)
    rounds: dict[tuple[str, str], PoliticalEvent] = {}
    for row, event in rows:
        if event.winner is None:
            continue
        for other in known[event.country] - {event.winner}:
            if _is_same_person(event.winner, other):
                yield row, f"winner '{event.winner}' is '{other}' in another row: one name for one person"
        known[event.country].add(event.winner)
        before = rounds.get((event.country, event.winner))
        if before is not None and _is_runoff(before, event):
            for label in ("program", "pro_growth"):
                if getattr(before, label) != getattr(event, label):
                    yield row, f"{label} differs from {before.event_id}, the other round of the same candidate"
        rounds[event.country, event.winner] = event


def _is_same_person(one: str, other: str) -> bool:
    """Return whether one name is a short form of another: one of its words, or its last ones."""
    few, many = sorted((one.casefold().split(), other.casefold().split()), key=len)
    if len(few) == len(many) or len(few[-1]) < 4:
        return False
    return few[0] in many if len(few) == 1 else many[-len(few) :] == few


def _is_runoff(first: PoliticalEvent, second: PoliticalEvent) -> bool:
    days = (first.voted_on, second.voted_on)
    if first.kind is not second.kind or second.kind not in _IN_ROUNDS or days[0] is None or days[1] is None:
        return False
    return timedelta(0) < days[1] - days[0] <= _BETWEEN_ROUNDS


def in_order(rows: Rows) -> Iterator[tuple[EventRow, str]]:
    """A file is sorted by the instant of the outcome; events without one come last."""
    for (before, first), (row, second) in pairwise(rows):
        if before.file == row.file and (second.known_at or _LATE) < (first.known_at or _LATE):
            yield row, f"known before {first.event_id} of the line above: rows are sorted by known_at"


def named_by_country(rows: Rows) -> Iterator[tuple[EventRow, str]]:
    """A file named by a country holds that country's events."""
    for row, event in rows:
        stem = row.file.removesuffix(".csv")
        if re.fullmatch("[A-Z]{2}", stem) and stem != event.country:
            yield row, f"an event of {event.country} in {row.file}"


def _near_pairs(group: Rows) -> Iterator[Rows]:
    """Yield the pairs of rows within three days of each other, each in the order of the rows."""
    dated = sorted((day, n) for n, (_, event) in enumerate(group) if (day := event.local_day) is not None)
    recent: deque[tuple[date, int]] = deque()
    for day, n in dated:
        while recent and day - recent[0][0] > _NEAR:
            recent.popleft()
        yield from ([group[i] for i in sorted((n, other))] for _, other in recent)
        recent.append((day, n))


def _is_alike(first: str, second: str) -> bool:
    """Return whether two titles share most of their words."""
    a, b = (set(re.findall(r"\w{3,}", title.casefold())) for title in (first, second))
    return bool(a | b) and len(a & b) >= _ALIKE * len(a | b)


_LONGEST_COUNT = timedelta(days=60)
_VOTE_DAYS = Path(__file__).parents[1] / "vote_days.csv"


def order(event: PoliticalEvent) -> Iterator[str]:
    """A signal precedes the outcome; the vote, the close of polls and the outcome follow each other in days."""
    if event.signal_from and event.known_at and event.signal_from >= event.known_at:
        yield f"signal_from {iso_z(event.signal_from)} does not lie before known_at {iso_z(event.known_at)}"
    if event.scheduled_for is not None and event.scheduled_for == event.known_at:
        yield "scheduled_for is known_at itself: leave it blank unless the event was moved"
    if event.voted_on is None:
        return
    for name, at in (("polls_close_at", event.polls_close_at), ("known_at", event.known_at)):
        if at is not None and not timedelta(0) <= _local(event, at).date() - event.voted_on <= _LONGEST_COUNT:
            yield f"{name} {iso_z(at)} is not within {_LONGEST_COUNT.days} days from voted_on {event.voted_on}"


def announced(event: PoliticalEvent) -> Iterator[str]:
    """A vote is announced before its day."""
    begins = event.vote_begins_at
    if event.announced_at and begins and event.announced_at >= begins:
        yield f"announced_at {iso_z(event.announced_at)} does not lie before the day of the vote, {event.voted_on}"


def zone(event: PoliticalEvent) -> Iterator[str]:
    """The time zone is one of the country's (IANA's zone.tab)."""
    known = zones().get(event.country)
    if known is None:
        yield f"country '{event.country}' has no time zone: it must be an ISO 3166 code of two letters"
    elif event.timezone not in known:
        some = ", ".join(known[:4]) + (", ..." if len(known) > 4 else "")
        yield f"timezone '{event.timezone}' is not one of {event.country}: {some}"


def hour(event: PoliticalEvent) -> Iterator[str]:
    """The outcome became known at an hour at which outcomes of its kind do."""
    if event.known_at is None:
        return
    local, hours = _local(event, event.known_at), event.kind.hours
    if local.hour not in hours and local.hour + 24 not in hours:
        yield f"known_at is {local:%H:%M} in {event.timezone}: no hour for a {event.kind}; is the offset right?"


def weekday(event: PoliticalEvent) -> Iterator[str]:
    """A vote falls on the country's usual weekday, a release on a working day."""
    if event.kind is Kind.MACRO_RELEASE and event.known_at and _local(event, event.known_at).weekday() > 4:
        yield f"known_at is a {_local(event, event.known_at):%A}: releases come on working days"
    custom = _custom(event)
    if custom is not None and event.voted_on and f"{event.voted_on:%a}" not in custom["weekdays"].split():
        usual = custom["weekdays"].replace(" ", " or ")
        yield f"voted_on {event.voted_on} is a {event.voted_on:%a}; {event.country} votes on {usual} ({custom['why']})"


def holiday(event: PoliticalEvent) -> Iterator[str]:
    """The exchange is shut, or trades, on the day of a vote as it is known to be in that country."""
    custom, day = _custom(event), event.voted_on
    if custom is None or not custom["market"] or day is None or day.weekday() > 4 or event.main_index is None:
        return
    mic = exchange_of(event.main_index)
    if mic is None or not hours_table(mic).covers[0] <= day <= hours_table(mic).covers[1]:
        return
    found = "open" if len(calendar_sessions(mic, day, day)) else "shut"
    if found != custom["market"]:
        yield f"{mic} is {found} on voted_on {day} by its calendar, but {custom['market']} by custom ({custom['why']})"


def _custom(event: PoliticalEvent) -> dict[str, str] | None:
    """Return the row of vote_days.csv for a vote: that of the shortest span which holds its day."""
    day = event.voted_on
    if day is None or not event.is_vote:
        return None
    rows = (r for r in bundled_rows(_VOTE_DAYS) if r["country"] == event.country)
    fitting = (r for r in rows if not r["kinds"] or event.kind in r["kinds"].split())
    holding = [r for r in fitting if date.fromisoformat(r["first"]) <= day <= date.fromisoformat(r["last"])]
    return min(holding, key=lambda r: date.fromisoformat(r["last"]) - date.fromisoformat(r["first"]), default=None)


def _local(event: PoliticalEvent, at: datetime) -> datetime:
    return at.astimezone(ZoneInfo(event.timezone))


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
