"""hustings data hours: the hours of an exchange, with their source and whether they are certain."""

from datetime import UTC, date, datetime
from typing import Any

from datasets.errors import UserError
from datasets.instants import iso_z
from datasets.markets.exchange_tables import Exchange, HoursFact, find_exchange, regular_hours
from datasets.markets.session_hours import SessionHours, session_hours
from datasets.markets.sessions import horizon_note
from hustings.inputs import date_of
from hustings.terminal import say, say_json, table

_TIMES = ("open", "close", "official_close")


def show_hours(*, mic: str, day: str | None, year: int | None) -> None:
    """Print the hours of a date or of a year, or the regular hours of an exchange."""
    exchange = find_exchange(mic)
    if day is None and year is None:
        _show_regular(exchange)
        return
    first, last = _span(day, year)
    rows = [h for h in session_hours(exchange.mic, first, last) if h.times or day or h.date.weekday() < 5]
    note = horizon_note(exchange.mic, first, last)
    say_json({**_head(exchange), "note": note, "sessions": [_json_row(h) for h in rows]})
    say(f"{exchange.mic}, {exchange.zone}")
    columns = ["date", "kind", "open", "close", "official close", "open (UTC)", "close (UTC)", "certain", "source"]
    table(columns, [_text_row(h, brief=day is None) for h in rows])
    if note:
        say(note)


def _span(day: str | None, year: int | None) -> tuple[date, date]:
    found = date_of(day, "--date")
    if found is None:
        return date(year or 0, 1, 1), date(year or 0, 12, 31)
    if year is not None:
        raise UserError("--date and --year exclude each other: choose one")
    return found, found


def _head(exchange: Exchange) -> dict[str, Any]:
    certain = {"certain_from": exchange.certain_from.isoformat(), "certain_to": exchange.certain_to.isoformat()}
    return {"exchange": exchange.mic, "zone": exchange.zone, **certain}


def _json_row(hours: SessionHours) -> dict[str, Any]:
    fact, times = hours.fact, hours.times or (None, None, None)
    return {
        "date": hours.date.isoformat(),
        "kind": fact.kind,
        "is_session": hours.times is not None,
        **{name: at and _clock(at, hours.date) for name, at in zip(_TIMES, times, strict=True)},
        **{f"{name}_at": at and iso_z(at) for name, at in zip(_TIMES, times, strict=True)},
        "is_certain": hours.is_certain,
        **_origin(fact),
    }


def _origin(fact: HoursFact) -> dict[str, str]:
    return {"confidence": fact.confidence, "source": fact.source, "note": fact.note}


def _text_row(hours: SessionHours, *, brief: bool) -> list[str]:
    fact, times = hours.fact, hours.times or (None, None, None)
    local = [_clock(at, hours.date) if at else "-" for at in times]
    utc = [f"{at.astimezone(UTC):%m-%d %H:%M}" if at else "-" for at in times[:2]]
    source = f"{fact.source} ({fact.confidence})" + (f": {fact.note}" if fact.note else "")
    source = "-" if brief and fact.kind == "regular" else source
    return [f"{hours.date:%Y-%m-%d %a}", fact.kind, *local, *utc, "yes" if hours.is_certain else "no", source]


def _clock(at: datetime, day: date) -> str:
    """Return ``17:00``, or ``17:00-1`` of the day before."""
    days = (at.date() - day).days
    return f"{at:%H:%M}" + (f"{days:+d}" if days else "")


def _show_regular(exchange: Exchange) -> None:
    rows = [_regular_row(fact) for fact in regular_hours(exchange.mic)]
    say_json({**_head(exchange), "regular": rows})
    say(f"{exchange.mic}, {exchange.zone}; certain from {exchange.certain_from} to {exchange.certain_to}")
    if not rows:
        say("regular hours are those of exchange_calendars; --date or --year shows them")
        return
    table([n.replace("_", " ") for n in rows[0]], [[v or "-" for v in r.values()] for r in rows])


def _regular_row(fact: HoursFact) -> dict[str, str]:
    minutes = (fact.open or 0, fact.close or 0, fact.auction_end or fact.close or 0)
    times = [f"{m // 60 % 24:02}:{m % 60:02}" + ("-1" if m < 0 else "") for m in minutes]
    return {
        "from": fact.first.isoformat(),
        "season": fact.day,
        **dict(zip(_TIMES, times, strict=True)),
        **_origin(fact),
    }
