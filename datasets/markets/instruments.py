"""Instruments: what can be traded, where, in which currency and lots, at which default costs."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from datasets.csv_rows import CsvRow, read_csv
from datasets.errors import UserError, unknown_name
from datasets.markets.currencies import check_country, check_currency, is_currency
from datasets.markets.exchange_tables import find_exchange

_NUMBERS = ("lot", "commission_bps", "slippage_bps")
_REQUIRED = ("symbol", "name", "mic", "currency", *_NUMBERS)
_OPTIONAL = (
    "group", "country", "base", "total_return", "tradable", "aliases", "notes", "launched_on", "level", "maturity",
)  # fmt: skip
_OF_FUTURES = ("multiplier", "tick", "initial_margin", "maintenance_margin")
COLUMNS = (*_REQUIRED, *_OPTIONAL, *_OF_FUTURES)
"""The columns of ``instruments.csv``; any other column holds the symbols of the provider of its name."""
_YES_OR_NO = "yes, no or empty"
_CODES: Mapping[str, Callable[[str], object]] = {
    "mic": find_exchange, "currency": check_currency, "base": check_currency, "country": check_country,
}  # fmt: skip
"""What raises a UserError where the code in a column is not known."""
_NEAR = 0.8
"""How alike a column of a provider and one of COLUMNS may be: beyond, it is a slip ("alias", "note")."""
_SHOWN = 20
_LONGEST_YEARS = 100


class InstrumentGroup(StrEnum):
    """The groups in which instruments are listed; without one a pair is FX, a yield BOND, another instrument OTHER."""

    INDEX = "index"
    FX = "fx"
    COUNTRY_ETF = "country-etf"
    BOND = "bond"
    BOND_ETF = "bond-etf"
    COMMODITY_ETF = "commodity-etf"
    SECTOR_ETF = "sector-etf"
    CONTRACT = "contract"
    FUTURE = "future"
    OTHER = "other"


class CurrencyPair(NamedTuple):
    """The two currencies (ISO 4217) of an exchange rate, which is in units of ``quote`` for one of ``base``."""

    base: str
    quote: str


class Instrument(Struct, frozen=True):
    """One market. Costs are in basis points of the traded value; ``lot`` 0 means any fraction can be held.

    ``currency`` is that of its prices (ISO 4217). ``base`` is what the file says of ``base_currency``. ``country`` is
    the one whose market it represents (ISO 3166, or EU), blank where it is none.
    Levels of an index before ``launched_on`` are a back-cast; None where that is not known. ``level`` is a usual close
    since 2000, to the order of magnitude; 0 where it is not known. ``provider_symbols`` holds the symbol of each
    provider that offers it: the file's other columns, each named as its provider. ``maturity`` in years: it is quoted
    as a yield in per cent, and its prices are those of a par bond (datasets/prices/bond_yields.py); 0: as a price.

    A future has a ``multiplier``: one contract is worth the price times it. ``lot`` counts contracts, ``tick`` is the
    smallest step of the price, and ``initial_margin`` and ``maintenance_margin`` are per cent of the contract's value.
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
    level: float = 0.0
    provider_symbols: Mapping[str, str] = field(default_factory=dict)
    group: InstrumentGroup = InstrumentGroup.OTHER
    country: str = ""
    base: str = ""
    maturity: float = 0.0
    multiplier: float = 0.0
    tick: float = 0.0
    initial_margin: float = 0.0
    maintenance_margin: float = 0.0

    def __hash__(self) -> int:
        return hash(self.symbol)

    @property
    def is_future(self) -> bool:
        """Whether it is a future: a position ties its margin, and not its value."""
        return self.multiplier > 0

    @property
    def unit(self) -> float:
        """How many units of what is priced one of it holds: the multiplier of a future, 1 of all else."""
        return self.multiplier or 1.0

    @property
    def tied(self) -> float:
        """The fraction of a position's value that it ties: the initial margin of a future, 1 of all else."""
        return self.initial_margin / 100 if self.is_future else 1.0

    @property
    def base_currency(self) -> str:
        """The currency that an exchange rate prices, in units of ``currency``: USD of USDJPY; blank of what is no rate.

        A rate that is named as rates are written (EURUSD, EURUSD_FRED) needs no ``base``.
        """
        base, quote = self.symbol[:3], self.symbol[3:6]
        is_written = self.mic.startswith("FX") and quote == self.currency and is_currency(base)
        return self.base or (base if is_written else "")

    @property
    def pair(self) -> CurrencyPair | None:
        """The currencies of an exchange rate: USDJPY is yen (quote, its ``currency``) for one dollar (base).

        None for an instrument that is no exchange rate; its prices are in ``currency``.
        """
        return CurrencyPair(self.base_currency, self.currency) if self.base_currency else None

    def provider_symbol(self, provider: str) -> str:
        """Return the symbol that a provider gives it, blank where the provider does not offer it."""
        return self.provider_symbols.get(provider, "")

    def check_tradable(self) -> None:
        """Raise a UserError when nothing that represents it can be bought."""
        if not self.tradable:
            raise UserError(f"{self.symbol} cannot be bought ({self.notes}); it may be a benchmark")


