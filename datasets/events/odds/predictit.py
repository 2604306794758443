"""PredictIt's price histories: daily rows (``date``) or hourly rows (``time``), one row a contract.

A close is made by a trade within its day or hour, so it is observed at the last second of it. PredictIt's day is that
of Eastern time: its questions state that markets close at 11:59:59 p.m. ET and that changes count from midnight
Eastern Time (https://www.predictit.org/About/FAQ,
https://predictit.freshdesk.com/support/solutions/articles/5000516286-when-does-a-market-close-). Whether an hourly
``time`` begins or ends its hour the files do not say: it is taken as the beginning, so that the quote is an hour late
at worst, never early.
"""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from datasets.csv_rows import CsvRow, read_csv
from datasets.events.odds.cells import checked_once, chosen_market, price_of
from datasets.events.odds_book import Quote
from datasets.instants import INSTANT, parse_instant

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
    file = read_csv(path)
    is_daily = "date" in file.columns
    file.require("date" if is_daily else "time", "market_id", "contract", "close")
    names = {row.cells["market_id"]: row.text("symbol") for row in file.rows}
    chosen = chosen_market(market, names, path.name)
    source = " ".join(f"PredictIt market {chosen} {names[chosen]}".split())
    own = (row for row in file.rows if row.cells["market_id"] == chosen)
    return checked_once((row, _quote(row, source, is_daily=is_daily)) for row in own)


def _quote(row: CsvRow, source: str, *, is_daily: bool) -> Quote:
    if is_daily:
        at = row.need("date", _end_of_day, "a date such as 2016-11-07")
    else:
        at = row.need("time", parse_instant, INSTANT) + timedelta(minutes=59, seconds=59)
    return Quote(at, row.cells["contract"] or "Yes", price_of(row, "close"), source)


def _end_of_day(text: str) -> datetime:
    return datetime.combine(date.fromisoformat(text), _LAST_SECOND, _EASTERN).astimezone(UTC)
