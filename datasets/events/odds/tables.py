"""Price histories of prediction markets in long tables (a row an outcome) or wide ones (a column an outcome).

``layouts.csv`` has a row a layout: by what names its columns go (without case, spaces and signs; the groups of
``prices`` are averaged; a blank is a wide table, whose outcomes are columns with ``suffix``), and how cells are read. A
row of a date is observed at the last second of its day in ``zone``, one of a time when it has lasted ``lasts`` seconds.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from statistics import fmean
from zoneinfo import ZoneInfo

from msgspec import Struct

from datasets.csv_rows import CsvFile, CsvRow, bundled_rows
from datasets.errors import UserError, did_you_mean
from datasets.events.odds_book import PROBABILITY, Quote, probability_of
from datasets.instants import INSTANT, iso_z, parse_instant

_LAYOUTS = Path(__file__).with_name("layouts.csv")
_SECONDS_UNTIL = 100_000_000_000
"""A larger Unix time is in milliseconds: as seconds it would be after the year 5000."""


class OddsLayout(Struct, frozen=True):
    """One row of ``layouts.csv``, its cells by name."""

    cells: dict[str, str]

    def fits(self, columns: tuple[str, ...]) -> bool:
        """Return whether a file of these columns has this layout."""
        needed = (self.cells[name] for name in ("time", "prices", "market") if self.cells[name][:1] != "?")
        return len(columns) > 1 and all(all(_columns(columns, names)) for names in needed if names)

    def read(self, file: CsvFile, market: str | None = None) -> list[Quote]:
        """Return the quotes of one market, oldest first; a blank cell of a wide table, or of back or lay, is none.

        Raises:
            UserError: a bad row (line named), no such market, two quotes of one outcome at one instant.
        """
        at, grouped, named = (_columns(file.columns, self.cells[n])[0] for n in ("time", "market", "market_name"))
        groups = [row.text(grouped).rpartition(self.cells["market_after"] or "\n")[2] for row in file.rows]
        names = dict(zip(groups, (row.text(named) for row in file.rows), strict=True))
        chosen = _chosen_market(market, names, file.name)
        source = " ".join(f"{self.cells['title'] or file.name} {chosen} {names[chosen]}".split())
        places: dict[tuple[datetime, str], CsvRow] = {}
        reads, quotes = _READS[self.cells["reads"]], []
        for row in (r for r, group in zip(file.rows, groups, strict=True) if group == chosen):
            for outcome, columns in self._priced(row, file.columns):
                quote = Quote(self._instant(row, at), outcome, fmean(row.need(c, *reads) for c in columns), source)
                first = places.setdefault((quote.observed_at, outcome), row)
                if first is not row:
                    where = f"{row.where}: {outcome} at {iso_z(quote.observed_at)}"
                    raise UserError(f"{where} appears already at {first.where}")
                quotes.append(quote)
        if not quotes:
            raise UserError(f"{file.name} quotes no outcome; it needs a column of prices an outcome")
        return sorted(quotes)

    def _priced(self, row: CsvRow, columns: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
        """Yield each outcome that a row quotes, with the columns of its price."""
        if self.cells["prices"]:
            priced = list(_columns(columns, self.cells["prices"]))
            quoted = [c for c in priced if row.text(c) not in ("", "NA")]
            yield row.text(_columns(columns, self.cells["outcome"])[0]) or "Yes", quoted or priced
            return
        suffix = self.cells["suffix"]
        for column in columns:
            if row.text(column) and column.endswith(suffix) and not _plain(column).startswith(("date", "time")):
                name = column.removesuffix(suffix).replace("_", " ").title() if suffix else column
                yield "Yes" if _plain(name) in ("price", "probability") else name, [column]

    def _instant(self, row: CsvRow, column: str) -> datetime:
        if self.cells["zone"]:
            return row.need(column, self._end_of_day, "a date such as 2016-11-07 or 11/07/2016")
        at = row.need(column, instant_of, INSTANT) + timedelta(seconds=int(self.cells["lasts"] or 0))
        day = re.findall(r"\d+", row.text("date"))
        if day and sorted(map(int, day[:3])) != sorted((at.year, at.month, at.day)):
            stamp = row.text(column)
            raise UserError(f"{row.where}: {column} {stamp} is of {at.date()} in UTC, but date is {row.text('date')}")
        return at

    def _end_of_day(self, text: str) -> datetime:
        if "/" in text:
            month, day, year = (int(part) for part in text.split("/"))
            local = date(year + (2000 if year < 70 else 1900 if year < 100 else 0), month, day)
        else:
            local = date.fromisoformat(text)
        return datetime.combine(local, time(23, 59, 59), ZoneInfo(self.cells["zone"])).astimezone(UTC)


def instant_of(text: str) -> datetime:
    """Return an instant written with its offset, with "UTC", or as Unix time in seconds or milliseconds.

    >>> instant_of("1730592000").isoformat(), instant_of("2024-11-05 12:00 UTC").hour
    ('2024-11-03T00:00:00+00:00', 12)
    """
    if re.fullmatch(r"\d{9,13}", text):
        return datetime.fromtimestamp(int(text) / (1000 if int(text) > _SECONDS_UNTIL else 1), UTC)
    return parse_instant(re.sub(r"\s*UTC$", "+00:00", text))


def _dollars(text: str) -> float:
    """Return a price of a contract that pays 1, in dollars, cents with their sign, or per cent."""
    return _cents(text) if text[-1:] in ("%", "¢") else probability_of(text.lstrip("$"))


def _cents(text: str) -> float:
    return probability_of(str(float(text.rstrip("¢% ")) / 100))


_READS: dict[str, tuple[Callable[[str], float], str]] = {
    "dollars": (_dollars, f"{PROBABILITY} (dollars a share)"),
    "cents": (_cents, "cents from 0 to 100"),
    "odds": (lambda t: probability_of(str(1 / (float(t) or -1))), "decimal odds of 1 or more"),
}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


@lru_cache(maxsize=64)
def _columns(columns: tuple[str, ...], names: str) -> tuple[str, ...]:
    """Return of each group of names the first column that has one of them; blank where there is none."""
    found = {_plain(c): c for c in reversed(columns)}
    return tuple(next((found[n] for n in group.split() if n in found), "") for group in names.split("+"))


def _chosen_market(wanted: str | None, markets: dict[str, str], file: str) -> str:
    """Return the one market to read: the wanted one by its id or its name, or the only one there is.

    ``markets`` gives each id its name.

    Raises:
        UserError: several and none wanted, or none of that name.
    """
    if not markets:
        raise UserError(f"{file} holds no row")
    if wanted is None and len(markets) > 1:
        some = ", ".join(f"{m} ({name})" if name else m for m, name in list(markets.items())[:3])
        raise UserError(f"{file} holds {len(markets)} markets; choose one with --market, such as {some}")
    fold = (wanted or "").casefold()
    fitting = [m for m, name in markets.items() if wanted is None or fold in (m.casefold(), name.casefold())]
    if len(fitting) != 1:
        names = [*markets, *(n for n in markets.values() if n)]
        raise UserError(f"{file} holds no market '{wanted}'{did_you_mean(wanted or '', names)}; it has {len(markets)}")
    return fitting[0]


LAYOUTS = tuple(OddsLayout(cells) for cells in bundled_rows(_LAYOUTS))
"""The layouts in the order in which they are tried; the last one fits any file with a ``timestamp``."""