class InstrumentTable:
    """The known instruments, found by symbol or by any name a user may type, whatever its case."""

    def __init__(self, instruments: Iterable[Instrument], lines: Mapping[str, str] | None = None) -> None:
        """Keep the instruments; ``lines`` says by symbol where a file defines them, for a message.

        Raises:
            UserError: a name of two instruments.
        """
        self._by_symbol = {i.symbol: i for i in instruments}
        self._by_name: dict[str, Instrument] = {}
        claims = ((i, name) for i in self for name in (i.symbol, *i.aliases))
        faults = [self._claim(name, i, (lines or {}).get(i.symbol, "instruments.csv")) for i, name in claims]
        _refuse([fault for fault in faults if fault])

    def _claim(self, name: str, instrument: Instrument, where: str) -> str | None:
        other = self._by_name.setdefault(name.casefold(), instrument)
        if other is instrument:
            return None
        return f"{where}: '{name}' names both {other.symbol} and {instrument.symbol}; a name has one meaning"

    def __iter__(self) -> Iterator[Instrument]:
        return iter(self._by_symbol.values())

    def find(self, name: str) -> Instrument:
        """Return the instrument of a symbol or alias.

        Raises:
            UserError: the name is not known.
        """
        found = self._by_name.get(name.strip().casefold())
        if found is None:
            hint = "'hustings data list' shows them all; an instruments.csv next to your prices adds others"
            raise unknown_name("instrument", name, self.names(), hint=hint)
        return found

    def symbol_or_name(self, name: str) -> str:
        """Return the symbol of a symbol or alias; the name itself where it is not known."""
        found = self._by_name.get(name.strip().casefold())
        return name.strip() if found is None else found.symbol

    def rates(self, base: str, quote: str) -> list[Instrument]:
        """Return the exchange rates in units of ``quote`` for one ``base``, in the order of the file.

        The inverse rates are those of ``rates(quote, base)``. A rate that is no close (USDJPY_FRED) is not tradable.
        """
        return [i for i in self if i.pair == (base, quote)]

    def names(self) -> list[str]:
        """Return every symbol and alias."""
        return [n for i in self for n in (i.symbol, *i.aliases)]

    def extended(self, path: Path) -> "InstrumentTable":
        """Return this table with the rows of another file added, or put in place of those of the same symbol.

        A symbol of that file means its instrument, whatever else had it as another name.

        Raises:
            UserError: as ``read_instruments``; or a name of two instruments.
        """
        own = _rows_of(path)
        symbols = {i.symbol.casefold() for i in own.values()}
        return InstrumentTable(
            [*(_without(i, symbols) for i in self), *own.values()], {i.symbol: where for where, i in own.items()}
        )


@lru_cache(maxsize=1)
def bundled_instruments() -> InstrumentTable:
    """Return the instruments that come with hustings."""
    files = [Path(__file__).with_name(name) for name in ("instruments.csv", "bond_yields.csv")]
    return InstrumentTable(instrument for file in files for instrument in read_instruments(file))


def read_instruments(path: Path) -> list[Instrument]:
    """Return the instruments of a CSV file with the columns of the bundled ``instruments.csv``.

    Raises:
        UserError: a column is missing or misspelt, a cell is not what it must be (an exchange without hours, no ISO
            4217 currency), or a symbol is blank or appears twice; each fault in a line.
    """
    return list(_rows_of(path).values())


def _rows_of(path: Path) -> dict[str, Instrument]:
    """Return the instruments of a file by their place, such as ``instruments.csv line 2``."""
    file = read_csv(path, required=_REQUIRED)
    faults = [f"{file.name} line 1: {fault}" for c in file.columns if (fault := _misspelt(c))]
    found: dict[str, Instrument] = {}
    symbols: set[str] = set()
    for row in file.all_rows:
        try:
            found[row.where] = instrument_of_row(row, symbols)
        except UserError as e:
            faults.append(str(e))
        symbols.add(row.text("symbol"))
    _refuse(faults)
    return found


def _misspelt(column: str) -> str | None:
    near = get_close_matches(column, COLUMNS, n=1, cutoff=_NEAR) if column not in COLUMNS else []
    return f"unknown column '{column}' (did you mean '{near[0]}'?)" if near else None


