"""Short rates by currency, from a file ``rates.csv``: what a currency pair earns while it is held (carry)."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
from msgspec import Struct, field

from datasets.arrays import Floats, Sessions
from datasets.csv_rows import CsvRow, read_csv
from datasets.errors import UserError
from datasets.markets.currencies import check_currency

FILE_NAME = "rates.csv"
_COLUMNS = ("currency", "date", "rate")
_MUST = "an annual fraction between -0.5 and 5, such as 0.0525 for 5.25 %"


class ShortRates(Struct, frozen=True, eq=False):
    """Annual short rates (fractions, actual/360) of each currency by date; a rate holds until the next one."""

    by_currency: Mapping[str, tuple[Sessions, Floats]] = field(default_factory=dict)

    def differential(self, base: str, quote: str, days: Sessions) -> Floats | None:
        """Return the rate of the base currency less that of the quote currency on each day.

        0 before both are known; None where the file has no rate of one of them.
        """
        if base not in self.by_currency or quote not in self.by_currency:
            return None
        each: list[Floats] = []
        for dates, rates in (self.by_currency[base], self.by_currency[quote]):
            row = np.searchsorted(dates, days, side="right") - 1
            each += [np.where(row >= 0, rates[np.maximum(row, 0)], np.nan)]
        return np.nan_to_num(each[0] - each[1])


def read_short_rates(path: Path) -> ShortRates:
    """Return the rates of a CSV file with the columns ``currency,date,rate``, in any order of rows.

    Raises:
        UserError: a column is missing, a cell is not what it must be, a currency is not known, or has two rates of one
            date.
    """
    found: dict[str, dict[date, float]] = {}
    for row in read_csv(path, required=_COLUMNS, known=_COLUMNS).rows:
        currency = _known(row)
        day = row.need("date", date.fromisoformat, "a date such as 2024-03-21")
        rates = found.setdefault(currency, {})
        if day in rates:
            raise UserError(f"{row.where}: {currency} has two rates of {day}; give one")
        rates[day] = row.need("rate", _rate, _MUST)
    return ShortRates({c: _series(rates) for c, rates in found.items()})


def _series(rates: Mapping[date, float]) -> tuple[Sessions, Floats]:
    ordered = sorted(rates.items())
    return np.array([d for d, _ in ordered], dtype="datetime64[D]"), np.array([r for _, r in ordered])


def _known(row: CsvRow) -> str:
    code = row.text("currency").upper()
    try:
        check_currency(code)
    except UserError as e:
        raise UserError(f"{row.where}: {e}") from e
    return code


def _rate(text: str) -> float:
    value = float(text)
    if not -0.5 <= value <= 5:
        raise ValueError(text)
    return value
