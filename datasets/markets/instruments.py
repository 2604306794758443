"""Instruments: what can be traded, where, in which currency and lots, at which default costs."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path

from datasets.csv_rows import CsvRow, read_csv
from datasets.errors import UserError, unknown_name

_NUMBERS = ("lot", "commission_bps", "slippage_bps")
_REQUIRED = ("symbol", "name", "mic", "currency", *_NUMBERS)
COLUMNS = (*_REQUIRED, "total_return", "tradable", "aliases", "notes", "launched_on")
"""The columns of ``instruments.csv``; any other column holds the symbols of the provider of its name."""
_YES_OR_NO = "yes, no or empty"


@dataclass(frozen=True)
class Instrument:
    """One market. Costs are in basis points of the traded value; ``lot`` 0 means any fraction can be held.

    Levels of an index before ``launched_on`` are a back-cast; None where that is not known. ``provider_symbols`` holds
    the symbol of each provider that offers it: the file's other columns, each named as its provider.
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
    provider_symbols: Mapping[str, str] = field(default_factory=dict, hash=False)

    def provider_symbol(self, provider: str) -> str:
        """Return the symbol that a provider gives it, blank where the provider does not offer it."""
        return self.provider_symbols.get(provider, "")

    def check_tradable(self) -> None:
        """Raise a UserError when nothing that represents it can be bought."""
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
                f"instruments.csv: '{name}' names both {other.symbol} and {instrument.symbol}; a name has one meaning"
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
        UserError: a column is missing, a cell is not what it must be, or a symbol is blank or appears twice.
    """
    rows = read_csv(path, required=_REQUIRED).rows
    symbols: set[str] = set()
    for row in rows:
        symbol = row.text("symbol")
        if not symbol or symbol in symbols:
            raise UserError(f"{row.where}: symbol '{symbol}' is empty or appears twice; each row has its own")
        symbols.add(symbol)
    return [_instrument(row) for row in rows]


def _instrument(row: CsvRow) -> Instrument:
    lot, commission, slippage = (row.read(c, _not_negative, "a number of 0 or more") for c in _NUMBERS)
    return Instrument(
        symbol=row.text("symbol"),
        name=row.text("name"),
        mic=row.text("mic"),
        currency=row.text("currency"),
        lot=lot or 0.0,
        commission_bps=commission or 0.0,
        slippage_bps=slippage or 0.0,
        total_return=row.read("total_return", _is_yes, _YES_OR_NO) or False,
        tradable=row.read("tradable", _is_yes, _YES_OR_NO) is not False,
        aliases=tuple(row.text("aliases").split()),
        notes=row.text("notes"),
        launched_on=row.read("launched_on", date.fromisoformat, "a date such as 2020-07-27, or empty"),
        provider_symbols={c: symbol for c, symbol in row.cells.items() if symbol and c not in COLUMNS},
    )


def _not_negative(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError(text)
    return value


def _is_yes(text: str) -> bool:
    if text.casefold() not in ("yes", "no"):
        raise ValueError(text)
    return text.casefold() == "yes"
