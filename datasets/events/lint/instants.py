"""Rules on the instants and days of an event: their order, zone, hour, weekday, and the exchange's holidays."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from datasets.csv_rows import bundled_rows
from datasets.events.event import PoliticalEvent
from datasets.events.indices import exchange_of
from datasets.events.kinds import Kind
from datasets.instants import iso_z
from datasets.markets.sessions import calendar_sessions, hours_table
from datasets.markets.zones import zones

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