def _refuse(faults: list[str]) -> None:
    """Raise a UserError with the first faults, one a line; nothing where there are none."""
    if faults:
        more = [f"and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
        raise UserError(*faults[:_SHOWN], *more)


def _without(instrument: Instrument, symbols: set[str]) -> Instrument:
    """Return an instrument without the other names that are symbols of others."""
    kept = tuple(a for a in instrument.aliases if a.casefold() not in symbols)
    return instrument if kept == instrument.aliases else replace(instrument, aliases=kept)


def instrument_of_row(row: CsvRow, symbols: set[str]) -> Instrument:
    """Return the instrument of a row; ``symbols`` are those of the rows above. A bad row is a UserError."""
    _check_row(row, symbols)
    group = row.read("group", InstrumentGroup, f"one of {', '.join(InstrumentGroup)}")
    lot, commission, slippage = (row.read(c, _not_negative, "a number of 0 or more") for c in _NUMBERS)
    maturity = row.read("maturity", _years, "years above 0 and at most 100, such as 10, or empty for a price") or 0.0
    instrument = Instrument(
        symbol=row.text("symbol"),
        name=row.text("name"),
        mic=row.text("mic"),
        currency=row.text("currency"),
        lot=lot or 0.0,
        commission_bps=commission or 0.0,
        slippage_bps=slippage or 0.0,
        total_return=row.read("total_return", _is_yes, _YES_OR_NO) or maturity > 0,
        tradable=row.read("tradable", _is_yes, _YES_OR_NO) is not False,
        aliases=tuple(row.text("aliases").split()),
        notes=row.text("notes"),
        launched_on=row.read("launched_on", date.fromisoformat, "a date such as 2020-07-27, or empty"),
        level=row.read("level", _not_negative, "a number of 0 or more") or 0.0,
        provider_symbols={c: symbol for c, symbol in row.cells.items() if symbol and c not in COLUMNS},
        country=row.text("country"),
        base=row.text("base"),
        maturity=maturity,
    )
    if group is InstrumentGroup.FUTURE or any(row.text(c) for c in _OF_FUTURES):
        return _future(replace(instrument, group=group or instrument.group), row)
    usual = InstrumentGroup.FX if instrument.pair else InstrumentGroup.BOND if maturity else instrument.group
    return replace(instrument, group=group or usual)


def _future(instrument: Instrument, row: CsvRow) -> Instrument:
    """Return a future: an instrument with the columns that it alone has.

    Raises:
        UserError: its row has no multiplier, no margins or wrong ones, another group, a base, or parts of contracts.
    """
    given: dict[str, Any] = {c: row.read(c, _not_negative, "a number of 0 or more") or 0.0 for c in _OF_FUTURES}
    future = replace(instrument, **given, group=InstrumentGroup.FUTURE, lot=instrument.lot or 1.0)
    initial, maintenance = future.initial_margin, future.maintenance_margin
    for wrong, must in (
        (instrument.group not in (InstrumentGroup.FUTURE, InstrumentGroup.OTHER), "has the group future"),
        (not future.is_future, "has a multiplier above 0: the money that one contract makes when the price rises by 1"),
        (
            not 0 < maintenance <= initial <= 100,
            f"has margins in per cent of its value, 0 < maintenance ({maintenance:g}) <= initial ({initial:g}) <= 100",
        ),
        (future.lot % 1 != 0, f"has a lot of whole contracts, not {future.lot:g}"),
        (bool(future.base or future.total_return), "has no base and is no total-return index"),
    ):
        if wrong:
            raise UserError(f"{row.where}: {future.symbol}: a future {must}")
    return future


def _check_row(row: CsvRow, symbols: set[str]) -> None:
    """Raise a UserError where a row has no symbol of its own, no hours, or no known currency."""
    symbol = row.text("symbol")
    if row.faults:
        raise UserError(f"{row.where}: {row.faults[0]}")
    if not symbol or symbol in symbols:
        raise UserError(f"{row.where}: symbol '{symbol}' is empty or appears twice; each row has its own")
    if set(symbol) == {"."} or not symbol.isprintable():
        raise UserError(f"{row.where}: symbol '{symbol}' names no file; a symbol has letters or digits")
    for column, check in _CODES.items():
        if row.text(column) or column in _REQUIRED:
            try:
                check(row.text(column))
            except UserError as e:
                raise UserError(f"{row.where}: {column} of {symbol}: {e}") from e
    if row.text("base") == row.text("currency"):
        raise UserError(f"{row.where}: {symbol}: base and currency are both {row.text('base')}; a pair has two")
    if row.text("base") and row.text("maturity"):
        raise UserError(f"{row.where}: {symbol} has a base and a maturity; it is a pair or a yield: leave one blank")


def _not_negative(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError(text)
    return value


def _years(text: str) -> float:
    value = float(text)
    if not 0 < value <= _LONGEST_YEARS:
        raise ValueError(text)
    return value


def _is_yes(text: str) -> bool:
    if text.casefold() not in ("yes", "no"):
        raise ValueError(text)
    return text.casefold() == "yes"
