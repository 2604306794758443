"""hustings events next: the events to come, and the first prices that can be traded after each."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from datasets.errors import UserError
from datasets.events.scheduled import ScheduledEvent, scheduled_events
from datasets.instants import iso_z, to_date
from datasets.markets.home_market import home_instrument
from datasets.markets.instruments import Instrument
from datasets.markets.sessions import FIRST_DATE, LAST_DATE
from hustings.handlers.events import first_row, select_scheduled
from hustings.inputs import date_of, days_of_text, instruments_of
from hustings.terminal import progress, say, say_json, table


def list_next(
    *, country: str | None, within: str, as_of: str | None, names: tuple[str, ...], data: Path | None
) -> None:
    """Print the scheduled events within some days, each with the first open and close of each instrument after it."""
    known, now = instruments_of(data), instant_of(as_of)
    given = [known.find(name) for name in names]
    filters = {"country": country, "kind": None, "year": None}
    events = coming_within(select_scheduled(scheduled_events(), filters), now, days_of_text(within))
    with progress("reading hours"):
        homes = (home_instrument(known, e.country) for e in events)
        rows = [_row(e, given or ([] if home is None else [home])) for e, home in zip(events, homes, strict=True)]
    say_json({"as_of": iso_z(now), "within_days": days_of_text(within).days, "events": rows})
    _show(rows)
    votes = [e for e in events if e.kind.is_vote]
    say(f"{len(events)} events to come, {len(votes)} of them votes ({sum(e.is_exact for e in votes)} on an exact date)")


def instant_of(as_of: str | None) -> datetime:
    """Return the instant at which a day begins in UTC, or the present one (to the second).

    Raises:
        UserError: it is no date, or lies beyond the tables of hours.
    """
    day = date_of(as_of, "--as-of")
    if day is None:
        return datetime.now(UTC).replace(microsecond=0)
    if not to_date(FIRST_DATE) <= day <= to_date(LAST_DATE):
        raise UserError(f"--as-of is {day}; it must lie between {FIRST_DATE} and {LAST_DATE}, where hours are known")
    return datetime.combine(day, time(), UTC)


def coming_within(events: Iterable[ScheduledEvent], now: datetime, within: timedelta) -> list[ScheduledEvent]:
    """Return the events whose polls have not closed, and whose (first, or latest possible) day is within some days."""
    last: date = (now + within).date()
    return [e for e in events if e.closes_at > now and e.days[0] <= last]


def _row(event: ScheduledEvent, instruments: list[Instrument]) -> dict[str, Any]:
    """Return an event as plain values: the columns of ``events list --scheduled``, its close, and the first prices."""
    return {
        **event.as_row(),
        "date": str(event.days[0]),
        "other_dates": [str(day) for day in event.days[1:]],
        "polls_close_at": iso_z(event.closes_at),
        "polls_close_known": event.polls_close_local is not None,
        "instruments": {i.symbol: first_row(event.closes_at, i) for i in instruments},
    }


def _show(rows: list[dict[str, Any]]) -> None:
    columns = ["event", "date", "polls close", "in UTC", "market", "first open", "first close", "title"]
    table(columns, [line for row in rows for line in _lines(row)])
    say("closes of polls are local; other hours are in UTC, month-day hour:minute")
    notes = [i["note"] for row in rows for i in row["instruments"].values() if "note" in i]
    for note in dict.fromkeys(notes):
        say(note)
    if any(row["is_latest"] for row in rows):
        say("by: the latest possible date; it may come before")
    if any(not row["polls_close_known"] for row in rows):
        say("*: the hour is not known, the end of the day is taken")


def _lines(row: dict[str, Any]) -> Iterator[list[str]]:
    """Yield the lines of an event, one an instrument; only the first of them names the event."""
    head = [row["event_id"], row["scheduled_for"], row["polls_close_local"] or "*", _short(row["polls_close_at"])]
    title = row["title"]
    for symbol, first in (row["instruments"] or {"none": {}}).items():
        yield [*head, symbol, _short(first.get("first_open_at")), _short(first.get("first_close_at")), title]
        head, title = ["", "", "", ""], ""


def _short(instant: str | None) -> str:
    """Return ``04-11 18:00`` of an instant as text."""
    return "n/a" if instant is None else instant[5:16].replace("T", " ")
