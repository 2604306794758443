"""Instruments: what can be traded, where, in which currency and lots, at which default costs."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from datasets.errors import UserError, unknown_name

_COLUMNS = ("symbol", "name", "mic", "currency", "lot", "commission_bps", "slippage_bps")


@dataclass(frozen=True)
class Instrument:
    """One market. Costs are in basis points of the traded value; ``lot`` 0 means any fraction can be held.

    Levels of an index before ``launched_on`` are a back-cast; None where that is not known. ``yahoo``, ``fred`` and
    ``stooq`` are the symbols of these providers, blank where they do not offer it.
    """

    symbol: str
    name: str
    mic: str
    currency: str
    lot: float
    commission_bps: float
    slippage_bps: float
    total_return: bool = False
    tradable: bool = True
    aliases: tuple[str, ...] = ()
    notes: str = ""
    launched_on: date | None = None
    yahoo: str = ""
    fred: str = ""
    stooq: str = ""

    def check_tradable(self) -> None:
        """Raise a UserError when nothing stands for it that can be bought."""
        if not self.tradable:
            raise UserError(f"{self.symbol} cannot be bought ({self.notes}); it may be a benchmark")


class InstrumentTable:
    """The known instruments, found by symbol or by any name a user may type, whatever its case."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._by_symbol = {i.symbol: i for i in instruments}
        self._by_name: dict[str, Instrument] = {}
        for i in self._by_symbol.values():
            for name in (i.symbol, *i.aliases):
                self._claim(name, i)

    def _claim(self, name: str, instrument: Instrument) -> None:
        other = self._by_name.setdefault(name.casefold(), instrument)
        if other is not instrument:
            raise UserError(
                f"instruments.csv: '{name}' stands for both {other.symbol} and {instrument.symbol}; a name means one"
            )

    def __iter__(self) -> Iterator[Instrument]:
        return iter(self._by_symbol.values())

    def find(self, name: str) -> Instrument:
        """Return the instrument of a symbol or alias.

        Raises:
            UserError: the name is not known.
        """
        found = self._by_name.get(name.strip().casefold())
        if found is None:
            raise unknown_name("instrument", name, self.names(), hint="'hustings data list' shows them all")
        return found

    def names(self) -> list[str]:
        """Return every symbol and alias."""
        return [n for i in self for n in (i.symbol, *i.aliases)]

    def extended(self, path: Path) -> "InstrumentTable":
        """Return this table with the rows of another file added, or put in place of those of the same symbol."""
        return InstrumentTable([*self, *read_instruments(path)])


@lru_cache(maxsize=1)
def bundled_instruments() -> InstrumentTable:
    """Return the instruments that come with hustings."""
    return InstrumentTable(read_instruments(Path(__file__).parent / "instruments.csv"))


def read_instruments(path: Path) -> list[Instrument]:
    """Return the instruments of a CSV file with the columns of the bundled ``instruments.csv``.

    Raises:
        UserError: a column is missing or a cell is not a number.
    """
    try:
        return _read(path)
    except (OSError, UnicodeDecodeError) as e:
        raise UserError(f"{path.name}: cannot be read as UTF-8 ({type(e).__name__}); save it as UTF-8") from e


def _read(path: Path) -> list[Instrument]:
    with path.open(encoding="utf-8-sig", newline="") as f:
        reader = csv.DictReader(f)
        missing = [c for c in _COLUMNS if c not in (reader.fieldnames or ())]
        if missing:
            raise UserError(f"{path.name}: column '{missing[0]}' is missing; it needs {', '.join(_COLUMNS)}")
        found = [_instrument(row, f"{path.name} line {n}") for n, row in enumerate(reader, start=2)]
    symbols = [i.symbol for i in found]
    for n, symbol in enumerate(symbols):
        if not symbol or symbol in symbols[:n]:
            raise UserError(
                f"{path.name} line {n + 2}: symbol '{symbol}' is empty or stands twice; each row has its own"
            )
    return found


def _instrument(row: dict[str, str], where: str) -> Instrument:
    if any(row[c] is None for c in _COLUMNS):
        raise UserError(f"{where}: fewer fields than the header has")

    def number(column: str) -> float:
        text = (row[column] or "").strip()
        try:
            value = float(text or 0)
        except ValueError:
            value = -1.0
        if not 0 <= value < float("inf"):
            raise UserError(f"{where}: {column} is '{text}', it must be a number of 0 or more")
        return value

    return Instrument(
        symbol=row["symbol"].strip(),
        name=row["name"].strip(),
        mic=row["mic"].strip(),
        currency=row["currency"].strip(),
        lot=number("lot"),
        commission_bps=number("commission_bps"),
        slippage_bps=number("slippage_bps"),
        total_return=_yes(row, "total_return", where, blank=False),
        tradable=_yes(row, "tradable", where, blank=True),
        aliases=tuple((row.get("aliases") or "").split()),
        notes=(row.get("notes") or "").strip(),
        launched_on=_date((row.get("launched_on") or "").strip(), where),
        yahoo=(row.get("yahoo") or "").strip(),
        fred=(row.get("fred") or "").strip(),
        stooq=(row.get("stooq") or "").strip(),
    )


def _yes(row: dict[str, str], column: str, where: str, *, blank: bool) -> bool:
    text = (row.get(column) or "").strip().casefold()
    if text not in ("yes", "no", ""):
        raise UserError(f"{where}: {column} is '{text}'; it must be yes, no or empty")
    return text == "yes" if text else blank


def _date(text: str, where: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as e:
        raise UserError(f"{where}: launched_on is '{text}'; it must be like 2020-07-27, or empty") from e
