"""hustings data hours: the hours of an exchange, with their source and whether they are certain."""

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from datasets.errors import UserError
from datasets.instants import iso_z
from datasets.markets.exchange_tables import Exchange, HoursFact, find_exchange, regular_hours
from datasets.markets.session_hours import REGULAR, SessionHours, session_hours
from datasets.markets.sessions import horizon_note
from hustings.terminal import say, say_json, table


def show_hours(*, mic: str, day: str | None, year: int | None, as_json: bool) -> None:
    """Print the hours of a date or of a year, or the regular hours of an exchange."""
    exchange = find_exchange(mic)
    if day is None and year is None:
        _show_regular(exchange, as_json=as_json)
        return
    first, last = _span(day, year)
    rows = [h for h in session_hours(exchange.mic, first, last) if h.is_session or day or h.date.weekday() < 5]
    note = horizon_note(exchange.mic, first, last)
    if as_json:
        say_json({**_head(exchange), "note": note, "sessions": [_json_row(h) for h in rows]})
        return
    say(f"{exchange.mic}, {exchange.zone}")
    columns = ["date", "kind", "open", "close", "official close", "open (UTC)", "close (UTC)", "certain", "source"]
    table(columns, [_text_row(h, brief=day is None) for h in rows])
    if note:
        say(note)


def _span(day: str | None, year: int | None) -> tuple[date, date]:
    if day is not None and year is not None:
        raise UserError("--date and --year exclude each other: choose one")
    try:
        return (date.fromisoformat(day),) * 2 if day is not None else (date(year or 0, 1, 1), date(year or 0, 12, 31))
    except ValueError as e:
        raise UserError(f"'{day or year}' is no {'date such as 2024-11-01' if day else 'year such as 2024'}") from e


def _head(exchange: Exchange) -> dict[str, Any]:
    certain = {"certain_from": exchange.certain_from.isoformat(), "certain_to": exchange.certain_to.isoformat()}
    return {"exchange": exchange.mic, "zone": exchange.zone, **certain}


def _json_row(hours: SessionHours) -> dict[str, Any]:
    names = ("open", "close", "official_close")
    times = [(hours.open_at, hours.close_at, hours.official_close_at)[n] for n in range(3)]
    local = {n: None if at is None else _clock(at, hours.date) for n, at in zip(names, times, strict=True)}
    utc = {f"{n}_at": None if at is None else iso_z(at) for n, at in zip(names, times, strict=True)}
    row = {k: v for k, v in asdict(hours).items() if k not in utc}
    return {**row, "date": hours.date.isoformat(), "is_session": hours.is_session, **local, **utc}


def _text_row(hours: SessionHours, *, brief: bool) -> list[str]:
    times = (hours.open_at, hours.close_at, hours.official_close_at)
    local = [_clock(at, hours.date) if at else "-" for at in times]
    utc = [f"{at.astimezone(UTC):%m-%d %H:%M}" if at else "-" for at in times[:2]]
    source = f"{hours.source} ({hours.confidence})" + (f": {hours.note}" if hours.note else "")
    source = "-" if brief and hours.kind == REGULAR else source
    return [f"{hours.date:%Y-%m-%d %a}", hours.kind, *local, *utc, "yes" if hours.is_certain else "no", source]


def _clock(at: datetime, day: date) -> str:
    """Return ``17:00``, or ``17:00-1`` of the day before."""
    days = (day - at.date()).days
    return f"{at:%H:%M}" + (f"{-days:+d}" if days else "")


def _show_regular(exchange: Exchange, *, as_json: bool) -> None:
    facts = regular_hours(exchange.mic)
    rows = [_regular_row(f) for f in facts]
    if as_json:
        say_json({**_head(exchange), "regular": rows})
        return
    say(f"{exchange.mic}, {exchange.zone}; certain from {exchange.certain_from} to {exchange.certain_to}")
    if not facts:
        say("regular hours are those of exchange_calendars; --date or --year shows them")
        return
    names = ("from", "season", "open", "close", "official_close", "confidence", "source", "note")
    table([n.replace("_", " ") for n in names], [[str(r[n] or "-") for n in names] for r in rows])


def _regular_row(fact: HoursFact) -> dict[str, Any]:
    clocks = (fact.open, fact.close, fact.close if fact.auction_end is None else fact.auction_end)
    times = [None if m is None else f"{m // 60 % 24:02}:{m % 60:02}" + ("-1" if m < 0 else "") for m in clocks]
    return {
        "from": fact.first.isoformat(),
        "season": fact.day,
        **dict(zip(("open", "close", "official_close"), times, strict=True)),
        "confidence": fact.confidence,
        "source": fact.source,
        "note": fact.note,
    }
