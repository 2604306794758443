"""A plain list of dates and labels as events: any delimiter, any order of day and month that is certain."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from datasets.csv_rows import in_utf_8
from datasets.errors import UserError
from datasets.events.event_catalogue import EventCatalogue, event_of_cells
from datasets.events.short_rows import short_name
from datasets.instants import iso_z, to_date
from datasets.markets.zones import main_zone, zone_of, zones
from datasets.prices.reading.dates import read_dates
from datasets.prices.reading.timestamps import is_date

_CLOCK = re.compile(r"\d:\d\d")
_DELIMITERS = ";\t|,"
_HEADS = ("date", "day", "datum", "fecha", "data", "when", "time")


def listed_events(
    path: Path, *, country: str, kind: str, at: str | None, zone: str | None, date_format: str | None
) -> EventCatalogue:
    """Return the events of a list: a column of dates, and a column of labels where there is one.

    Args:
        path: a text file in UTF-8 or Latin-1.
        country: two letters.
        kind: a known kind, or one's own.
        at: the local time at which each became known, such as 16:30; None: the last hour of its kind.
        zone: the time zone of ``at``; None: the country's.
        date_format: DMY, MDY or YMD where the list does not decide it.

    Raises:
        UserError: no such file, no column of dates, a row without one, an order of day and month that is not certain.
    """
    if country not in zones():
        raise UserError(f"--country '{country}' is no country: give two letters, such as US")
    try:
        zone_of(zone or "UTC")
    except ValueError as e:
        raise UserError(f"--zone: {e}") from e
    clock, rows = _clock(at), _rows(path)
    place, first = _date_column(rows, path.name)
    body, label = rows[first:], _label_column(rows[first:], place)
    where = [f"{path.name} line {line}" for line, _ in body]
    days = read_dates([cells[place] for _, cells in body], where=where.__getitem__, date_format=date_format)
    events, seen = [], set[str]()
    for (_, cells), at_line, session in zip(body, where, days.session, strict=True):
        if np.isnat(session):
            raise UserError(f"{at_line}: no day '{cells[place]}'; write it like 2026-02-08")
        if clock is not None and _CLOCK.search(cells[place]):
            raise UserError(
                f"{at_line}: '{cells[place].strip()}' has a time of its own, which --at would replace; "
                "leave out --at, or take the times out"
            )
        day, text = to_date(session), cells[label].strip() if label is not None and label < len(cells) else ""
        known_in = zone or main_zone(country)
        row = {
            "event_id": _new_id(f"{country}-{day}-{(short_name(text) or short_name(kind))[:24].strip('-')}", seen),
            "country": country,
            "kind": kind,
            "title": text or kind.replace("_", " "),
            "date": str(day),
            "timezone": known_in,
        }
        if clock is not None:
            row["known_at"] = iso_z(datetime.combine(day, clock, ZoneInfo(known_in)))
            row["known_at_basis"] = "hour given for the whole list"
        event, faults = event_of_cells(row, ())
        if event is None:
            raise UserError(f"{at_line}: {faults[0]}")
        events.append(event)
    return EventCatalogue(events)


def _new_id(name: str, seen: set[str]) -> str:
    new, n = name, 1
    while new in seen:
        n += 1
        new = f"{name}-{n}"
    seen.add(new)
    return new


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Return the lines that hold something, split at the delimiter that splits most of them alike."""
    try:
        data = path.read_bytes()
    except OSError as e:
        raise UserError(f"'{path}' cannot be read ({e.strerror}): name a list of dates and labels") from e
    text = in_utf_8(data).decode("utf-8-sig")
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip() and not line.startswith("#")]
    if not lines:
        raise UserError(f"{path.name} is empty: it needs a line for each date")
    delimiter = max(_DELIMITERS, key=lambda d: sum(d in line for _, line in lines))
    try:
        return [(n, next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))) for n, line in lines]
    except csv.Error as e:
        raise UserError(f"{path.name}: cannot be read as a list ({e})") from e


def _date_column(rows: Sequence[tuple[int, list[str]]], name: str) -> tuple[int, int]:
    """Return the place of the column of dates, and the row at which they begin: 1 after a header."""
    for first in (0, 1):
        body = rows[first:]
        width = min((len(cells) for _, cells in body), default=0)
        found = [c for c in range(width) if all(is_date(cells[c].strip()) for _, cells in body)]
        if found and not (first and any(c.isdigit() for c in rows[0][1][found[0]])):  # a bad date is no header
            return found[0], first
    headed = any(cell.strip().casefold() in _HEADS for cell in rows[0][1])
    undated = (row for row in rows[headed:] if not any(is_date(cell.strip()) for cell in row[1]))
    line, cells = next(undated, rows[0])
    raise UserError(
        f"{name} line {line}: no date in '{'; '.join(cells)[:60]}'; each line needs one such as 2026-02-08 "
        "(a first line of names is allowed)"
    )


def _label_column(rows: Sequence[tuple[int, list[str]]], place: int) -> int | None:
    """Return the place of the column with the longest texts next to the dates; None where there is none."""
    lengths = Counter[int]()
    for _, cells in rows:
        lengths.update({c: len(cell.strip()) for c, cell in enumerate(cells) if c != place})
    return max(lengths, key=lambda c: lengths[c], default=None)


def _clock(at: str | None) -> time | None:
    try:
        return None if at is None else time.fromisoformat(at)
    except ValueError as e:
        raise UserError(f"--at is '{at}'; write a time such as 16:30") from e
