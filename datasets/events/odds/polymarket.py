"""Polymarket's state markets: one row a state and snapshot, a column ``NAME_prob`` for each outcome.

``timestamp_utc`` is the second of the snapshot, in Unix time; ``date`` is its date in UTC. The state is the market: a
national event has no market of its own in such a file.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from datasets.csv_rows import CsvRow, read_csv
from datasets.errors import UserError
from datasets.events.odds.cells import checked_once, chosen_market, price_of
from datasets.events.odds_book import Quote

_SUFFIX = "_prob"


def polymarket_quotes(path: Path, market: str | None = None) -> list[Quote]:
    """Return the quotes of one state, oldest first; ``trump_prob`` is the outcome "Trump". Blank cells give none.

    Args:
        path: the CSV file.
        market: the state, such as PA; None where the file holds one state.

    Raises:
        UserError: not such a file, a bad row (line named), no such state.
    """
    file = read_csv(path, required=("date", "timestamp_utc", "state"))
    columns = [c for c in file.columns if c.endswith(_SUFFIX)]
    if not columns:
        raise UserError(f"{path.name} line 1: no column such as trump{_SUFFIX} gives an outcome's probability")
    chosen = chosen_market(market, {row.cells["state"]: "" for row in file.rows}, path.name)
    own = (row for row in file.rows if row.cells["state"] == chosen)
    return checked_once(_quotes(own, columns, f"Polymarket {chosen}"))


def _quotes(rows: Iterator[CsvRow], columns: list[str], source: str) -> Iterator[tuple[CsvRow, Quote]]:
    for row in rows:
        at = _observed_at(row)
        for column in (c for c in columns if row.cells[c]):
            outcome = column.removesuffix(_SUFFIX).replace("_", " ").title()
            yield row, Quote(at, outcome, price_of(row, column), source)


def _observed_at(row: CsvRow) -> datetime:
    at = row.need(
        "timestamp_utc", lambda text: datetime.fromtimestamp(int(text), UTC), "a whole number of Unix seconds"
    )
    if at.date().isoformat() != row.cells["date"]:
        stamp, day = row.cells["timestamp_utc"], row.cells["date"]
        raise UserError(f"{row.where}: timestamp_utc {stamp} is of {at.date()} in UTC, but date is {day}")
    return at
