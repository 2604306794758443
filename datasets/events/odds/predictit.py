"""PredictIt's price histories: daily rows (``date``) or hourly rows (``time``), one row a contract.

A close is made by a trade within its day or hour, so it is observed at the last second of it. PredictIt's day is that
of Eastern time: its questions state that markets close at 11:59:59 p.m. ET and that changes count from midnight
Eastern Time (https://www.predictit.org/About/FAQ,
https://predictit.freshdesk.com/support/solutions/articles/5000516286-when-does-a-market-close-). Whether an hourly
``time`` begins or ends its hour the files do not say: it is taken as the beginning, so that the quote is an hour late
at worst, never early.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from datasets.csv_rows import CsvRow, csv_columns, csv_rows
from datasets.errors import UserError
from datasets.events.odds.cells import checked_once, chosen_market, price_of
from datasets.events.odds_book import Quote

_EASTERN = ZoneInfo("America/New_York")
_LAST_SECOND = time(23, 59, 59)


def predictit_quotes(path: Path, market: str | None = None) -> list[Quote]:
    """Return the closes of one market, oldest first; the contract is the outcome, or "Yes" where it has no name.

    Args:
        path: the CSV file.
        market: its ``market_id`` or ``symbol``; None where the file holds one market.

    Raises:
        UserError: not such a file, a bad row (line named), no such market.
    """
    stamp, observed_at = ("date", _end_of_day) if "date" in csv_columns(path) else ("time", _end_of_hour)
    rows = list(csv_rows(path, (stamp, "market_id", "contract", "close")))
    names = {row.cells["market_id"]: row.cells.get("symbol", "") for row in rows}
    chosen = chosen_market(market, names, path.name)
    source = " ".join(f"PredictIt market {chosen} {names[chosen]}".split())
    mine = (row for row in rows if row.cells["market_id"] == chosen)
    return checked_once(_quotes(mine, stamp, observed_at, source))


def _quotes(
    rows: Iterator[CsvRow], stamp: str, observed_at: Callable[[str, str], datetime], source: str
) -> Iterator[tuple[str, Quote]]:
    for row in rows:
        at = observed_at(row.cells[stamp], row.where)
        price = price_of(row.cells["close"], column="close", where=row.where)
        yield row.where, Quote(at, row.cells["contract"] or "Yes", price, source)


def _end_of_day(text: str, where: str) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError as e:
        raise UserError(f"{where}: date is '{text}'; write a date like 2016-11-07") from e
    return datetime.combine(day, _LAST_SECOND, _EASTERN).astimezone(UTC)


def _end_of_hour(text: str, where: str) -> datetime:
    try:
        begins = datetime.fromisoformat(text)
    except ValueError as e:
        raise UserError(f"{where}: time is '{text}'; write an instant like 2020-07-11T04:00:00Z") from e
    if begins.tzinfo is None:
        raise UserError(f"{where}: time '{text}' is naive: it must carry its offset, such as 2020-07-11T04:00:00Z")
    return begins.astimezone(UTC) + timedelta(minutes=59, seconds=59)
